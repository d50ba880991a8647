// rwmutex.c: a mutex that one writer has, or any number of readers.
//
// state is one word (syncq.h says why): WRITER, QUEUE, WAITERS, WOKEN, PENDING, and above them the number of readers.
//   (1) PENDING: readers have it, a writer waits for them, and new readers wait for that: the last of the readers gives it to the first
//       writer of the queue. So a writer waits for no reader that came after it.
//   (2) Readers wait only while there is WRITER or PENDING. A writer that lets go gives it to all readers that wait.
//   (3) WOKEN: a writer is awake that was taken out of the queue. It takes the mutex, makes it PENDING or queues, and clears WOKEN with
//       that. If writers queue, there is WRITER, PENDING or WOKEN: somebody will see to them.
// As in mutex.c, who is awake takes a free mutex before the writer that was woken for it: given from hand to hand, each turn
// would cost a switch. One that has waited for STARVES_NS is given it, or is PENDING at once, as soon as a writer lets go.
// Destroy after observe: as in mutex.c; who was given it does not look at it again before its own unlock.
#include <errno.h>

#include "runtime/feed.h"
#include "runtime/locks.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"
#include "runtime/syncq.h"

enum { WRITER = 1, WOKEN = 8, PENDING = 16, READER = 32, STARVES_NS = 1000000 };
enum { NO_READER = WRITER | RV__QUEUE | PENDING }; // what holds back a reader, if only for a moment

// ---- locking -----------------------------------------------------------------------------------------------------------

static NOINLINE void rlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    struct rv__sleeper me = {.g = g};
    uint32_t left = rv__looks_before_parking(), looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (!(seen & NO_READER)) {
            // acquire: pairs with a writer's release
            if (base_cas_acquire(&m->state, &seen, seen + READER)) break;
        } else if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (left && !(seen & (PENDING | RV__WAITERS))) {
            left--;
            seen = rv__look_again(&m->state, &looks);
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            rv__sleepers_push(&m->readers, &me);
            rv__park_begin(g, RV__WHY_RLOCK, m);
            base_store_release(&m->state, seen | RV__WAITERS); // release: the queue, for who next has QUEUE
            rv__park(g);                                       // it is given it
            break;
        }
    }
    rv__leave(g);
}
// state is `seen` with QUEUE on top: a writer waits. WOKEN, if it was his, is no more.
static void queue_writer(rv_rwmutex *m, struct rv__sleeper *me, uint32_t seen, int64_t now)
{
    if (!me->figure) {
        me->figure = now;
        rv__sleepers_push(&m->writers, me);
    } else { // it has had its turn, and lost
        rv__sleepers_push_first(&m->writers, me);
    }
    if (!(seen & WRITER)) seen |= PENDING;
    rv__park_begin(me->g, RV__WHY_RWLOCK, m);
    base_store_release(&m->state, seen | RV__WAITERS); // release: the queue, for who next has QUEUE
}
// Takes the mutex, or queues. woken: WOKEN, if that is the caller's.
static bool take_or_queue(rv_rwmutex *m, struct rv__sleeper *me, uint32_t woken)
{
    uint32_t left = rv__looks_before_parking(), looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (seen < READER && !(seen & NO_READER)) {
            // acquire: pairs with everybody's release
            if (base_cas_acquire(&m->state, &seen, (seen | WRITER) & ~woken)) return true;
        } else if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (left && seen & WRITER && !(seen & RV__WAITERS)) {
            left--;
            seen = rv__look_again(&m->state, &looks);
        } else {
            const int64_t now = rv__now();
            // acquire: the queue, from who had QUEUE last
            if (!base_cas_acquire(&m->state, &seen, seen | RV__QUEUE)) continue;
            queue_writer(m, me, seen & ~woken, now);
            return false;
        }
    }
}
static NOINLINE void lock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    struct rv__sleeper me = {.g = g};
    uint32_t woken = 0;
    while (!take_or_queue(m, &me, woken)) {
        rv__park(g);
        if (me.given) break; // written before g was made ready
        woken = WOKEN;
    }
    rv__leave(g);
}
// Without waiting.
static inline bool take_to_read(rv_rwmutex *m)
{
    uint32_t seen = base_load_relaxed(&m->state);
    while (likely(!(seen & NO_READER)))
        if (base_cas_acquire(&m->state, &seen, seen + READER)) return true; // acquire: pairs with a writer's release
    return false;
}
static inline bool take_to_write(rv_rwmutex *m)
{
    uint32_t seen = 0;
    do
        // acquire: pairs with everybody's release
        if (base_cas_acquire(&m->state, &seen, seen | WRITER)) return true;
    while (seen < READER && !(seen & NO_READER));
    return false;
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
// The store's release pairs with the acquire of whoever has QUEUE, or the mutex, next; m may be gone afterwards.

static uint32_t waiters_left(const rv_rwmutex *m) { return m->writers || m->readers ? RV__WAITERS : 0; }
// The caller has set QUEUE on top of `seen`, and is the last of the readers; there is PENDING.
static void last_reader(rv_rwmutex *m, uint32_t seen)
{
    struct rv__sleeper *const w = rv__sleepers_pop(&m->writers);
    struct rv__g *const g = w->g;
    w->given = true;
    base_store_release(&m->state, WRITER | (seen & WOKEN) | waiters_left(m));
    rv__ready(g);
}
static NOINLINE void runlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (unlikely(seen < READER)) rv__fatal("sync: RUnlock of unlocked RWMutex");
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (!(seen & PENDING) || seen >= 2 * READER) {
            // release: pairs with the acquire of the next writer, or of the last reader. From here on m may be gone
            if (base_cas_release(&m->state, &seen, seen - READER)) break;
        } else if (base_cas_acq_rel(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acq_rel: what all readers did, for the writer
            last_reader(m, seen);
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
    while (likely(seen >= READER && !(seen & NO_READER)))
        if (base_cas_release(&m->state, &seen, seen - READER)) return; // release: as in runlock_slow
    runlock_slow(m);
}
void rv_rwmutex_runlock(rv_rwmutex *m) { rv__rwmutex_runlock_at(m, (uintptr_t)__builtin_return_address(0)); }
// The first writer of the queue, that is to run now, and what of it is in the new state; NULL: none.
static struct rv__g *next_writer(rv_rwmutex *m, uint32_t readers, uint32_t *state)
{
    struct rv__sleeper *const w = rv__sleepers_first(&m->writers);
    if (!w) return NULL;
    const bool starves = rv__now() - w->figure > STARVES_NS;
    if (starves && readers) *state |= PENDING;
    if (starves ? readers : *state & WOKEN) return NULL;
    rv__sleepers_remove(&m->writers, w);
    w->given = starves;
    *state |= starves ? WRITER : WOKEN;
    return w->g;
}
// The caller has set QUEUE on top of `seen`.
static void pass_on(rv_rwmutex *m, uint32_t seen)
{
    struct rv__glist woken = {0};
    for (struct rv__sleeper *w; (w = rv__sleepers_pop(&m->readers)) != NULL;) rv__glist_push(&woken, w->g);
    uint32_t state = (seen & WOKEN) + woken.n * READER;
    struct rv__g *const writer = next_writer(m, woken.n, &state);
    if (writer) rv__glist_push(&woken, writer);
    base_store_release(&m->state, state | waiters_left(m));
    rv__ready_list(&woken);
}
static NOINLINE void unlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (unlikely(!(seen & WRITER))) rv__fatal("sync: Unlock of unlocked RWMutex");
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (!(seen & RV__WAITERS)) {
            if (base_cas_release(&m->state, &seen, seen & ~(uint32_t)WRITER)) break; // release: as in rv_rwmutex_unlock
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            pass_on(m, seen);
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
