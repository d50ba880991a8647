// waitgroup.c: a counter, and who waits for it to become zero.
//
// state is {counter: 32 bits, signed | waiters: 32 bits}, changed by one atomic operation in add and done.
//   (0, 0) -add-> (n, 0) -wait-> (n, w) -done-> (0, w) -its done collects the waiters-> (0, 0)
// In state (0, w > 0) the done that brought it about alone may act; everything else that comes then is misuse.
//   (1) `waiters` of state is raised under the lock, together with the list; so whoever holds the lock finds as many in
//       the list as state said when the counter became zero.
// Destroy after observe: a done that leaves nobody to wake does not look at the waitgroup after its one operation. One
// that does wake somebody sets (0, 0) and releases the lock before it wakes anyone; until then none of the waiters has
// returned. A waiter that wakes up does not look at the waitgroup again. (Go's waiters do, to find a waitgroup that is
// used anew before all of them have returned; here that is harmless, as the list is their own by then.)
#include <errno.h>

#include "runtime/ctx.h"
#include "runtime/feed.h"
#include "runtime/rt.h"
#include "runtime/seeded.h"
#include "runtime/small.h"

enum { ONE_WAITER = 1 };
static int32_t counter_of(uint64_t state) { return (int32_t)(state >> 32); }
static uint32_t waiters_of(uint64_t state) { return (uint32_t)state; }

struct waiter {
    struct rv__g *g;
    struct waiter *next;
    struct rv__wait *wait; // NULL: no context may end it
};
static struct rv__lock *lock_of(rv_waitgroup *wg) { return (struct rv__lock *)&wg->lock; }
_Static_assert(sizeof(struct rv__lock) == sizeof(uint32_t), "a waitgroup holds a lock");

static COLD _Noreturn void misuse(void) { rv__fatal("WaitGroup misuse: Add called concurrently with Wait"); }

// Those who waited longest first.
static void collect(struct waiter *last, struct rv__glist *out)
{
    struct waiter *first = NULL, *next;
    for (struct waiter *w = last; w; w = next) {
        next = w->next;
        w->next = first;
        first = w;
    }
    for (; first; first = next) {
        next = first->next; // one that its context has ended returns as soon as it finds itself in no list
        if (!first->wait || rv__wait_claim(first->wait)) rv__glist_push(out, first->g);
    }
}
static NOINLINE void release(rv_waitgroup *wg, uint64_t state) // state: (0, w), as this done left it
{
    struct rv__g *const g = rv__enter();
    struct rv__glist woken = {0};
    rv__lock(lock_of(wg));
    collect(wg->waiters, &woken);
    wg->waiters = NULL;
    // relaxed: the lock publishes it to waiters, and add's own operation orders the rest
    if (!base_cas_relaxed(&wg->state, &state, 0u)) misuse();
    rv__unlock(lock_of(wg));
    if (woken.n == 1)
        rv__ready(rv__glist_pop(&woken)); // next
    else
        rv__ready_list(&woken);
    rv__leave(g);
}
void rv_wg_add(rv_waitgroup *wg, int64_t n)
{
    rv__seeded_point();
    if (unlikely(n != (int32_t)n)) rv__fatal("WaitGroup counter overflow");
    if (n < 0) rv__feed_put(RV__CALLER, wg);
    // acq_rel: a done publishes what was done before it to the one that brings the counter to zero, and by it to the waiters
    const uint64_t old = base_add_acq_rel(&wg->state, (uint64_t)n << 32), state = old + ((uint64_t)n << 32);
    const int32_t counter = counter_of(state);
    if (unlikely(counter < 0)) rv__fatal("negative WaitGroup counter");
    if (likely(waiters_of(state) == 0)) return; // from here on wg may be gone
    if (unlikely(counter_of(old) == 0 && n > 0)) misuse();
    if (counter == 0) release(wg, state);
}
void rv_wg_done(rv_waitgroup *wg) { rv_wg_add(wg, -1); }

// Counts the caller in, under the lock. False: the counter is zero.
static bool count_in(rv_waitgroup *wg)
{
    uint64_t state = base_load_acquire(&wg->state); // acquire: as in wait
    while (counter_of(state) != 0)
        if (base_cas_acq_rel(&wg->state, &state, state + ONE_WAITER)) return true; // acq_rel: in the line of the dones
    return false;
}
// Takes a wait out of the list and of the count. A counter that is zero is a done's, which counts as many as it saw: then of the list only.
static void leave(struct rv__wait *wait, struct rv__glist *out)
{
    rv_waitgroup *const wg = wait->object;
    struct waiter *const w = wait->place;
    rv__lock(lock_of(wg));
    struct waiter **link = (struct waiter **)&wg->waiters;
    while (*link && *link != w) link = &(*link)->next;
    if (*link) {
        *link = w->next;
        uint64_t state = base_load_relaxed(&wg->state); // relaxed: the count only
        while (counter_of(state) != 0 && !base_cas_relaxed(&wg->state, &state, state - ONE_WAITER)) {}
    }
    if (wait->parked) rv__glist_push(out, w->g);
    rv__unlock(lock_of(wg));
}
static int wait_in(rv_waitgroup *wg, struct rv__g *g, rv_ctx *ctx)
{
    struct rv__wait wait = {.ctx = ctx, .g = g, .object = wg, .leave = leave};
    struct waiter w = {.g = g, .wait = ctx ? &wait : NULL};
    wait.place = &w;
    const int err = rv__wait_begin(&wait);
    if (err) return err;
    rv__lock(lock_of(wg));
    const bool decided = rv__wait_decided(&wait), zero = !decided && !count_in(wg);
    if (decided || zero) {
        rv__unlock(lock_of(wg));
    } else {
        w.next = wg->waiters;
        wg->waiters = &w;
        wait.parked = true;
        rv__park_begin(g, RV__WHY_WAITGROUP, wg);
        rv__unlock(lock_of(wg));
        rv__park(g);
    }
    return rv__wait_end(&wait, zero);
}
static int wait_for_zero(rv_waitgroup *wg, rv_ctx *ctx)
{
    rv__seeded_point();
    // acquire: pairs with the done that made it zero
    if (counter_of(base_load_acquire(&wg->state)) == 0) return 0;
    struct rv__g *const g = rv__enter();
    const int err = wait_in(wg, g, ctx);
    rv__leave(g);
    return err;
}

void rv_wg_wait(rv_waitgroup *wg)
{
    wait_for_zero(wg, NULL);
    rv__feed_get(RV__CALLER, wg);
}
int rv_wg_wait_ctx(rv_ctx *ctx, rv_waitgroup *wg)
{
    int err = rv__ctx_err(ctx, RV__CALLER);
    if (err) return err;
    err = wait_for_zero(wg, ctx);
    if (err) return rv__ctx_err(ctx, RV__CALLER);
    rv__feed_get(RV__CALLER, wg);
    return 0;
}

struct start { // what rv_wg_go hands to its goroutine
    rv_waitgroup *wg;
    rv_fn *fn;
    void *arg;
};
static void done(void *wg) { rv_wg_done(wg); }
// Its name says to reports that it is ours.
static void rv__run_counted(void *p)
{
    const struct start s = *(struct start *)p;
    struct rv__g *const g = rv__enter();
    rv__small_put(rv__small_here(), p, sizeof s);
    rv__leave(g);
    RV_DEFER(done, s.wg); // rv_goexit out of it counts, too
    s.fn(s.arg);
}
void rv_wg_go(rv_waitgroup *wg, rv_fn *fn, void *arg)
{
    if (!fn) rv__fatal("go of a NULL function");
    struct rv__g *const g = rv__enter();
    struct start *const s = rv__small_get(rv__small_here(), sizeof *s);
    rv__leave(g);
    if (!s) rv__fatal("out of memory in rv_wg_go");
    *s = (struct start){wg, fn, arg};
    rv_wg_add(wg, 1);
    rv_go(rv__run_counted, s);
}
