// once.c: a function that runs once, and is over before anybody goes on.
//
// state is one word (syncq.h says why): 0 -> RUNNING, with QUEUE and WAITERS, -> OVER. OVER stays, and nothing touches the once
// any more but to read that. A call on one that is over ends in the caller (ravel.h), unless somebody wants to know of it, the
// detectors or the seeded scheduler: then it is TOLD as well, which the caller takes for not over.
#include "runtime/feed.h"
#include "runtime/seeded.h"
#include "runtime/syncq.h"

enum { RUNNING = 1, OVER = RV__ONCE_OVER, TOLD = 16 };

static uint32_t over(void) { return unlikely(rv__feed != NULL) || rv__seeded_on() ? OVER | TOLD : OVER; }

// The caller has set QUEUE on top of RUNNING and WAITERS.
static void wake_all(rv_once *once)
{
    struct rv__glist woken = {0};
    for (struct rv__sleeper *w; (w = rv__sleepers_pop(&once->waiters)) != NULL;) rv__glist_push(&woken, w->g);
    base_store_release(&once->state, over()); // release: as in finish_slow. From here on it may be gone
    rv__ready_list(&woken);
}
static NOINLINE void finish_slow(rv_once *once)
{
    struct rv__g *const g = rv__enter();
    uint32_t looks = 0, seen = base_load_relaxed(&once->state);
    for (;;) {
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&once->state, &looks);
        } else if (!(seen & RV__WAITERS)) {
            // release: what the function did; pairs with the acquire in rv_once_do and rv_once_slow. From here on it may be gone
            if (base_cas_release(&once->state, &seen, over())) break;
        } else if (base_cas_acquire(&once->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            wake_all(once);
            break;
        }
    }
    rv__leave(g);
}
struct run {
    rv_once *once;
    uintptr_t pc;
};
static void finish(void *p)
{
    const struct run *const r = p;
    rv__feed_put(r->pc, r->once);
    finish_slow(r->once);
}
static void run(rv_once *once, rv_fn *fn, void *arg, uintptr_t pc)
{
    struct run r = {once, pc};
    RV_DEFER(finish, &r); // rv_goexit out of it counts as done
    fn(arg);
}
// The function runs: waits until it is over. seen: the word.
static void wait_for_end(rv_once *once, uint32_t seen)
{
    struct rv__g *const g = rv__enter();
    struct rv__sleeper me = {.g = g};
    uint32_t looks = 0;
    while (!(seen & OVER)) {
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&once->state, &looks);
        } else if (base_cas_acquire(&once->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            rv__sleepers_push(&once->waiters, &me);
            rv__park_begin(g, RV__WHY_MUTEX, once);
            base_store_release(&once->state, seen | RV__WAITERS); // release: the queue, for who next has QUEUE
            rv__park(g);
            break;
        }
    }
    base_fence_acquire(); // pairs with the release that made it OVER, if that was seen by a relaxed load
    rv__leave(g);
}
static NOINLINE void do_slow(rv_once *once, rv_fn *fn, void *arg, uintptr_t pc)
{
    uint32_t seen = 0;
    // relaxed: nobody was here before; what comes after publishes itself
    if (base_cas_relaxed(&once->state, &seen, (uint32_t)RUNNING))
        run(once, fn, arg, pc);
    else
        wait_for_end(once, seen);
}
void rv_once_slow(rv_once *once, rv_fn *fn, void *arg)
{
    rv__seeded_point();
    const uintptr_t pc = RV__CALLER;
    if (!(base_load_acquire(&once->state) & OVER)) // acquire: pairs with the release in finish_slow
        do_slow(once, fn, arg, pc);
    rv__feed_get(pc, once);
}
