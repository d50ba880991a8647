// time.h: what the files of runtime/ that have timers of their own need. Inside a section.
#ifndef RUNTIME_TIME_H
#define RUNTIME_TIME_H

#include "runtime/timer.h"

struct rv__timers *rv__timers_here(void);  // the heap for what the caller starts: its P's; a plain thread's: P 0's
void rv__timer_begin(struct rv__timer *t); // adds it there, and tells whoever would sleep too long
int64_t rv__after(int64_t ns);             // now + ns; what is too far away is just before RV__NEVER

#endif
