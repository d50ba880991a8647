// where.h: what is at a code address: function, module, offset. where.c has the idea.
#ifndef RUNTIME_WHERE_H
#define RUNTIME_WHERE_H

#include <stdint.h>

#include "runtime/rt.h"

struct rv__where {
    const char *function; // NULL: not known
    const char *module;   // its path; NULL: none is there
    uintptr_t offset;     // what addr2line -e module wants
};
// Not for two threads at once; needs about 1 KiB of stack, no lock, no memory of libc's.
struct rv__where rv__where(uintptr_t pc);
struct rv__where rv__where_object(uintptr_t at); // the same of a global: its name is in `function`

// Return addresses, innermost first (the first one is where it is, not where it returns to): of a goroutine that has left its
// stack, of whoever a signal interrupted, of the caller. At most `max`; returns how many. Of more frames than that the outermost ones
// are there as well, after an RV__ELIDED in the middle.
#define RV__ELIDED ((uintptr_t)0)
int rv__walk_parked(const struct rv__context *c, uintptr_t *pcs, int max);
int rv__walk_signal(const void *ucontext, uintptr_t *pcs, int max);
int rv__walk_here(uintptr_t *pcs, int max);

#endif
