// time.c: rv_sleep and rv_timer, on the heaps of timer.c.
//
// A goroutine that sleeps has its timer on its own stack: nothing touches it once fire has made the goroutine ready. A
// plain thread sleeps in the kernel: it has no P whose timers anybody would look after on its behalf.
//
// An rv_timer is in the user's memory, and its fn, which runs on a goroutine of its own, may free it. So a goroutine
// that runs fn knows nothing of the timer, only its `struct run`, which is ours. The timer remembers the run and its
// number; the run's memory is never anything but a run, and takes a new number when it is over, so a look at a run that
// is over finds that out under the run's lock.
//   `due` counts the starts whose fire is still to come: at most one is in a heap, the others are between being taken
//   out and fire. Every start ends in one stop that says true (due - 1) or one fire (due - 1).
//   (1) Everything in the timer is guarded by its lock, but for what timer.c guards.
//   (2) A run is `fns` goroutines that run fn; at 0 it is over: number + 1, and back to the pool.
// Locks, outermost first: timer, heap or run.
#include "runtime/feed.h"
#include "runtime/time.h"

#include <errno.h>
#include <time.h>

#include "base/arena.h"
#include "runtime/sched.h"

struct rv__timers *rv__timers_here(void)
{
    struct rv__p *p = rv__p();
    if (unlikely(!p)) p = base_load_acquire(&rv__sched.ps[0]); // acquire: its heap; it never retires
    if (unlikely(!p)) rv__fatal("a timer before rv_run");
    return &p->timers;
}
// A timer that is due at `when` is the earliest of its heap. A goroutine's M looks after it; nobody does a plain
// thread's, when all Ms sleep.
static void tell(int64_t when)
{
    rv__wake_timers(when);
    if (unlikely(!rv__p()) && rv__wants_poller()) rv__wake_one();
}
void rv__timer_begin(struct rv__timer *t)
{
    const int64_t when = t->when; // t may have fired by the time that add returns
    if (rv__timer_add(rv__timers_here(), t)) tell(when);
}
static int64_t later(int64_t now, int64_t ns)
{
    int64_t when;
    return __builtin_add_overflow(now, ns > 0 ? ns : 0, &when) ? RV__NEVER - 1 : when;
}
int64_t rv__after(int64_t ns) { return later(rv__now(), ns); }

// ---- sleep ---------------------------------------------------------------------------------------------------------

static void sleep_thread(int64_t ns) // in real time, always
{
    const int64_t when = later(rv__real_now(), ns);
    const struct timespec t = {when / 1000000000, when % 1000000000};
    while (sys_call4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == -EINTR) {}
}
static void wake_sleeper(struct rv__timer *t, int64_t now)
{
    (void)now;
    rv__ready_fired(t->arg);
}
void rv_sleep(int64_t ns)
{
    if (ns <= 0) return;
    struct rv__g *g = rv__enter();
    if (g->kind == RV__THREAD) {
        rv__leave(g);
        sleep_thread(ns);
        return;
    }
    const int64_t when = rv__after(ns);
    struct rv__timer t = {.when = when, .fire = wake_sleeper, .arg = g};
    rv__park_begin(g, RV__WHY_SLEEP, NULL); // before the heap's unlock, which publishes it
    // By the time it is in the heap another M may have fired it; t stays, because g is still on this stack.
    if (rv__timer_add(rv__timers_here(), &t)) tell(when);
    rv__park(g);
    rv__leave(g);
}

// ---- rv_timer ------------------------------------------------------------------------------------------------------

struct run {
    void *next_free; // the pool's
    struct rv__lock lock;
    uint32_t fns;              // guarded by lock
    uint64_t number;           // guarded by lock; first 1
    rv_fn *fn;                 // constant while it lasts
    const struct timer *timer; // constant while it lasts: for the detectors only a name, see STARTS and ENDS
    void *arg;                 // constant while it lasts
    struct rv__glist waiters;  // in rv_timer_stop_wait; guarded by lock
};
struct timer {
    struct rv__timer t; // t.arg is fn's
    rv_fn *fn;          // constant after init
    struct run *run;    // the latest, or NULL
    uint64_t number;    // of it
    struct rv__lock lock;
    uint32_t due;
};
// Where those who start a timer, and where those who have run its fn, leave what they did.
#define STARTS(tm) (&(tm)->t)
#define ENDS(tm)   (&(tm)->fn)
_Static_assert(sizeof(struct timer) <= sizeof(rv_timer), "an rv_timer has room for what it is");
static struct base_pool runs = {.size = sizeof(struct run)};

// The timer's run, locked; NULL: it is over.
static struct run *lock_run(struct timer *tm)
{
    struct run *r = tm->run;
    if (!r) return NULL;
    rv__lock(&r->lock);
    if (r->number == tm->number) return r;
    rv__unlock(&r->lock);
    tm->run = NULL;
    return NULL;
}
static void end_run(struct run *r)
{
    struct rv__glist waiters = {0};
    struct rv__g *g = rv__enter();
    rv__lock(&r->lock);
    const bool over = --r->fns == 0;
    if (over) {
        r->number++;
        waiters = r->waiters;
        r->waiters = (struct rv__glist){0};
    }
    rv__unlock(&r->lock);
    if (over) base_pool_put(&runs, r);
    if (waiters.head) rv__ready_list(&waiters);
    rv__leave(g);
}
static void run_fn(void *p)
{
    struct run *r = p;
    rv__feed_get((uintptr_t)run_fn, STARTS(r->timer));
    r->fn(r->arg);
    rv__feed_put((uintptr_t)run_fn, ENDS(r->timer)); // fn may have freed the timer: this is a name, nothing is read
    end_run(r);
}
// One goroutine more in the timer's run; NULL: fn runs already, and `alone` is asked for.
static struct run *join_run(struct timer *tm, bool alone)
{
    struct run *r = lock_run(tm);
    if (r) {
        const bool joins = !alone;
        r->fns += joins;
        rv__unlock(&r->lock);
        return joins ? r : NULL;
    }
    r = base_pool_get(&runs);
    rv__lock(&r->lock); // against who still looks at it under its old number
    tm->number = r->number += r->number == 0;
    r->fns = 1;
    r->fn = tm->fn;
    r->arg = tm->t.arg;
    r->timer = tm;
    rv__unlock(&r->lock);
    return tm->run = r;
}
// Between being taken out of the heap and this, the timer may have been started anew, or, with a period, been stopped:
// then again refuses. Either way this fire is one of `due`.
static void fire_timer(struct rv__timer *t, int64_t now)
{
    struct timer *tm = (struct timer *)t;
    rv__lock(&tm->lock);
    const bool every = t->period != 0;
    if (!every || !rv__timer_again(rv__timers_here(), t, now)) tm->due--;
    struct run *r = join_run(tm, every);
    rv__unlock(&tm->lock);
    // From here on the timer belongs to fn.
    if (!r) return;
    struct rv__p *p = rv__p();
    rv__g_launch(p, rv__g_make(NULL, p, run_fn, r, 0, (uintptr_t)run_fn));
}

void rv_timer_init(rv_timer *t, rv_fn *fn, void *arg)
{
    rv__feed_anew(RV__CALLER, STARTS((struct timer *)t));
    rv__feed_anew(RV__CALLER, ENDS((struct timer *)t));
    *(struct timer *)t = (struct timer){.t = {.fire = fire_timer, .arg = arg}, .fn = fn};
}
static bool stop_locked(struct timer *tm)
{
    if (tm->due == 0 || !rv__timer_del(&tm->t)) return false;
    tm->due--;
    return true;
}
void rv_timer_start_every(rv_timer *t, int64_t ns, int64_t every)
{
    struct timer *tm = (struct timer *)t;
    if (!tm->fn) rv__fatal("start of a timer without a function");
    rv__feed_put(RV__CALLER, STARTS(tm));
    struct rv__g *g = rv__enter();
    const int64_t when = rv__after(ns);
    rv__lock(&tm->lock);
    stop_locked(tm);
    tm->due++;
    tm->t.when = when;
    tm->t.period = every > 0 ? every : 0;
    const bool earliest = rv__timer_add(rv__timers_here(), &tm->t);
    rv__unlock(&tm->lock);
    // No look at the timer from here on: it may have fired, and be freed.
    if (earliest) tell(when);
    rv__leave(g);
}
void rv_timer_start(rv_timer *t, int64_t ns) { rv_timer_start_every(t, ns, 0); }

bool rv_timer_stop(rv_timer *t)
{
    struct timer *tm = (struct timer *)t;
    struct rv__g *g = rv__enter();
    rv__lock(&tm->lock);
    const bool stopped = stop_locked(tm);
    rv__unlock(&tm->lock);
    rv__leave(g);
    return stopped;
}
// Waits for one thing that keeps the timer busy. True: there is none.
static bool quiet(struct timer *tm, struct rv__g *g, bool *stopped)
{
    rv__lock(&tm->lock);
    *stopped |= stop_locked(tm);
    const bool coming =
        tm->due != 0; // another M is about to fire it: a few instructions away, if the kernel lets it run
    struct run *r = coming ? NULL : lock_run(tm);
    if (r) {
        rv__glist_push(&r->waiters, g);
        rv__park_begin(g, RV__WHY_TIMER, tm);
        rv__unlock(&r->lock);
    }
    rv__unlock(&tm->lock);
    if (r) rv__park(g);
    if (coming) sys_yield();
    return !r && !coming;
}
bool rv_timer_stop_wait(rv_timer *t)
{
    bool stopped = false;
    struct rv__g *g = rv__enter();
    while (!quiet((struct timer *)t, g, &stopped)) {}
    rv__leave(g);
    rv__feed_get(RV__CALLER, ENDS((struct timer *)t)); // also of those that were over by then: the caller relies on it
    return stopped;
}
