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

// False: its context has ended the wait.
static NOINLINE bool take_to_read_slow(rv_rwmutex *m, struct rv__sleeper *me)
{
    uint32_t left = rv__looks_before_parking(), looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (!(seen & NO_READER)) {
            // acquire: pairs with a writer's release
            if (base_cas_acquire(&m->state, &seen, seen + READER)) return true;
        } else if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (left && !(seen & (PENDING | RV__WAITERS))) {
            left--;
            seen = rv__look_again(&m->state, &looks);
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            break;
        }
    }
    if (unlikely(rv__ended_by_now(me))) {
        base_store_release(&m->state, seen); // release: the queue, for who next has QUEUE
        return false;
    }
    rv__sleepers_push(&m->readers, me);
    if (me->wait) me->wait->parked = true;
    rv__park_begin(me->g, RV__WHY_RLOCK, m);
    base_store_release(&m->state, seen | RV__WAITERS); // release: as above
    rv__park(me->g);                                   // unless its context ends that, it is given it
    return true;
}
// A writer has set QUEUE on top of `seen`, where somebody has the mutex: the new state. WOKEN, if it was his, is no more. ended: he does not
// wait after all.
static uint32_t queue_writer(rv_rwmutex *m, struct rv__sleeper *me, uint32_t seen, int64_t now, bool ended)
{
    if (!ended) {
        if (!me->figure)
            rv__sleepers_push(&m->writers, me), me->figure = now;
        else // it has had its turn, and lost
            rv__sleepers_push_first(&m->writers, me);
        if (me->wait) me->wait->parked = true;
        rv__park_begin(me->g, RV__WHY_RWLOCK, m);
        seen |= RV__WAITERS;
    }
    return m->writers && !(seen & WRITER) ? seen | PENDING : seen; // (3)
}
// Takes the mutex, queues, or, if its context has ended the wait, does neither. woken: WOKEN, if that is the caller's.
enum outcome { TAKEN, QUEUED, ENDED };
static enum outcome take_or_queue(rv_rwmutex *m, struct rv__sleeper *me, uint32_t woken)
{
    uint32_t left = rv__looks_before_parking(), looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (seen < READER && !(seen & NO_READER)) {
            // acquire: pairs with everybody's release
            if (base_cas_acquire(&m->state, &seen, (seen | WRITER) & ~woken)) return TAKEN;
        } else if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (left && seen & WRITER && !(seen & RV__WAITERS)) {
            left--;
            seen = rv__look_again(&m->state, &looks);
        } else {
            const int64_t now = rv__now();
            // acquire: the queue, from who had QUEUE last
            if (!base_cas_acquire(&m->state, &seen, seen | RV__QUEUE)) continue;
            const bool ended = unlikely(rv__ended_by_now(me));
            // release: the queue, for who next has QUEUE
            base_store_release(&m->state, queue_writer(m, me, seen & ~woken, now, ended));
            return ended ? ENDED : QUEUED;
        }
    }
}
static NOINLINE void lock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    struct rv__sleeper me = {.g = g};
    uint32_t woken = 0;
    while (take_or_queue(m, &me, woken) == QUEUED) {
        rv__park(g);
        if (me.given) break; // written before g was made ready
        woken = WOKEN;
    }
    rv__leave(g);
}
static NOINLINE void rlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    struct rv__sleeper me = {.g = g};
    take_to_read_slow(m, &me);
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
    for (uint32_t looks = 0; !take_to_read(m);) // QUEUE alone says no more than that somebody comes or goes
        if (rv__look_again(&m->state, &looks) & (WRITER | PENDING)) return -EAGAIN;
    rv__feed_lock_acquired((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW | BASE_LOCK_READ | BASE_LOCK_TRY);
    if (rv__lock_named(&m->number)) rv__named_has(m, RV_LOCK_READS);
    return 0;
}
int rv_rwmutex_trylock(rv_rwmutex *m)
{
    rv__seeded_point();
    for (uint32_t looks = 0; !take_to_write(m);) { // as in tryrlock
        const uint32_t seen = rv__look_again(&m->state, &looks);
        if (seen & (WRITER | PENDING) || seen >= READER) return -EAGAIN;
    }
    rv__feed_lock_acquired((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW | BASE_LOCK_TRY);
    if (rv__lock_named(&m->number)) rv__named_has(m, RV_LOCK_HOLDS);
    return 0;
}

// ---- unlocking ---------------------------------------------------------------------------------------------------------
// The store's release pairs with the acquire of whoever has QUEUE, or the mutex, next; m may be gone afterwards.

static uint32_t waiters_left(const rv_rwmutex *m) { return m->writers || m->readers ? RV__WAITERS : 0; }
// With QUEUE: all readers that wait are given it; what that adds to the state.
static uint32_t give_to_readers(rv_rwmutex *m, struct rv__glist *woken)
{
    uint32_t n = 0;
    for (struct rv__sleeper *w; (w = rv__sleepers_pop(&m->readers)) != NULL; n += READER) rv__glist_push(woken, w->g);
    return n;
}
// The caller has set QUEUE on top of `seen`, and is the last of the readers; there is PENDING.
static void last_reader(rv_rwmutex *m, uint32_t seen)
{
    struct rv__glist woken = {0};
    uint32_t state = seen & WOKEN;
    struct rv__sleeper *const w = rv__sleepers_pop(&m->writers);
    if (likely(w != NULL)) {
        w->given = true;
        state |= WRITER;
        rv__glist_push(&woken, w->g);
    } else {
        state += give_to_readers(m, &woken); // contexts have ended the writers' waits
    }
    base_store_release(&m->state, state | waiters_left(m));
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
// The first writer of the queue, if it is to run now, or NULL; and what of that is in the new state.
static struct rv__g *next_writer(rv_rwmutex *m, bool readers, uint32_t *state)
{
    for (struct rv__sleeper *w; (w = rv__sleepers_first(&m->writers)) != NULL;) {
        const bool starves = rv__now() - w->figure > STARVES_NS;
        if (starves && readers) *state |= PENDING;
        if (starves ? readers : *state & WOKEN) return NULL;
        if (unlikely(!rv__sleepers_take(&m->writers, w))) continue;
        w->given = starves;
        *state |= starves ? WRITER : WOKEN;
        return w->g;
    }
    return NULL;
}
// The caller has set QUEUE on top of `seen`.
static void pass_on(rv_rwmutex *m, uint32_t seen)
{
    struct rv__glist woken = {0};
    uint32_t state = (seen & WOKEN) + give_to_readers(m, &woken);
    struct rv__g *const writer = next_writer(m, state >= READER, &state);
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

// ---- with a context ------------------------------------------------------------------------------------------------------

// A wait is taken out. Was it the last writer's, the readers that wait do so for nobody any more.
static void leave(rv_rwmutex *m, void **queue, struct rv__wait *w, struct rv__glist *out)
{
    uint32_t seen;
    const bool queued = rv__leave_begin(&m->state, &seen);
    rv__sleepers_leave(queue, w, out);
    if (!queued) return;
    uint32_t state = seen & ~(uint32_t)RV__WAITERS;
    if (state & PENDING && !m->writers) state = (state & ~(uint32_t)PENDING) + give_to_readers(m, out);
    base_store_release(&m->state, state | waiters_left(m)); // release: the queue, for who next has QUEUE
}
static void leave_readers(struct rv__wait *w, struct rv__glist *out)
{
    leave(w->object, &((rv_rwmutex *)w->object)->readers, w, out);
}
static void leave_writers(struct rv__wait *w, struct rv__glist *out)
{
    leave(w->object, &((rv_rwmutex *)w->object)->writers, w, out);
}
// As in mutex.c. 0: it is ours.
static int lock_or_end(rv_rwmutex *m, struct rv__sleeper *me)
{
    for (uint32_t woken = 0;;) {
        const enum outcome o = take_or_queue(m, me, woken);
        if (o != QUEUED) return o == TAKEN ? 0 : -ECANCELED;
        rv__park(me->g);
        if (me->given) return 0;
        if (me->wait->err) return me->wait->err; // it was no unlock that woke it
        rv__wait_again(me->wait);
        woken = WOKEN;
    }
}
static NOINLINE int rlock_slow_ctx(rv_ctx *ctx, rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    struct rv__wait wait = {.ctx = ctx, .g = g, .object = m, .leave = leave_readers};
    struct rv__sleeper me = {.g = g, .wait = &wait};
    wait.place = &me;
    int err = rv__wait_begin(&wait);
    if (!err) {
        const bool not_ended = take_to_read_slow(m, &me);
        err = rv__wait_end(&wait, not_ended && !wait.parked);
    }
    rv__leave(g);
    return err;
}
static NOINLINE int lock_slow_ctx(rv_ctx *ctx, rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    struct rv__wait wait = {.ctx = ctx, .g = g, .object = m, .leave = leave_writers};
    struct rv__sleeper me = {.g = g, .wait = &wait};
    wait.place = &me;
    int err = rv__wait_begin(&wait);
    if (!err) {
        err = lock_or_end(m, &me);
        rv__wait_end(&wait, err == 0);
    }
    rv__leave(g);
    return err;
}
static int lock_ctx(rv_ctx *ctx, rv_rwmutex *m, bool read, uintptr_t pc)
{
    rv__seeded_point();
    int err = rv__ctx_err(ctx, pc);
    if (err) return err;
    const enum rv_lock_role role = read ? RV_LOCK_READS : RV_LOCK_HOLDS;
    const bool named = rv__lock_named(&m->number);
    if (named) rv__named_wants(m, role);
    if (!(read ? take_to_read : take_to_write)(m)) err = (read ? rlock_slow_ctx : lock_slow_ctx)(ctx, m);
    if (named) (err ? rv__named_gives_up : rv__named_has)(m, role);
    if (err) return rv__ctx_err(ctx, pc);
    // It would not have waited for ever: as a try.
    rv__feed_lock_acquired(pc, m, BASE_LOCK_RW | BASE_LOCK_TRY | (read ? BASE_LOCK_READ : 0));
    return 0;
}
int rv_rwmutex_rlock_ctx(rv_ctx *ctx, rv_rwmutex *m) { return lock_ctx(ctx, m, true, RV__CALLER); }
int rv_rwmutex_lock_ctx(rv_ctx *ctx, rv_rwmutex *m) { return lock_ctx(ctx, m, false, RV__CALLER); }
