// instrument/ins.h: what the files of instrument/ share.
// Everything here is hidden from the program except the functions marked INTERFACE. Above the detector's two
// headers nothing is included, so that a file of instrument/ may define a libc function whose header it avoids.
#ifndef INSTRUMENT_INS_H
#define INSTRUMENT_INS_H

#include "detector/event_inline.h"

// A name that programs, or the compiler on their behalf, may call. All else is built with hidden visibility.
#define INTERFACE __attribute__((visibility("default"), used))
// Where an entry was called from: the address after the call, which event.h calls the pc.
#define CALLER_PC ((uintptr_t)__builtin_return_address(0))

// instrument/start.c: starts the detector; any number of times, from any thread, the first call does it.
void ins_start(void);
// instrument/start.c: makes the calling thread a strand at its first event, and starts the detector if nothing
// did so before. Returns &det_nobody when there is nothing to check with: while it is itself at work on this
// thread, after the thread's last event, or when the detector could not start.
COLD struct det_strand *ins_attach(void);

// The calling thread's strand, attached if it was not. May still be &det_nobody, for the reasons above.
ALWAYS_INLINE struct det_strand *ins_self(void)
{
    struct det_strand *s = det_self();
    return likely(s != &det_nobody) ? s : ins_attach();
}

// What base/hooks.h calls point; NULL nearly always: no runtime in the program that chooses who runs.
extern void (*ins_point_slow)(void);
// At the beginning of an operation by which strands see each other's work, before anything of this thread's is looked up: the goroutine may go on
// in another.
ALWAYS_INLINE void ins_point(void)
{
    if (unlikely(ins_point_slow != NULL)) ins_point_slow();
}

#endif
