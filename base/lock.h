// base/lock.h: our own mutex: a word, a short spin, then a futex. Not recursive, no owner, zero is unlocked.
//   0 unlocked -> 1 locked -> 2 locked and somebody may sleep.  unlock: exchange 0, wake one if it was 2.
// Never taken from a signal handler: a strand that is inside the detector does not enter it again (strand.h).
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/atomic.h"
#include "base/sys.h"

struct base_lock {
    uint32_t word; // atomic, see above
};

void base_lock_slow(struct base_lock *l);

static inline bool base_trylock(struct base_lock *l)
{
    uint32_t seen = 0;
    return base_cas_acquire(&l->word, &seen, 1u); // acquire: pairs with the release in base_unlock
}
static inline void base_lock(struct base_lock *l)
{
    if (unlikely(!base_trylock(l))) base_lock_slow(l);
}
static inline void base_unlock(struct base_lock *l)
{
    // release: publishes what the lock guards; pairs with the acquire in base_lock
    if (unlikely(base_exchange_release(&l->word, 0u) == 2)) sys_futex_wake(&l->word, 1);
}
#define assert_locked(l) ASSERT(base_load_relaxed(&(l)->word) != 0)

#endif
