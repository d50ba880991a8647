// test_errgroup.c: all are waited for, the first error is kept, no more than the limit run at once, and the group may be gone at once.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

static uint32_t inside, most, ended; // atomic
static rv_sem go_on;
static int64_t limit;

static int work(void *arg)
{
    const uint32_t n = base_add_acq_rel(&inside, 1u) + 1;
    if (limit) cr_assert_leq((int64_t)n, limit);
    for (uint32_t seen = base_load_relaxed(&most); seen < n && !base_cas_relaxed(&most, &seen, n);) {}
    if ((intptr_t)arg % 3 == 0) rv_gosched();
    base_add_acq_rel(&inside, -1u);
    base_add_acq_rel(&ended, 1u);
    if ((intptr_t)arg % 5 == 0) rv_goexit();
    return 0;
}
static void many(void *arg)
{
    enum { N = 300 };
    (void)arg;
    for (int round = 0; round < 8; round++) {
        rv_errgroup group = {0};
        uint32_t refused = 0;
        limit = round % 4;
        rv_gomaxprocs(round / 4 + 1);
        inside = most = ended = 0;
        rv_errgroup_limit(&group, limit);
        for (intptr_t i = 0; i < N; i++)
            if (i % 2)
                rv_errgroup_go(&group, work, (void *)i);
            else
                refused += rv_errgroup_try_go(&group, work, (void *)i) == -EAGAIN;
        cr_assert_eq(rv_errgroup_wait(&group), 0);
        cr_assert_eq(ended + refused, N);
        if (!limit) cr_assert_eq(refused, 0);
    }
}
Test(errgroup, no_more_than_the_limit) { cr_assert_eq(rv_run(many, NULL), 0); }

// The first of the errors, in the order in which they come about.
static int fail_with(void *arg)
{
    rv_sem_acquire(NULL, &go_on, (intptr_t)arg); // first come, first served: the order of the calls
    return -(int)(intptr_t)arg;
}
static void fail(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    rv_errgroup group = {0};
    for (intptr_t i = 1; i <= 3; i++) {
        rv_errgroup_go(&group, fail_with, (void *)i);
        RIG_UNTIL(rig_waiting(RV__WHY_SEM) == i);
    }
    for (int i = 1; i <= 3; i++) {
        rv_sem_release(&go_on, i);
        RIG_UNTIL(rig_waiting(RV__WHY_SEM) == 3 - i);
        for (int k = 0; k < 10; k++) rv_gosched();
    }
    cr_assert_eq(rv_errgroup_wait(&group), -1);
    cr_assert_eq(rv_errgroup_wait(&group), -1); // it stays
}
Test(errgroup, the_first_error) { cr_assert_eq(rv_run(fail, NULL), 0); }

// With a context the first error ends those who look at it, and the wait ends it in any case.
struct watcher {
    rv_ctx *ctx;
    int cause;
};
static int until_done(void *arg)
{
    struct watcher *const w = arg;
    rv_chan_recv(rv_ctx_done(w->ctx), NULL);
    w->cause = rv_ctx_cause(w->ctx);
    return rv_ctx_err(w->ctx);
}
static int fail_at_once(void *arg) { return *(int *)arg; }
static void with_a_context(void *arg)
{
    (void)arg;
    for (int err = -5; err <= 5; err += 5) {
        rv_errgroup group = {0};
        rv_ctx *const ctx = rv_ctx_ref(rv_errgroup_with_ctx(&group, rv_ctx_background()));
        struct watcher w[4];
        for (int i = 0; i < 4; i++) w[i] = (struct watcher){.ctx = ctx};
        for (int i = 0; i < 4 && err; i++) rv_errgroup_go(&group, until_done, &w[i]);
        for (int i = 0; i < 20; i++) rv_gosched();
        cr_assert_eq(rv_ctx_err(ctx), 0);
        rv_errgroup_go(&group, fail_at_once, &err);
        cr_assert_eq(rv_errgroup_wait(&group), err);
        const int cause = err < 0 ? err : -ECANCELED;
        for (int i = 0; i < 4 && err; i++) cr_assert_eq(w[i].cause, cause);
        cr_assert_eq(rv_ctx_err(ctx), -ECANCELED);
        cr_assert_eq(rv_ctx_cause(ctx), cause);
        rv_ctx_release(ctx);
        cr_assert_eq(rv_errgroup_wait(&group), err);
    }
}
Test(errgroup, with_a_context) { cr_assert_eq(rv_run(with_a_context, NULL), 0); }

static int quick(void *arg) { return *(int *)arg; }
static void free_at_once(void *arg)
{
    int err = -7;
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < 2000; i++) {
        rv_errgroup *const group = rig_page();
        if (i % 2) rv_errgroup_limit(group, 1);
        for (int k = 0; k < 2; k++) rv_errgroup_go(group, quick, &err);
        cr_assert_eq(rv_errgroup_wait(group), -7);
        munmap(group, 4096);
    }
}
static void *free_in_thread(void *arg) { return free_at_once(arg), NULL; }
static void with_a_thread(void *arg)
{
    pthread_t t;
    cr_assert_eq(pthread_create(&t, NULL, free_in_thread, arg), 0);
    free_at_once(arg);
    while (pthread_tryjoin_np(t, NULL)) rv_gosched();
}
Test(errgroup, freed_by_who_waited)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(with_a_thread, &procs), 0);
}

static void change_the_limit(void *arg)
{
    rv_errgroup group = {0};
    (void)arg;
    rv_errgroup_go(&group, fail_with, (void *)1);
    rv_errgroup_limit(&group, 2);
}
Test(errgroup, its_limit_is_fixed)
{
    rig_dies(change_the_limit, NULL, "errgroup: its limit is changed while goroutines of it run");
}
