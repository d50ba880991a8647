// sem.c: a counting semaphore, first come, first served.
//
// Permits and queue are under the object's lock. Who waits is given his permits by whoever releases them:
//   (1) the first waiter wants more than there are: a large request is not overtaken by small ones behind it.
// Destroy after observe: a release's last touch is its unlock, before it wakes anyone; who was given does not look again.
//
// rv_sem_post may be called by a signal handler. One that interrupted code outside of sections interrupted none that holds a lock
// of ours, so it goes on as everybody does. Otherwise (and in a thread that is no M yet: making one is nothing for a handler) it
// leaves the semaphore in a slot, and sysmon does it. Until then nobody can have the permit, so the semaphore is there.
#include <errno.h>

#include "runtime/feed.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"
#include "runtime/sem.h"
#include "runtime/syncq.h"

static struct rv__lock *lock_of(rv_sem *s) { return (struct rv__lock *)&s->lock; }
_Static_assert(sizeof(struct rv__lock) == sizeof(uint32_t), "a semaphore holds a lock");

static void check(int64_t n)
{
    if (unlikely(n < 0)) rv__fatal("semaphore: %ld permits", (long)n);
}
static bool take_locked(rv_sem *s, int64_t n)
{
    if (s->waiters || s->permits < n) return false;
    s->permits -= n;
    return true;
}
static void serve_locked(rv_sem *s, struct rv__glist *served)
{
    for (struct rv__sleeper *w; (w = rv__sleepers_first(&s->waiters)) && w->figure <= s->permits;) {
        if (!rv__sleepers_take(&s->waiters, w)) continue;
        s->permits -= w->figure;
        rv__glist_push(served, w->g);
    }
}
static void leave(struct rv__wait *w, struct rv__glist *out)
{
    rv_sem *const s = w->object;
    rv__lock(lock_of(s));
    rv__sleepers_leave(&s->waiters, w, out);
    serve_locked(s, out); // those behind it may have wanted less
    rv__unlock(lock_of(s));
}
static int wait_in(rv_sem *s, int64_t n, struct rv__g *g, rv_ctx *ctx)
{
    struct rv__wait wait = {.ctx = ctx, .g = g, .object = s, .leave = leave};
    struct rv__sleeper me = {.g = g, .figure = n, .wait = ctx ? &wait : NULL};
    wait.place = &me;
    const int err = rv__wait_begin(&wait);
    if (err) return err;
    rv__lock(lock_of(s));
    const bool got = take_locked(s, n);
    if (got || rv__wait_decided(&wait)) {
        rv__unlock(lock_of(s));
    } else {
        rv__sleepers_push(&s->waiters, &me);
        wait.parked = true;
        rv__park_begin(g, RV__WHY_SEM, s);
        rv__unlock(lock_of(s));
        rv__park(g);
    }
    return rv__wait_end(&wait, got);
}
int rv_sem_acquire(rv_ctx *ctx, rv_sem *s, int64_t n)
{
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    check(n);
    int err = rv__ctx_err(ctx, pc);
    if (unlikely(err)) return err;
    struct rv__g *const g = rv__enter();
    rv__lock(lock_of(s));
    const bool taken = take_locked(s, n);
    rv__unlock(lock_of(s));
    if (!taken) err = wait_in(s, n, g, ctx);
    rv__leave(g);
    if (unlikely(err)) return rv__ctx_err(ctx, pc);
    rv__feed_get(pc, s);
    return 0;
}
int rv_sem_try(rv_sem *s, int64_t n)
{
    rv__seeded_point();
    check(n);
    struct rv__g *const g = rv__enter();
    rv__lock(lock_of(s));
    const bool taken = take_locked(s, n);
    rv__unlock(lock_of(s));
    rv__leave(g);
    if (!taken) return -EAGAIN;
    rv__feed_get((uintptr_t)__builtin_return_address(0), s);
    return 0;
}

static void add_locked(rv_sem *s, int64_t n, struct rv__glist *served)
{
    if (unlikely(__builtin_add_overflow(s->permits, n, &s->permits))) rv__fatal("semaphore: too many permits");
    serve_locked(s, served);
}
// Inside a section.
static void release(rv_sem *s, int64_t n)
{
    struct rv__glist served = {0};
    rv__lock(lock_of(s));
    add_locked(s, n, &served);
    rv__unlock(lock_of(s)); // from here on s may be gone
    if (served.n == 1)
        rv__ready(rv__glist_pop(&served)); // next
    else
        rv__ready_list(&served);
}
void rv_sem_release(rv_sem *s, int64_t n)
{
    check(n);
    rv__feed_put((uintptr_t)__builtin_return_address(0), s);
    struct rv__g *const g = rv__enter();
    release(s, n);
    rv__leave(g);
}

// ---- posts by signal handlers --------------------------------------------------------------------------------------------

enum { SLOTS = 256 };
static rv_sem *slots[SLOTS]; // atomic: NULL: free
static uint32_t left;        // atomic: posts in them, or about to be

static COLD void leave_to_sysmon(rv_sem *s)
{
    rv_sem *none = NULL;
    base_add_acq_rel(&left, 1u); // acq_rel: before the look whether sysmon sleeps; pairs with sysmon's membarrier
    // release: what the poster did, for sysmon. All of them taken: sysmon is a thread of its own, it will come
    for (uint32_t i = 0; !base_cas_release(&slots[i], &none, s); none = NULL)
        if ((i = (i + 1) % SLOTS) == 0) sys_yield();
    rv__monitor_wake();
}
bool rv__sem_posts_left(void) { return base_load_acquire(&left) != 0; } // acquire: as in leave_to_sysmon
bool rv__sem_deliver(bool drop)
{
    if (likely(!rv__sem_posts_left())) return false;
    for (uint32_t i = 0; i < SLOTS; i++) {
        rv_sem *const s = base_exchange_acquire(&slots[i], NULL); // acquire: pairs with leave_to_sysmon
        if (!s) continue;
        base_add_relaxed(&left, -1u); // relaxed: only sysmon acts on it
        if (!drop) release(s, 1);
    }
    return true;
}
// The interrupted code, if there is any, holds nothing of ours, and may be stopped here.
static bool calm(const struct rv__m *m)
{
    return m && m->seq % 2 == 0 && base_load_relaxed(&m->attention) != RV__IN_KERNEL && !rv__feed_inside();
}
void rv_sem_post(rv_sem *s)
{
    rv__feed_put((uintptr_t)__builtin_return_address(0), s);
    if (unlikely(!calm(rv__m()))) {
        leave_to_sysmon(s);
        return;
    }
    struct rv__g *const g = rv__enter();
    release(s, 1);
    rv__leave(g);
}
