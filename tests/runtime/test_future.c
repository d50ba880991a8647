// test_future.c: the same result for all who ask, as often as they like; references; several at once; and futures that are gone at once.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

struct result {
    uint64_t number;
    char more[40];
};
static uint32_t runs; // atomic
static rv_sem go_on;

static int work(void *arg, void *out)
{
    struct result *const r = out;
    cr_assert(r->number == 0 && r->more[39] == 0);
    for (uint64_t i = 0; i < (uintptr_t)arg % 4; i++) rv_gosched();
    *r = (struct result){(uintptr_t)arg, "more than a few words of it"};
    base_add_relaxed(&runs, 1u);
    return -(int)((uintptr_t)arg % 3);
}
static void check(int got, const struct result *r, uint64_t i)
{
    cr_assert_eq(got, -(int)(i % 3));
    cr_assert_eq(r->number, i);
    cr_assert_str_eq(r->more, "more than a few words of it");
}
// No goroutine is left behind; the last ones are perhaps still on their way out.
static void nobody_left(int64_t before) { RIG_UNTIL(rv_num_goroutine() == before); }

// ---- who gets what -------------------------------------------------------------------------------------------------------

enum { GETTERS = 5 };
struct getter {
    rv_future *f;
    uint64_t i, way;
    rv_waitgroup *left;
};
// Waits in one of the ways that there are. Whoever has waited finds it over in all others.
static void ask(rv_future *f, uint64_t i, uint64_t way)
{
    struct result r = {0};
    int got = -EAGAIN;
    if (way % 6 == 0) got = rv_future_get(f, &r);
    if (way % 6 == 1) got = rv_future_get_ctx(rv_ctx_background(), f, &r);
    if (way % 6 == 2) cr_assert_not(rv_chan_recv(rv_future_done(f), NULL));
    if (way % 6 == 3) cr_assert_eq(rv_future_all(&f, 1), -(int)(i % 3));
    if (way % 6 == 4) cr_assert_eq(rv_future_any(&f, 1), 0);
    if (way % 6 == 5) RIG_UNTIL(rv_future_try_get(f, NULL) != -EAGAIN);
    check(got == -EAGAIN ? rv_future_try_get(f, &r) : got, &r, i);
    check(rv_future_get(f, &r), &r, i);
    cr_assert_eq(rv_chan_try_recv(rv_future_done(f), NULL), -EPIPE);
}
static void get_and_release(void *p)
{
    struct getter *const c = p;
    ask(c->f, c->i, c->way);
    rv_future_release(c->f);
    rv_wg_done(c->left);
}
static void many(void *arg)
{
    enum { N = 1000 };
    static struct getter getters[N][GETTERS];
    const int64_t before = rv_num_goroutine();
    rv_waitgroup left = {0};
    rv_gomaxprocs(*(int *)arg);
    runs = 0;
    for (uint64_t i = 0; i < N; i++) {
        rv_future *const f = rv_async(work, (void *)i, sizeof(struct result));
        for (int k = 0; k < (int)(i % GETTERS); k++) {
            rv_wg_add(&left, 1);
            getters[i][k] = (struct getter){rv_future_ref(f), i, i / GETTERS + (uint64_t)k, &left};
            rv_go(get_and_release, &getters[i][k]);
        }
        if (i % 7) ask(f, i, i);
        rv_future_release(f); // perhaps before its end
    }
    rv_wg_wait(&left);
    RIG_UNTIL(base_load_relaxed(&runs) == N);
    nobody_left(before);
}
Test(future, all_get_the_same)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(many, &procs), 0);
}

static void *get_in_thread(void *f)
{
    struct result r;
    check(rv_future_get(f, &r), &r, 5);
    check(rv_future_try_get(f, &r), &r, 5);
    rv_future_release(f);
    return NULL;
}
static int work_later(void *arg, void *out)
{
    rv_sem_acquire(NULL, &go_on, 1);
    return work(arg, out);
}
static void threads_too(void *arg)
{
    pthread_t t[3];
    rv_future *const f = rv_async(work_later, (void *)5, sizeof(struct result));
    (void)arg;
    for (int i = 0; i < 3; i++) cr_assert_eq(pthread_create(&t[i], NULL, get_in_thread, rv_future_ref(f)), 0);
    RIG_UNTIL(rig_waiting(RV__WHY_CHAN_RECV) == 3);
    rv_sem_release(&go_on, 1);
    for (int i = 0; i < 3; i++)
        while (pthread_tryjoin_np(t[i], NULL)) rv_gosched();
    rv_future_release(f);
}
Test(future, threads) { cr_assert_eq(rv_run(threads_too, NULL), 0); }

// ---- ends of other kinds -------------------------------------------------------------------------------------------------

static int leave(void *arg, void *out)
{
    *(int *)out = *(int *)arg;
    rv_goexit();
}
static int nothing(void *arg, void *out)
{
    (void)out;
    return *(int *)arg;
}
static void without_return(void *arg)
{
    int seven = 7, out = 0;
    (void)arg;
    rv_future *const f = rv_async(leave, &seven, sizeof seven), *const g = rv_async(nothing, &seven, 0);
    cr_assert_eq(rv_future_get(f, &out), -ECANCELED);
    cr_assert_eq(out, 7);
    cr_assert_eq(rv_future_get(g, &out), 7); // no bytes
    cr_assert_eq(rv_future_get(g, NULL), 7);
    cr_assert_eq(out, 7);
    rv_future_release(f);
    rv_future_release(g);
    rv_future_release(NULL);
}
Test(future, left_by_goexit_and_of_nothing) { cr_assert_eq(rv_run(without_return, NULL), 0); }

static void cancel(void *ctx)
{
    RIG_UNTIL(rig_waiting(RV__WHY_SELECT) == 1);
    rv_ctx_cancel(ctx, -ESHUTDOWN);
}
static int until_done(rv_ctx *ctx, rv_future **fs, int which)
{
    return which == 0   ? rv_future_get_ctx(ctx, fs[0], NULL)
           : which == 1 ? rv_future_all_ctx(ctx, fs, 2)
                        : rv_future_any_ctx(ctx, fs, 2);
}
static void with_a_context(void *arg)
{
    const int64_t before = rv_num_goroutine();
    (void)arg;
    for (int which = 0; which < 3; which++) {
        rv_ctx *const ctx = rv_ctx_with_cancel(NULL);
        rv_future *fs[2];
        for (int i = 0; i < 2; i++) fs[i] = rv_async(work_later, (void *)6, sizeof(struct result));
        rv_go(cancel, ctx);
        cr_assert_eq(until_done(ctx, fs, which), -ECANCELED);
        cr_assert_eq(rv_future_try_get(fs[0], NULL), -EAGAIN);
        rv_sem_release(&go_on, 2);
        cr_assert_eq(rv_future_all(fs, 2), 0);
        cr_assert_eq(until_done(ctx, fs, which), -ECANCELED); // over by now, but so is the context
        cr_assert_eq(until_done(rv_ctx_background(), fs, which), 0);
        for (int i = 0; i < 2; i++) rv_future_release(fs[i]);
        rv_ctx_release(ctx);
    }
    nobody_left(before);
}
Test(future, the_wait_ends_with_its_context) { cr_assert_eq(rv_run(with_a_context, NULL), 0); }

// ---- several -------------------------------------------------------------------------------------------------------------

static int wait_for_sem(void *sem, void *out)
{
    rv_sem_acquire(NULL, sem, 1);
    *(int *)out = 1;
    return 0;
}
// Ended in an order that is drawn; any finds each as soon as it is there, and nothing else.
static void in_any_order(void *arg)
{
    enum { N = 40 }; // more cases than a small object holds
    uint64_t *const random = arg;
    rv_sem sems[N] = {0};
    rv_future *fs[N];
    int out, order[N];
    for (int i = 0; i < N; i++) {
        fs[i] = rv_async(wait_for_sem, &sems[i], sizeof out);
        const int k = (int)(rig_random(random) % (uint64_t)(i + 1));
        order[i] = order[k];
        order[k] = i;
    }
    for (int i = 0; i < N; i++) {
        RIG_UNTIL(rig_waiting(RV__WHY_SEM) == N - i);
        rv_sem_release(&sems[order[i]], 1);
        cr_assert_eq(rv_future_any(fs, N), order[i]);
        cr_assert_eq(rv_future_try_get(fs[order[i]], &out), 0);
        cr_assert_eq(rv_future_any_ctx(rv_ctx_background(), fs, N), order[i]);
        rv_future_release(fs[order[i]]);
        fs[order[i]] = NULL; // next
    }
    cr_assert_eq(rv_future_any(fs, N), -EINVAL);
    cr_assert_eq(rv_future_all(fs, N), 0);
    cr_assert_eq(rv_future_any(NULL, 0), -EINVAL);
}
Test(future, any)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(in_any_order, &random), 0);
}

static void first_error(void *arg)
{
    rv_future *fs[6] = {0};
    (void)arg;
    for (uint64_t i = 0; i < 6; i++)
        if (i != 4) fs[i] = rv_async(i == 0 ? work_later : work, (void *)(i == 0 ? 3 : i), sizeof(struct result));
    RIG_UNTIL(rig_waiting(RV__WHY_SEM) == 1 && base_load_relaxed(&runs) == 4);
    rv_sem_release(&go_on, 1);
    cr_assert_eq(rv_future_all(fs, 6), -1); // that of fs[1]
    for (int i = 0; i < 6; i++) {
        if (fs[i]) cr_assert_neq(rv_future_try_get(fs[i], NULL), -EAGAIN);
        rv_future_release(fs[i]);
    }
}
Test(future, all_have_ended) { cr_assert_eq(rv_run(first_error, NULL), 0); }

// ---- gone at once --------------------------------------------------------------------------------------------------------

static int quick(void *arg, void *out)
{
    *(uint64_t *)out = ++*(uint64_t *)arg;
    return 0;
}
// The one who gets it releases it, while the goroutine is on its way out; then its memory is used anew.
static void free_at_once(void *arg)
{
    rv_gomaxprocs(*(int *)arg);
    uint64_t calls = 0, out;
    for (uint64_t i = 1; i <= 3000; i++) {
        rv_future *const f = rv_async(quick, &calls, sizeof calls);
        if (i % 3 == 1) cr_assert_eq(rv_chan_recv(rv_future_done(f), NULL), false);
        if (i % 3 == 2) cr_assert_eq(rv_future_any(&f, 1), 0);
        cr_assert_eq(rv_future_get(f, &out), 0);
        cr_assert_eq(out, i);
        rv_future_release(f);
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
Test(future, freed_by_who_has_the_result)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(with_a_thread, &procs), 0);
}

static void of_nothing(void *arg) { rv_async(NULL, arg, 0); }
Test(future, a_function_is_needed) { rig_dies(of_nothing, NULL, "rv_async of a NULL function"); }
