// cond.c: condition variables: a queue of waiters, first in first out, under a lock of its own.
//
// A wait queues, and lets go of the mutex, under the lock: who changes the condition with the mutex and then signals finds it
// in the queue. The mutex's own waiter is woken under the lock, too: between the begin of a park and the park nobody may.
// Destroy after observe: a signal's last touch is its unlock, before it wakes anyone; who wakes up looks at the mutex only.
#include "runtime/feed.h"
#include "runtime/locks.h"
#include "runtime/syncq.h"

static struct rv__lock *lock_of(rv_cond *c) { return (struct rv__lock *)&c->lock; }
_Static_assert(sizeof(struct rv__lock) == sizeof(uint32_t), "a cond holds a lock");

static void leave(struct rv__wait *w, struct rv__glist *out)
{
    rv_cond *const c = w->object;
    rv__lock(lock_of(c));
    rv__sleepers_leave(&c->waiters, w, out);
    rv__unlock(lock_of(c));
}
// A cancellation that comes before it has queued keeps it from parking; m is let go of, and taken again, all the same.
static void wait_in(rv_cond *c, rv_mutex *m, struct rv__g *g, struct rv__wait *wait)
{
    struct rv__sleeper me = {.g = g, .wait = wait};
    bool given = false; // it need not be hurried: we park
    if (wait) wait->place = &me;
    rv__lock(lock_of(c));
    const bool parks = !wait || !rv__wait_decided(wait);
    if (parks) rv__sleepers_push(&c->waiters, &me);
    if (wait) wait->parked = parks;
    struct rv__g *const next = rv__mutex_unlock(m, &given);
    if (next) rv__ready(next);
    if (parks) rv__park_begin(g, RV__WHY_COND, c);
    rv__unlock(lock_of(c));
    if (parks) rv__park(g);
}
static int wait_and_lock(rv_ctx *ctx, rv_cond *c, rv_mutex *m, uintptr_t pc)
{
    const bool named = rv__lock_named(&m->number);
    if (named) rv__named_lets_go(m, RV_LOCK_HOLDS);
    rv__feed_lock_release(pc, m, BASE_LOCK_COND);
    struct rv__g *const g = rv__enter();
    struct rv__wait wait = {.ctx = ctx, .g = g, .object = c, .leave = leave};
    int err = rv__wait_begin(&wait);
    if (!err) {
        wait_in(c, m, g, ctx ? &wait : NULL);
        err = rv__wait_end(&wait, false);
        if (!err) rv__feed_get(pc, g);
    } else {
        wait.decided = 1;
        wait_in(c, m, g, &wait);
    }
    rv__leave(g);
    if (named) rv__named_wants(m, RV_LOCK_HOLDS);
    rv__feed_lock_request(pc, m, BASE_LOCK_COND);
    rv__mutex_lock(m);
    rv__feed_lock_acquired(pc, m, BASE_LOCK_COND);
    if (named) rv__named_has(m, RV_LOCK_HOLDS);
    return err ? rv__ctx_err(ctx, pc) : 0;
}
void rv_cond_wait(rv_cond *c, rv_mutex *m) { wait_and_lock(NULL, c, m, (uintptr_t)__builtin_return_address(0)); }
int rv_cond_wait_ctx(rv_ctx *ctx, rv_cond *c, rv_mutex *m)
{
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    const int err = rv__ctx_err(ctx, pc);
    return err ? err : wait_and_lock(ctx, c, m, pc);
}
// What the signaller did so far, to the waiter, and to him alone: at his G, where nothing else of it counts any more.
static struct rv__g *pop(rv_cond *c, uintptr_t pc)
{
    struct rv__sleeper *const w = rv__sleepers_pop(&c->waiters);
    if (!w) return NULL;
    rv__feed_leave(pc, w->g);
    return w->g;
}
// Whoever let go of the mutex before the caller took it is in the queue for the caller to see; others need not be.
static inline bool nobody_waits(rv_cond *c) { return base_load_relaxed(&c->waiters) == NULL; }
void rv_cond_signal(rv_cond *c)
{
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    if (nobody_waits(c)) return;
    struct rv__g *const g = rv__enter();
    rv__lock(lock_of(c));
    struct rv__g *const w = pop(c, pc);
    rv__unlock(lock_of(c)); // from here on c may be gone, as soon as w runs
    if (w) rv__ready(w);
    rv__leave(g);
}
void rv_cond_broadcast(rv_cond *c)
{
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    if (nobody_waits(c)) return;
    struct rv__g *const g = rv__enter();
    struct rv__glist woken = {0};
    rv__lock(lock_of(c));
    for (struct rv__g *w; (w = pop(c, pc)) != NULL;) rv__glist_push(&woken, w);
    rv__unlock(lock_of(c)); // from here on c may be gone, as soon as they run
    rv__ready_list(&woken);
    rv__leave(g);
}
