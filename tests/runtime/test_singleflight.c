// test_singleflight.c: one fetches for all who ask meanwhile; keys, forgetting, rv_goexit, and a table that is gone at once.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

static uint32_t runs; // atomic
static rv_sem go_on;
struct fetched {
    uint32_t run, key;
    char more[40];
};
static int fetch(void *arg, void *out)
{
    const uint32_t run = base_add_relaxed(&runs, 1u) + 1;
    rv_sem_acquire(NULL, &go_on, 1);
    *(struct fetched *)out = (struct fetched){run, *(uint32_t *)arg, "more than a few words of it"};
    return -(int)run;
}

// ---- who gets what, step by step -----------------------------------------------------------------------------------------

enum { KEYS = 4, CALLERS = 5 };
struct asked {
    rv_singleflight *table;
    uint32_t key;
    int result, callers;
    struct fetched out;
    rv_waitgroup *left;
};
static void ask(void *p)
{
    struct asked *const a = p;
    char key[8];
    snprintf(key, sizeof key, "key%u", a->key); // equal, and elsewhere each time
    a->result = rv_singleflight_do(a->table, key, fetch, &a->key, &a->out, sizeof a->out, &a->callers);
    rv_wg_done(a->left);
}
static void *ask_in_thread(void *p) { return ask(p), NULL; }
// Some callers for each key, of whom one is a thread; each key's first runs, and the others wait.
static void round_of(uint64_t *random, int procs)
{
    rv_singleflight table = {0};
    rv_waitgroup left = {0};
    struct asked asked[KEYS][CALLERS] = {0};
    int n[KEYS], waiting = 0;
    pthread_t t;
    rv_gomaxprocs(procs);
    for (uint32_t k = 0; k < KEYS; k++) {
        n[k] = (int)(rig_random(random) % CALLERS) + 1;
        for (int i = 0; i < n[k]; i++) {
            asked[k][i] = (struct asked){.table = &table, .key = k, .left = &left};
            rv_wg_add(&left, 1);
            if (k == 1 && i == n[k] - 1)
                cr_assert_eq(pthread_create(&t, NULL, ask_in_thread, &asked[k][i]), 0);
            else
                rv_go(ask, &asked[k][i]);
        }
        waiting += n[k] - 1;
    }
    RIG_UNTIL(rig_waiting(RV__WHY_FLIGHT) == waiting && rig_waiting(RV__WHY_SEM) == KEYS);
    rv_sem_release(&go_on, KEYS);
    rv_wg_wait(&left);
    pthread_join(t, NULL);
    for (uint32_t k = 0; k < KEYS; k++)
        for (int i = 0; i < n[k]; i++) {
            const struct asked *const a = &asked[k][i];
            cr_assert_eq(a->callers, n[k]);
            cr_assert_eq(a->out.key, k);
            cr_assert_eq(a->out.run, asked[k][0].out.run);
            cr_assert_eq(a->result, -(int)a->out.run);
            cr_assert_str_eq(a->out.more, "more than a few words of it");
        }
    for (size_t i = 0; i < sizeof table / sizeof(uint32_t); i++) cr_assert_eq(((uint32_t *)&table)[i], 0);
}
static void rounds(void *random)
{
    for (int i = 0; i < 200; i++) round_of(random, i % 2 + 1);
    cr_assert_eq(runs, 200 * KEYS);
}
Test(singleflight, one_for_all)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(rounds, &random), 0);
}

// ---- forget, and the end by rv_goexit ------------------------------------------------------------------------------------

static void two_runs(void *arg)
{
    rv_singleflight table = {0};
    rv_waitgroup left = {0};
    struct asked a[3];
    (void)arg;
    for (int i = 0; i < 3; i++) a[i] = (struct asked){.table = &table, .key = 9, .left = &left};
    rv_wg_add(&left, 3);
    rv_go(ask, &a[0]);
    RIG_UNTIL(rig_waiting(RV__WHY_SEM) == 1);
    rv_singleflight_forget(&table, "key8");
    rv_go(ask, &a[1]);
    RIG_UNTIL(rig_waiting(RV__WHY_FLIGHT) == 1); // of the first
    rv_singleflight_forget(&table, "key9");
    rv_go(ask, &a[2]);
    RIG_UNTIL(rig_waiting(RV__WHY_SEM) == 2); // anew
    rv_sem_release(&go_on, 2);
    rv_wg_wait(&left);
    cr_assert(a[0].out.run == 1 && a[1].out.run == 1 && a[2].out.run == 2);
    cr_assert(a[0].callers == 2 && a[1].callers == 2 && a[2].callers == 1);
}
Test(singleflight, forgotten_starts_anew) { cr_assert_eq(rv_run(two_runs, NULL), 0); }

static int leave(void *arg, void *out)
{
    (void)arg, (void)out;
    base_store_release(&runs, 1u); // release: it runs
    RIG_UNTIL(rig_waiting(RV__WHY_FLIGHT) == 1);
    rv_goexit();
}
static void run_and_leave(void *table) { rv_singleflight_do(table, "", leave, NULL, NULL, 0, NULL); }
static void left_alone(void *arg)
{
    rv_singleflight table = {0};
    int callers = 0;
    (void)arg;
    rv_go(run_and_leave, &table);
    RIG_UNTIL(base_load_acquire(&runs));
    cr_assert_eq(rv_singleflight_do(&table, "", leave, NULL, NULL, 0, &callers), -ECANCELED);
    cr_assert_eq(callers, 2);
}
Test(singleflight, who_never_returns) { cr_assert_eq(rv_run(left_alone, NULL), 0); }

// ---- gone at once --------------------------------------------------------------------------------------------------------

struct pair {
    rv_singleflight *table;
    uint32_t got; // atomic
};
static int give_way(void *arg, void *out)
{
    for (int i = 0; i < 3; i++) rv_gosched();
    *(rv_gid *)out = *(rv_gid *)arg;
    return 0;
}
// Who has waited unmaps the table, though the other may be on its way out.
static void use(void *p)
{
    struct pair *const c = p;
    rv_gid me = rv_goid(), runner = 0;
    int callers = 0;
    cr_assert_eq(rv_singleflight_do(c->table, "k", give_way, &me, &runner, sizeof runner, &callers), 0);
    cr_assert(callers == 2 || (callers == 1 && runner == me));
    if (callers == 2 ? runner != me : base_add_acq_rel(&c->got, 1u) == 1) munmap(c->table, 4096);
}
struct waited {
    struct pair c;
    rv_waitgroup left;
};
static void use_and_tell(void *p)
{
    struct waited *const w = p;
    use(&w->c);
    rv_wg_done(&w->left);
}
static void free_at_once(void *arg)
{
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < 2000; i++) {
        struct waited w = {.c.table = rig_page()};
        rv_wg_add(&w.left, 2);
        rv_go(use_and_tell, &w);
        use_and_tell(&w);
        rv_wg_wait(&w.left);
    }
}
Test(singleflight, freed_by_who_has_the_result)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(free_at_once, &procs), 0);
}

// ---- many at once: nobody gets what was over when he asked ---------------------------------------------------------------

enum { CROWD = 16, EACH = 500 };
static uint32_t began[KEYS], over[KEYS]; // atomic: runs that have begun; the latest one that has returned
struct question {
    uint32_t key;
    bool ran;
};
static int fetch_soon(void *arg, void *out)
{
    struct question *const q = arg;
    q->ran = true;
    *(uint32_t *)out = base_add_acq_rel(&began[q->key], 1u) + 1;
    for (uint32_t i = 0; i < q->key; i++) rv_gosched();
    return 0;
}
struct crowd {
    rv_singleflight table;
    rv_waitgroup left;
    uint32_t begun; // atomic
};
static void ask_often(void *p)
{
    struct crowd *const c = p;
    uint64_t random = (base_add_relaxed(&c->begun, 1u) + 1) * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < EACH; i++) {
        struct question q = {.key = (uint32_t)(rig_random(&random) % KEYS)};
        uint32_t got = 0, was = base_load_acquire(&over[q.key]);
        rv_singleflight_do(&c->table, &"abcd"[q.key], fetch_soon, &q, &got, sizeof got, NULL);
        if (q.key == 0 && i % 10 == 0) rv_singleflight_forget(&c->table, "abcd"); // several runs at once, from here on
        if (q.key > 0) cr_assert_gt(got, was);
        if (q.ran) base_store_release(&over[q.key], got); // release: pairs with the acquire above
    }
    rv_wg_done(&c->left);
}
static void *ask_often_in_thread(void *p) { return ask_often(p), NULL; }
static void crowds(void *arg)
{
    (void)arg;
    for (int procs = 1; procs <= 2; procs++) {
        struct crowd c = {0};
        pthread_t t;
        rv_gomaxprocs(procs);
        rv_wg_add(&c.left, CROWD + 1);
        for (int k = 0; k < CROWD; k++) rv_go(ask_often, &c);
        cr_assert_eq(pthread_create(&t, NULL, ask_often_in_thread, &c), 0);
        rv_wg_wait(&c.left);
        pthread_join(t, NULL);
    }
}
Test(singleflight, fresh_for_each) { cr_assert_eq(rv_run(crowds, NULL), 0); }

static rv_singleflight sized;
static void ask_for_four(void *arg) { rv_singleflight_do(&sized, "k", fetch, arg, arg, 4, NULL); }
static void two_sizes(void *arg)
{
    uint32_t key[16] = {0};
    (void)arg;
    rv_go(ask_for_four, key);
    RIG_UNTIL(rig_waiting(RV__WHY_SEM) == 1);
    rv_singleflight_do(&sized, "k", fetch, key, key, 8, NULL);
}
Test(singleflight, sizes_agree) { rig_dies(two_sizes, NULL, "singleflight: results of 4 and 8 bytes for one key"); }
