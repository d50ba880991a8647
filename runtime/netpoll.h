// netpoll.h: goroutines that wait for file descriptors. netpoll.c has the idea and the invariants.
#ifndef RUNTIME_NETPOLL_H
#define RUNTIME_NETPOLL_H

#include <stdbool.h>
#include <stdint.h>

struct rv__glist;

// Called once, when the first goroutine waits for a descriptor or the first idle M wants to. Until then rv__netpoll_on() is false.
bool rv__netpoll_on(void);
// Waits up to timeout_ns (0: not at all; < 0: for ever) for ready descriptors, and appends who waits for them to *out.
// Only one M at a time may call it with a time-out other than 0. Inside a section, without a P.
void rv__netpoll(int64_t timeout_ns, struct rv__glist *out);
// Makes a rv__netpoll that waits return at once. Any thread, any time.
void rv__netpoll_break(void);
int64_t rv__netpoll_waiters(void); // goroutines that wait for a descriptor now; 0: nobody need poll

#endif
