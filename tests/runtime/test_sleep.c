// test_sleep.c: rv_sleep and rv_timer, on the real scheduler.
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "include/ravel.h"
#include "runtime/rt.h"

enum { MS = 1000000 };
static void run(rv_fn *fn) { cr_assert_eq(rv_run(fn, NULL), 0); }
// Lets others run until the condition holds; a hang ends by the test's time-out.
#define UNTIL(condition)                                                                                               \
    while (!(condition)) rv_gosched()

// ---- sleep ---------------------------------------------------------------------------------------------------------

static void main_sleeps(void *arg)
{
    (void)arg;
    const int64_t from = rv_now();
    rv_sleep(0);
    rv_sleep(-5);
    for (int i = 0; i < 20; i++) rv_sleep(MS / 10);
    cr_assert_geq(rv_now() - from, 2 * MS);
}
// Nothing but main, which has a thread of its own: somebody must watch its timer.
Test(sleep, alone) { run(main_sleeps); }

static void one_sleep(void *arg)
{
    const int64_t from = rv_now();
    while (rv_now() - from < (intptr_t)arg) {} // an instruction more or less than last time
    rv_sleep(2 * MS);                          // so long that nobody is awake who would happen to see the timer
}
// In a new process the first M comes at about the moment at which main parks: it finds no work and goes idle, while main gives its
// P away. One of both must watch the timer.
Test(sleep, as_the_first_thing, .timeout = 60)
{
    for (intptr_t i = 0; i < 200; i++) {
        const pid_t child = fork();
        if (child == 0) _exit(rv_run(one_sleep, (void *)(i * 500)));
        int status;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(status, 0);
    }
}

static uint32_t woken;
static rv_waitgroup all;
static void sleeper(void *arg)
{
    const int64_t ns = (int64_t)(uintptr_t)arg, from = rv_now();
    rv_sleep(ns);
    cr_assert_geq(rv_now() - from, ns);
    base_add_relaxed(&woken, 1);
    rv_wg_done(&all);
}
static void many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        rv_wg_add(&all, 1);
        rv_go(sleeper, (void *)(uintptr_t)((i * 37 % 200) * MS / 10));
    }
    rv_wg_wait(&all);
    cr_assert_eq(woken, 200u);
}
Test(sleep, many) { run(many); }

static void *thread_sleeps(void *done)
{
    const int64_t from = rv__real_now(); // a thread's time is real, under sched=seed too
    rv_sleep(3 * MS);
    cr_assert_geq(rv__real_now() - from, 3 * MS);
    base_store_release((uint32_t *)done, 1u); // pairs with the acquire in threads
    return NULL;
}
static void threads(void *arg)
{
    (void)arg;
    pthread_t t;
    uint32_t done = 0;
    cr_assert_eq(pthread_create(&t, NULL, thread_sleeps, &done), 0);
    while (!base_load_acquire(&done)) rv_sleep(MS / 10);
    pthread_join(t, NULL);
}
Test(sleep, plain_threads) { run(threads); }

// ---- timers --------------------------------------------------------------------------------------------------------

static uint32_t ran;
static void count(void *arg) { base_add_acq_rel((uint32_t *)arg, 1u); }
static void basics(void *arg)
{
    (void)arg;
    rv_timer t;
    rv_timer_init(&t, count, &ran);
    cr_assert_not(rv_timer_stop(&t));
    rv_timer_start(&t, INT64_MAX); // never comes, and is not in the past
    cr_assert(rv_timer_stop(&t));
    cr_assert_not(rv_timer_stop(&t));
    rv_timer_start(&t, 3600000ll * MS);
    rv_timer_start(&t, MS); // anew: the first start is forgotten
    UNTIL(base_load_acquire(&ran) == 1);
    cr_assert_not(rv_timer_stop_wait(&t));
    rv_timer_start(&t, -1);
    UNTIL(base_load_acquire(&ran) == 2);
    rv_timer_stop_wait(&t);
    cr_assert_eq(ran, 2u);
}
Test(timers, basics) { run(basics); }

// stop_wait waits for an fn that runs; and stops what fn starts again.
static struct {
    rv_timer t;
    uint32_t entered, leave, left;
} slow;
static void slow_fn(void *arg)
{
    (void)arg;
    base_store_release(&slow.entered, 1u);
    UNTIL(base_load_acquire(&slow.leave));
    rv_timer_start(&slow.t, 3600000ll * MS);
    base_store_release(&slow.left, 1u);
}
static void let_it_leave(void *arg)
{
    (void)arg;
    base_store_release(&slow.leave, 1u);
}
static void stop_waits(void *arg)
{
    (void)arg;
    rv_timer_init(&slow.t, slow_fn, NULL);
    rv_timer_start(&slow.t, 0);
    UNTIL(base_load_acquire(&slow.entered));
    cr_assert_not(rv_timer_stop(&slow.t));
    rv_go(let_it_leave, NULL);
    rv_timer_stop_wait(&slow.t);
    cr_assert_eq(base_load_acquire(&slow.left), 1u);
    cr_assert_not(rv_timer_stop(&slow.t)); // the start in fn was stopped, too
}
Test(timers, stop_waits_for_fn) { run(stop_waits); }

struct own {
    rv_timer t;
    uint32_t *freed;
};
static void free_it(void *arg)
{
    struct own *o = arg;
    uint32_t *freed = o->freed;
    memset(o, 0xff, sizeof *o);
    free(o);
    base_add_acq_rel(freed, 1u);
}
static void freed_by_fn(void *arg)
{
    (void)arg;
    uint32_t freed = 0;
    for (int i = 0; i < 1000; i++) {
        struct own *o = malloc(sizeof *o);
        o->freed = &freed;
        rv_timer_init(&o->t, free_it, o);
        rv_timer_start(&o->t, i % 7 * 1000);
    }
    UNTIL(base_load_acquire(&freed) == 1000);
}
Test(timers, freed_by_fn) { run(freed_by_fn); }

static struct {
    rv_timer t;
    uint32_t runs;
} again;
static void restart(void *arg)
{
    (void)arg;
    if (base_add_acq_rel(&again.runs, 1u) < 49) rv_timer_start(&again.t, 1000);
}
static void restarts(void *arg)
{
    (void)arg;
    rv_timer_init(&again.t, restart, NULL);
    rv_timer_start(&again.t, 0);
    UNTIL(base_load_acquire(&again.runs) == 50);
    rv_timer_stop_wait(&again.t);
}
Test(timers, restarted_by_fn) { run(restarts); }

static struct {
    rv_timer t;
    uint32_t runs, inside;
} tick;
static void on_tick(void *arg)
{
    (void)arg;
    cr_assert_eq(base_add_acq_rel(&tick.inside, 1u), 0u, "two at once");
    for (int i = 0; i < 3; i++) rv_gosched();
    base_sub_acq_rel(&tick.inside, 1u);
    base_add_acq_rel(&tick.runs, 1u);
}
static void every(void *arg)
{
    (void)arg;
    const int64_t from = rv_now();
    rv_timer_init(&tick.t, on_tick, NULL);
    rv_timer_start_every(&tick.t, MS, MS / 5);
    UNTIL(base_load_acquire(&tick.runs) >= 20);
    cr_assert_geq(rv_now() - from, MS + 19 * (MS / 5) - MS / 5); // no tick before its time
    rv_timer_stop_wait(&tick.t);
    const uint32_t runs = tick.runs;
    rv_sleep(2 * MS);
    cr_assert_eq(tick.runs, runs);
}
Test(timers, every) { run(every); }

// Start, stop and stop_wait by many at once. Each start that is not stopped runs fn once.
enum { USERS = 4, ROUNDS = 3000 };
static struct {
    rv_timer t;
    uint32_t stops, runs;
} busy[3];
static void busy_fn(void *arg) { base_add_acq_rel(&busy[(uintptr_t)arg].runs, 1u); }
static void use(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        const int k = rand_r(&seed) % 3;
        const int what = rand_r(&seed) % 8;
        if (what == 0)
            rv_timer_stop_wait(&busy[k].t);
        else if (what < 4)
            base_add_acq_rel(&busy[k].stops, (uint32_t)rv_timer_stop(&busy[k].t));
        else
            rv_timer_start(&busy[k].t, rand_r(&seed) % 2000);
        if (i % 16 == 0) rv_gosched();
    }
    rv_wg_done(&all);
}
static void contended(void *arg)
{
    (void)arg;
    for (uintptr_t k = 0; k < 3; k++) rv_timer_init(&busy[k].t, busy_fn, (void *)k);
    for (uintptr_t i = 1; i <= USERS; i++) {
        rv_wg_add(&all, 1);
        rv_go(use, (void *)i);
    }
    rv_wg_wait(&all);
    for (int k = 0; k < 3; k++) {
        rv_timer_stop_wait(&busy[k].t);
        const uint32_t runs = busy[k].runs;
        rv_timer_start(&busy[k].t, 0);
        UNTIL(base_load_acquire(&busy[k].runs) == runs + 1);
        rv_timer_stop_wait(&busy[k].t);
    }
}
Test(timers, contended) { run(contended); }

// A plain thread's timer, while all goroutines sleep.
static rv_timer late;
static uint32_t late_runs;
static void *start_late(void *arg)
{
    (void)arg;
    rv_timer_start(&late, MS);
    while (base_load_acquire(&late_runs) == 0) rv_sleep(MS / 10);
    return NULL;
}
static void from_thread(void *arg)
{
    pthread_t t;
    (void)arg;
    rv_timer_init(&late, count, &late_runs);
    pthread_create(&t, NULL, start_late, NULL);
    rv_sleep(2 * MS);
    rv_syscall_enter();
    pthread_join(t, NULL);
    rv_syscall_exit();
    rv_timer_stop_wait(&late);
}
Test(timers, of_a_plain_thread) { run(from_thread); }
