// mutex.c: a mutex with Go's two modes.
//
// state is one word of bits (syncq.h says why): LOCKED, QUEUE, WAITERS, WOKEN, STARVING.
//     free: 0 -lock-> LOCKED -unlock-> 0                    one compare-and-swap each
//     wait: LOCKED -> LOCKED|QUEUE -> LOCKED|WAITERS         the waiter, who then parks
//     wake: LOCKED|WAITERS -> LOCKED|WAITERS|QUEUE -> WAITERS|WOKEN    the first waiter runs, and tries again
//     hand: LOCKED|WAITERS|STARVING -> ...|QUEUE -> LOCKED|...         the first waiter has it
//   (1) QUEUE is set only while LOCKED is, but for a context that takes out a wait which it ends: while it does nobody takes the mutex.
//   (2) WOKEN: somebody is awake who will take the mutex or queue, and clears it then. Meanwhile an unlock wakes nobody.
//   (3) STARVING implies LOCKED and WAITERS, and excludes WOKEN: nobody takes the mutex but from its holder's hands.
// Normal mode is fast: whoever runs takes a free mutex, before those who must be woken first. One who was woken and lost for over
// STARVES_NS makes it STARVING, until the first waiter has waited less than that, or is the last.
// Destroy after observe: the last thing that an unlock does to the mutex is the compare-and-swap or store that frees it.
// Rejected: an unlock that is a plain store (5 ns less for the pair): what a waiter writes into the word could be overwritten by it, and
// it would take a membarrier and a look at every M to find out.
#include <errno.h>

#include "runtime/feed.h"
#include "runtime/locks.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"
#include "runtime/syncq.h"

enum { LOCKED = 1, WOKEN = 8, STARVING = 16, STARVES_NS = 1000000, LOOKS = 30 };

uint32_t rv__looks_before_parking(void)
{
    const struct rv__p *const p = rv__p();
    const uint32_t procs = (uint32_t)base_load_relaxed(&rv__sched.procs); // relaxed: guesses, all of them
    const uint32_t idle = base_load_relaxed(&rv__sched.idle_ps) + base_load_relaxed(&rv__sched.spinning);
    return idle + (p != NULL) < procs ? LOOKS : 0;
}

// ---- locking -----------------------------------------------------------------------------------------------------------

// state is `seen` with QUEUE on top: the caller waits. WOKEN, if it was his, is no more.
static void queue(rv_mutex *m, struct rv__sleeper *me, uint32_t seen, int64_t now)
{
    if (!me->figure) {
        me->figure = now;
        rv__sleepers_push(&m->waiters, me);
    } else { // it has had its turn, and lost
        if (now - me->figure > STARVES_NS) seen |= STARVING;
        rv__sleepers_push_first(&m->waiters, me);
    }
    if (me->wait) me->wait->parked = true;
    rv__park_begin(me->g, RV__WHY_MUTEX, m);
    base_store_release(&m->state, seen | RV__WAITERS); // release: the queue, for who next has QUEUE
}
// Who spins spares the holder a wake-up.
static uint32_t say_awake(rv_mutex *m, uint32_t *seen, uint32_t woken)
{
    const bool useful = !woken && (*seen & (RV__WAITERS | WOKEN | STARVING)) == RV__WAITERS;
    // relaxed: it only keeps an unlock from waking
    return useful && base_cas_relaxed(&m->state, seen, *seen | WOKEN) ? WOKEN : woken;
}
// Takes the mutex, queues, or, if its context has ended the wait, does neither: then it is not the one who is awake any more, either.
// woken: WOKEN, if that is the caller's.
enum outcome { TAKEN, QUEUED, ENDED };
static enum outcome take_or_queue(rv_mutex *m, struct rv__sleeper *me, uint32_t woken)
{
    uint32_t left = rv__looks_before_parking(), looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (!(seen & (LOCKED | RV__QUEUE))) {
            // acquire: pairs with the release of whoever unlocked it
            if (base_cas_acquire(&m->state, &seen, (seen | LOCKED) & ~woken)) return TAKEN;
        } else if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (left && !(seen & STARVING)) {
            left--;
            woken = say_awake(m, &seen, woken);
            seen = rv__look_again(&m->state, &looks);
        } else {
            const int64_t now = rv__now();
            // acquire: the queue, from who had QUEUE last
            if (!base_cas_acquire(&m->state, &seen, seen | RV__QUEUE)) continue;
            if (unlikely(rv__ended_by_now(me))) {
                base_store_release(&m->state, seen & ~woken); // release: the queue, for who next has QUEUE
                return ENDED;
            }
            queue(m, me, seen & ~woken, now);
            return QUEUED;
        }
    }
}
static NOINLINE void lock_slow(rv_mutex *m)
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
// state becomes `seen` without QUEUE, after the queue's change.
static uint32_t without_waiters(const rv_mutex *m, uint32_t seen)
{
    return m->waiters ? seen : seen & ~(uint32_t)(RV__WAITERS | STARVING);
}
static void leave(struct rv__wait *w, struct rv__glist *out)
{
    rv_mutex *const m = w->object;
    uint32_t seen;
    const bool queued = rv__leave_begin(&m->state, &seen);
    rv__sleepers_leave(&m->waiters, w, out);
    // release: the queue, for who next has QUEUE
    if (queued) base_store_release(&m->state, without_waiters(m, seen));
}
// 0: it is ours.
static int lock_or_end(rv_mutex *m, struct rv__wait *wait)
{
    struct rv__sleeper me = {.g = wait->g, .wait = wait};
    wait->place = &me;
    for (uint32_t woken = 0;;) {
        const enum outcome o = take_or_queue(m, &me, woken);
        if (o != QUEUED) return o == TAKEN ? 0 : -ECANCELED;
        rv__park(wait->g);
        if (me.given) return 0;
        if (wait->err) return wait->err; // it was no unlock that woke it
        rv__wait_again(wait);
        woken = WOKEN;
    }
}
static NOINLINE int lock_slow_ctx(rv_mutex *m, rv_ctx *ctx)
{
    struct rv__g *const g = rv__enter();
    struct rv__wait wait = {.ctx = ctx, .g = g, .object = m, .leave = leave};
    int err = rv__wait_begin(&wait);
    if (!err) {
        err = lock_or_end(m, &wait);
        rv__wait_end(&wait, err == 0);
    }
    rv__leave(g);
    return err;
}
static inline void lock(rv_mutex *m)
{
    uint32_t seen = 0;
    if (unlikely(!base_cas_acquire(&m->state, &seen, (uint32_t)LOCKED))) lock_slow(m); // acquire: as in take_or_queue
}
void rv__mutex_lock(rv_mutex *m) { lock(m); }
static NOINLINE void lock_watched(rv_mutex *m, uintptr_t pc)
{
    const bool named = rv__lock_named(&m->number);
    if (named) rv__named_wants(m, RV_LOCK_HOLDS);
    rv__feed_lock_request(pc, m, 0);
    lock(m);
    rv__feed_lock_acquired(pc, m, 0);
    if (named) rv__named_has(m, RV_LOCK_HOLDS);
}
void rv__mutex_lock_at(rv_mutex *m, uintptr_t pc)
{
    rv__seeded_point();
    lock_watched(m, pc);
}
void rv_mutex_lock(rv_mutex *m)
{
    rv__seeded_point();
    if (unlikely(rv__feed != NULL) || rv__lock_named(&m->number))
        lock_watched(m, (uintptr_t)__builtin_return_address(0));
    else
        lock(m);
}
int rv_mutex_lock_ctx(rv_ctx *ctx, rv_mutex *m)
{
    rv__seeded_point();
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    uint32_t seen = 0;
    int err = rv__ctx_err(ctx, pc);
    if (err) return err;
    const bool named = rv__lock_named(&m->number);
    if (named) rv__named_wants(m, RV_LOCK_HOLDS);
    if (!base_cas_acquire(&m->state, &seen, (uint32_t)LOCKED))
        err = lock_slow_ctx(m, ctx); // acquire: as in take_or_queue
    if (named) (err ? rv__named_gives_up : rv__named_has)(m, RV_LOCK_HOLDS);
    if (unlikely(err)) return rv__ctx_err(ctx, pc);
    rv__feed_lock_acquired(pc, m, BASE_LOCK_TRY); // it would not have waited for ever
    return 0;
}
int rv_mutex_trylock(rv_mutex *m)
{
    rv__seeded_point();
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (seen & LOCKED) return -EAGAIN;
        if (unlikely(seen & RV__QUEUE))
            seen = rv__look_again(&m->state, &looks);
        else if (base_cas_acquire(&m->state, &seen, seen | LOCKED)) // acquire: as in take_or_queue
            break;
    }
    rv__feed_lock_acquired((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_TRY);
    if (rv__lock_named(&m->number)) rv__named_has(m, RV_LOCK_HOLDS);
    return 0;
}

// ---- unlocking ---------------------------------------------------------------------------------------------------------

// state is `seen` with QUEUE on top, and there are waiters.
static struct rv__g *wake_first(rv_mutex *m, uint32_t seen, bool *given)
{
    struct rv__sleeper *const w = rv__sleepers_pop(&m->waiters);
    if (unlikely(!w)) { // contexts have ended all their waits
        base_store_release(&m->state, without_waiters(m, seen) & ~(uint32_t)LOCKED); // release: as below
        return NULL;
    }
    struct rv__g *const g = w->g;
    const bool more = m->waiters != NULL;
    if (!more) seen &= ~(uint32_t)RV__WAITERS;
    w->given = *given = seen & STARVING;
    if (!*given)
        seen = (seen & ~(uint32_t)LOCKED) | WOKEN;
    else if (!more || rv__now() - w->figure < STARVES_NS)
        seen &= ~(uint32_t)STARVING;
    base_store_release(&m->state, seen); // release: pairs with the next one's acquire. From here on m may be gone
    return g;
}
struct rv__g *rv__mutex_unlock(rv_mutex *m, bool *given)
{
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (unlikely(!(seen & LOCKED))) rv__fatal("sync: unlock of unlocked mutex");
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (!(seen & RV__WAITERS) || seen & WOKEN) {
            // release: pairs with the acquire of whoever locks it next. From here on m may be gone
            if (base_cas_release(&m->state, &seen, seen & ~(uint32_t)LOCKED)) return NULL;
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            return wake_first(m, seen, given);
        }
    }
}
static NOINLINE void unlock_slow(rv_mutex *m)
{
    bool given = false;
    struct rv__g *const g = rv__enter(), *const next = rv__mutex_unlock(m, &given);
    if (next) rv__ready(next);
    rv__leave(g);
    if (given) rv_gosched(); // or it waits on for the end of our slice, and all others for it
}
void rv__mutex_unlock_at(rv_mutex *m, uintptr_t pc)
{
    if (rv__lock_named(&m->number)) rv__named_lets_go(m, RV_LOCK_HOLDS);
    rv__feed_lock_release(pc, m, 0);
    uint32_t seen = LOCKED;
    // release: pairs with the acquire of whoever locks it next. From here on m may be gone
    if (unlikely(!base_cas_release(&m->state, &seen, 0u))) unlock_slow(m);
}
void rv_mutex_unlock(rv_mutex *m) { rv__mutex_unlock_at(m, (uintptr_t)__builtin_return_address(0)); }
