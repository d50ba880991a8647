// lock.h: the runtime's own lock: one word, 0 unlocked, 1 locked. Zero is unlocked.
// Spins, then gives the CPU away; never sleeps on the word, so unlock is a plain release store (5.7 ns for the pair against
// 10.7 with an exchange). Taken only inside a section (rt.h), for a few instructions: its holder is never preempted in
// place, only by the kernel. Ranks, outermost first: object (channel, waitgroup, ...), timers, sched, stack pool.
#ifndef RUNTIME_LOCK_H
#define RUNTIME_LOCK_H

#include "base/atomic.h"
#include "base/sys.h"

struct rv__lock {
    uint32_t word; // atomic
};

COLD void rv__lock_slow(struct rv__lock *l);

static inline bool rv__trylock(struct rv__lock *l)
{
    uint32_t seen = 0;
    return base_cas_acquire(&l->word, &seen, 1u); // acquire: pairs with the release in rv__unlock
}
static inline void rv__lock(struct rv__lock *l)
{
    if (unlikely(!rv__trylock(l))) rv__lock_slow(l);
}
static inline void rv__unlock(struct rv__lock *l)
{
    base_store_release(&l->word, 0u); // release: publishes what the lock guards
}

#endif
