// rwmutex.c: a mutex that one writer has, or any number of readers.
//
// state is one word (syncq.h says why): WRITER, QUEUE, WAITERS, and above them the number of readers.
//   (1) WAITERS implies WRITER or readers: who lets go last gives it to those who wait next, and wakes them; they have it by then.
//   (2) Readers wait while there is a writer or WAITERS: a waiting writer holds back new readers.
// A writer that lets go gives it to all readers that wait, if there are any, else to the next writer; the last reader gives it to
// the next writer. So they take turns, and neither side starves.
// Destroy after observe: as in mutex.c; who was woken does not look at it again before its own unlock.
#include <errno.h>

#include "runtime/feed.h"
#include "runtime/locks.h"
#include "runtime/seeded.h"
#include "runtime/syncq.h"

enum { WRITER = 1, READER = 8, FLAGS = READER - 1 };

// ---- locking -----------------------------------------------------------------------------------------------------------

// state is `seen` with QUEUE on top: g waits.
static void wait_in(rv_rwmutex *m, void **queue, struct rv__g *g, enum rv__why why, uint32_t seen)
{
    struct rv__sleeper me = {.g = g};
    rv__sleepers_push(queue, &me);
    rv__park_begin(g, why, m);
    base_store_release(&m->state, seen | RV__WAITERS); // release: the queue, for who next has QUEUE
    rv__park(g);
}
// The word becomes seen + more where none of `against` is in it; otherwise the caller waits.
ALWAYS_INLINE void take_or_wait(rv_rwmutex *m, uint32_t against, uint32_t more, void **queue, enum rv__why why)
{
    struct rv__g *const g = rv__enter();
    uint32_t left = rv__looks_before_parking(), looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (!(seen & against)) {
            // acquire: pairs with the release of whoever let go of it
            if (base_cas_acquire(&m->state, &seen, seen + more)) break;
        } else if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (left && !(seen & RV__WAITERS)) {
            left--;
            seen = rv__look_again(&m->state, &looks);
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            wait_in(m, queue, g, why, seen);
            break;
        }
    }
    rv__leave(g);
}
static NOINLINE void rlock_slow(rv_rwmutex *m) { take_or_wait(m, FLAGS, READER, &m->readers, RV__WHY_RLOCK); }
static NOINLINE void lock_slow(rv_rwmutex *m) { take_or_wait(m, ~0u, WRITER, &m->writers, RV__WHY_RWLOCK); }
// Without waiting.
static inline bool take_to_read(rv_rwmutex *m)
{
    uint32_t seen = base_load_relaxed(&m->state);
    while (likely(!(seen & FLAGS)))
        if (base_cas_acquire(&m->state, &seen, seen + READER)) return true; // acquire: pairs with a writer's release
    return false;
}
static inline bool take_to_write(rv_rwmutex *m)
{
    uint32_t seen = 0;
    return base_cas_acquire(&m->state, &seen, (uint32_t)WRITER); // acquire: pairs with everybody's release
}
void rv__rwmutex_rlock_at(rv_rwmutex *m, uintptr_t pc)
{
    rv__seeded_point();
    const bool named = rv__lock_named(&m->number);
    if (named) rv__named_wants(m, RV_LOCK_READS);
    rv__feed_lock_request(pc, m, BASE_LOCK_RW | BASE_LOCK_READ);
    if (unlikely(!take_to_read(m))) rlock_slow(m);
    rv__feed_lock_acquired(pc, m, BASE_LOCK_RW | BASE_LOCK_READ);
    if (named) rv__named_has(m, RV_LOCK_READS);
}
void rv_rwmutex_rlock(rv_rwmutex *m) { rv__rwmutex_rlock_at(m, (uintptr_t)__builtin_return_address(0)); }
void rv__rwmutex_lock_at(rv_rwmutex *m, uintptr_t pc)
{
    rv__seeded_point();
    const bool named = rv__lock_named(&m->number);
    if (named) rv__named_wants(m, RV_LOCK_HOLDS);
    rv__feed_lock_request(pc, m, BASE_LOCK_RW);
    if (unlikely(!take_to_write(m))) lock_slow(m);
    rv__feed_lock_acquired(pc, m, BASE_LOCK_RW);
    if (named) rv__named_has(m, RV_LOCK_HOLDS);
}
void rv_rwmutex_lock(rv_rwmutex *m) { rv__rwmutex_lock_at(m, (uintptr_t)__builtin_return_address(0)); }
int rv_rwmutex_tryrlock(rv_rwmutex *m)
{
    rv__seeded_point();
    // Somebody who is about to queue, or has, is against it as well: he waits for a reason.
    if (!take_to_read(m)) return -EAGAIN;
    rv__feed_lock_acquired((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW | BASE_LOCK_READ | BASE_LOCK_TRY);
    if (rv__lock_named(&m->number)) rv__named_has(m, RV_LOCK_READS);
    return 0;
}
int rv_rwmutex_trylock(rv_rwmutex *m)
{
    rv__seeded_point();
    if (!take_to_write(m)) return -EAGAIN;
    rv__feed_lock_acquired((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW | BASE_LOCK_TRY);
    if (rv__lock_named(&m->number)) rv__named_has(m, RV_LOCK_HOLDS);
    return 0;
}

// ---- unlocking ---------------------------------------------------------------------------------------------------------

static uint32_t waiters_left(const rv_rwmutex *m) { return m->writers || m->readers ? RV__WAITERS : 0; }
// The caller has set QUEUE. The store's release pairs with the acquire of whoever has QUEUE next; m may be gone afterwards.
static void give_to_writer(rv_rwmutex *m)
{
    struct rv__g *const g = rv__sleepers_pop(&m->writers)->g;
    base_store_release(&m->state, WRITER | waiters_left(m));
    rv__ready(g);
}
static void give_to_readers(rv_rwmutex *m)
{
    struct rv__glist woken = {0};
    for (struct rv__sleeper *w; (w = rv__sleepers_pop(&m->readers)) != NULL;) rv__glist_push(&woken, w->g);
    base_store_release(&m->state, woken.n * READER | waiters_left(m));
    rv__ready_list(&woken);
}
static NOINLINE void runlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (unlikely(seen < READER)) rv__fatal("sync: RUnlock of unlocked RWMutex");
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (!(seen & RV__WAITERS) || seen >= 2 * READER) {
            // release: pairs with the acquire of the next writer, or of the last reader. From here on m may be gone
            if (base_cas_release(&m->state, &seen, seen - READER)) break;
        } else if (base_cas_acq_rel(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acq_rel: what all readers did, for the writer
            give_to_writer(m);
            break;
        }
    }
    rv__leave(g);
}
void rv__rwmutex_runlock_at(rv_rwmutex *m, uintptr_t pc)
{
    if (rv__lock_named(&m->number)) rv__named_lets_go(m, RV_LOCK_READS);
    rv__feed_lock_release(pc, m, BASE_LOCK_RW | BASE_LOCK_READ);
    uint32_t seen = base_load_relaxed(&m->state);
    while (likely(seen >= READER && !(seen & FLAGS)))
        if (base_cas_release(&m->state, &seen, seen - READER)) return; // release: as in runlock_slow
    runlock_slow(m);
}
void rv_rwmutex_runlock(rv_rwmutex *m) { rv__rwmutex_runlock_at(m, (uintptr_t)__builtin_return_address(0)); }
static NOINLINE void unlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (unlikely(!(seen & WRITER))) rv__fatal("sync: Unlock of unlocked RWMutex");
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (!(seen & RV__WAITERS)) {
            if (base_cas_release(&m->state, &seen, 0u)) break; // release: as in rv_rwmutex_unlock
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            (m->readers ? give_to_readers : give_to_writer)(m);
            break;
        }
    }
    rv__leave(g);
}
void rv__rwmutex_unlock_at(rv_rwmutex *m, uintptr_t pc)
{
    if (rv__lock_named(&m->number)) rv__named_lets_go(m, RV_LOCK_HOLDS);
    rv__feed_lock_release(pc, m, BASE_LOCK_RW);
    uint32_t seen = WRITER;
    // release: pairs with the acquire of whoever takes it next. From here on m may be gone
    if (unlikely(!base_cas_release(&m->state, &seen, 0u))) unlock_slow(m);
}
void rv_rwmutex_unlock(rv_rwmutex *m) { rv__rwmutex_unlock_at(m, (uintptr_t)__builtin_return_address(0)); }
