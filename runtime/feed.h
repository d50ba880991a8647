// feed.h: what the runtime tells the detector, if there is one in the program.
#ifndef RUNTIME_FEED_H
#define RUNTIME_FEED_H

#include <stdbool.h>

// The running strand is inside the detector: it must not be stopped now.
static inline bool rv__feed_inside(void) { return false; }

#endif
