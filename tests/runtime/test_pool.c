// test_pool.c: pools: each object with one holder, what a get finds, how objects age, who frees them, and the end of a pool.
#include <pthread.h>

#include "runtime/pool.h"
#include "runtime/sched.h"
#include "tests/runtime/rig.h"

enum { OBJECTS = 300, HELD, PRIMARY = 0x100, VICTIM = 0x200, FREED = 0x300, NOT_MADE = 0 };
static struct object {
    uint32_t state; // atomic: HELD by one, in the pool (PRIMARY or VICTIM, as far as the model knows), FREED
} objects[OBJECTS * 100];
static uint32_t made, freed; // atomic

static void *make(void *arg)
{
    struct object *const o = &objects[base_add_relaxed(&made, 1u)];
    cr_assert_eq(arg, objects);
    cr_assert_eq(base_exchange_acq_rel(&o->state, (uint32_t)HELD), NOT_MADE);
    return o;
}
static void drop(void *object, void *arg)
{
    struct object *const o = object;
    cr_assert_eq(arg, objects);
    cr_assert(base_exchange_acq_rel(&o->state, (uint32_t)FREED) >= PRIMARY);
    base_add_acq_rel(&freed, 1u);
}
static void age(void)
{
    struct rv__g *const g = rv__enter();
    rv__pools_age();
    rv__leave(g);
}
static void begin(void) { made = freed = 0, memset(objects, 0, sizeof objects); }

// ---- one goroutine and a naive model: sets -------------------------------------------------------------------------------

static uint32_t count(uint32_t state)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < made; i++) n += objects[i].state == state;
    return n;
}
static void get_one(rv_pool *pool)
{
    const uint32_t had = made, primary = count(PRIMARY), victims = count(VICTIM);
    struct object *const o = rv_pool_get(pool);
    if (primary)
        cr_assert_eq(o->state, PRIMARY);
    else if (victims)
        cr_assert_eq(o->state, VICTIM);
    else
        cr_assert(made == had + 1 && o == &objects[had]);
    o->state = HELD;
}
static void put_one(rv_pool *pool, uint64_t r)
{
    if (!made) return;
    for (uint32_t i = (uint32_t)(r % made), k = 0; k < made; k++, i = (i + 1) % made)
        if (objects[i].state == HELD) {
            objects[i].state = PRIMARY;
            rv_pool_put(pool, &objects[i]);
            return;
        }
}
static void age_all(void)
{
    const uint32_t expected = freed + count(VICTIM);
    age();
    RIG_UNTIL(base_load_acquire(&freed) == expected);
    cr_assert_eq(count(VICTIM), 0);
    for (uint32_t i = 0; i < made; i++)
        if (objects[i].state == PRIMARY) objects[i].state = VICTIM;
}
static bool one_p(void)
{
    struct rv__g *const g = rv__enter();
    const bool first = rv__p() == rv__sched.ps[0];
    rv__leave(g);
    for (uint32_t i = 1; i < base_load_acquire(&rv__sched.n_ps); i++)
        if (base_load_acquire(&rv__sched.ps[i]->status) != RV__P_RETIRED) return false;
    return first;
}
static void model(void *random)
{
    rv_pool pool = RV_POOL_INIT(make, drop, objects);
    begin();
    rv_gomaxprocs(1);
    RIG_UNTIL(one_p());
    for (int step = 0; step < 5000 && made < OBJECTS * 10; step++) {
        const uint64_t r = rig_random(random), phase = (uint64_t)step / 100 % 2;
        if (r % 64 == 0)
            age_all();
        else if (r / 64 % 8 < 3 + 2 * phase)
            get_one(&pool);
        else
            put_one(&pool, r / 512);
    }
    const uint32_t expected = freed + count(PRIMARY) + count(VICTIM);
    rv_pool_drain(&pool);
    cr_assert_eq(freed, expected);
    cr_assert_null(pool.locals);
    get_one(&pool); // used anew
    rv_pool_put(&pool, NULL);
    rv_pool_drain(&pool);
}
Test(pool, what_a_get_finds)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(model, &random), 0);
}

// ---- many at once --------------------------------------------------------------------------------------------------------

enum { CROWD = 12, EACH = 3000, MOST_HELD = 40 };
struct crowd {
    rv_pool pool;
    rv_waitgroup left;
    uint32_t over; // atomic
};
static void use(void *p)
{
    struct crowd *const c = p;
    struct object *held[MOST_HELD];
    uint32_t n = 0;
    for (uint32_t i = 0; i < EACH; i++) {
        if ((i / MOST_HELD % 2 == 0 && n < MOST_HELD) || n == 0) {
            struct object *const o = held[n++] = rv_pool_get(&c->pool);
            if (base_load_relaxed(&o->state) != HELD)
                cr_assert_eq(base_exchange_acq_rel(&o->state, (uint32_t)HELD), PRIMARY);
        } else {
            cr_assert_eq(base_exchange_acq_rel(&held[--n]->state, (uint32_t)PRIMARY), HELD);
            rv_pool_put(&c->pool, held[n]);
        }
        if (i % 64 == 0) rv_gosched();
    }
    while (n > 0) {
        cr_assert_eq(base_exchange_acq_rel(&held[--n]->state, (uint32_t)PRIMARY), HELD);
        rv_pool_put(&c->pool, held[n]);
    }
    rv_wg_done(&c->left);
}
static void *use_in_thread(void *p) { return use(p), NULL; }
static void age_often(void *p)
{
    struct crowd *const c = p;
    while (!base_load_acquire(&c->over)) { // acquire: all have ended
        age();
        for (int i = 0; i < 20; i++) rv_gosched();
    }
    rv_wg_done(&c->left);
}
static void *age_in_thread(void *p) { return age_often(p), NULL; }
static void crowds(void *arg)
{
    (void)arg;
    for (int procs = 1; procs <= 2; procs++) {
        struct crowd c = {.pool = RV_POOL_INIT(make, drop, objects)};
        pthread_t t[3];
        begin();
        rv_gomaxprocs(procs);
        rv_wg_add(&c.left, CROWD + 2);
        for (int k = 0; k < CROWD; k++) rv_go(use, &c);
        for (int k = 0; k < 2; k++) cr_assert_eq(pthread_create(&t[k], NULL, use_in_thread, &c), 0);
        cr_assert_eq(pthread_create(&t[2], NULL, age_in_thread, &c), 0);
        rv_wg_wait(&c.left);
        rv_wg_add(&c.left, 1);
        base_store_release(&c.over, 1u);
        rv_wg_wait(&c.left);
        for (int k = 0; k < 3; k++) pthread_join(t[k], NULL);
        rv_pool_drain(&c.pool);
        cr_assert_eq(made, freed);
        cr_assert_eq(count(FREED), made);
    }
}
Test(pool, one_holder_each) { cr_assert_eq(rv_run(crowds, NULL), 0); }

// One puts, others, on other Ps or none, get: whole magazines are stolen.
static void put_many(void *p)
{
    struct crowd *const c = p;
    for (int i = 0; i < OBJECTS; i++) {
        struct object *const o = make(objects);
        o->state = PRIMARY;
        rv_pool_put(&c->pool, o);
    }
    rv_wg_done(&c->left);
}
static void *put_in_thread(void *p) { return put_many(p), NULL; }
static void steal(void *arg)
{
    struct crowd c = {.pool = RV_POOL_INIT(NULL, drop, objects)};
    pthread_t t;
    (void)arg;
    begin();
    cr_assert_null(rv_pool_get(&c.pool));
    rv_wg_add(&c.left, 1);
    cr_assert_eq(pthread_create(&t, NULL, put_in_thread, &c), 0);
    rv_wg_wait(&c.left);
    pthread_join(t, NULL);
    int got = 0;
    for (struct object *o; (o = rv_pool_get(&c.pool)) != NULL; got++) o->state = HELD;
    cr_assert_gt(got, OBJECTS - RV__MAGAZINE - 1); // the thread's last magazine is its own
    age();                                         // now all is a victim
    for (struct object *o; (o = rv_pool_get(&c.pool)) != NULL; got++) o->state = HELD;
    cr_assert_eq(got, OBJECTS);
    rv_pool_drain(&c.pool);
    cr_assert_eq(freed, 0);
}
Test(pool, others_steal) { cr_assert_eq(rv_run(steal, NULL), 0); }

// ---- who frees, and the end ----------------------------------------------------------------------------------------------

static rv_sem go_on, began;
static void drop_slowly(void *object, void *arg)
{
    rv_sem_release(&began, 1);
    rv_sem_acquire(NULL, &go_on, 1); // may park
    drop(object, arg);
}
static void let_go_on(void *arg)
{
    for (int i = 0; i < 50; i++) rv_gosched();
    cr_assert_eq(base_load_acquire(&freed), 0); // the drain waits
    rv_sem_release(&go_on, *(int *)arg);
}
static void drained_and_gone(void *arg)
{
    int n = 1;
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < 100; i++) {
        rv_pool *const pool = rig_page();
        *pool = (rv_pool)RV_POOL_INIT(make, drop_slowly, objects);
        begin();
        struct object *const o = rv_pool_get(pool);
        o->state = PRIMARY;
        rv_pool_put(pool, o);
        RIG_UNTIL((age(), rv_sem_try(&began, 1)) == 0); // another P's may be passed over
        rv_go(let_go_on, &n);
        rv_pool_drain(pool);
        cr_assert_eq(freed, 1);
        munmap(pool, 4096);
    }
}
Test(pool, drain_waits_for_who_frees)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(drained_and_gone, &procs), 0);
}

// sysmon does it, while all sleep and while some run.
static void until_freed(void *arg)
{
    static rv_pool pool = RV_POOL_INIT(make, drop, objects);
    begin();
    for (int busy = 0; busy < 2; busy++) {
        struct object *const o = rv_pool_get(&pool);
        o->state = PRIMARY;
        rv_pool_put(&pool, o);
        while (base_load_acquire(&freed) != (uint32_t)busy + 1)
            if (busy)
                rv_gosched();
            else
                rv_sleep(1000000);
    }
    rv_pool_drain(&pool);
    (void)arg;
}
Test(pool, sysmon_ages_them)
{
    rv__pool_age_ns = 1000000;
    cr_assert_eq(rv_run(until_freed, NULL), 0);
}

// Without a drop nothing is freed; and a pool outlives a run.
static rv_pool kept;
static void put_three(void *arg)
{
    for (int i = 0; i < 3; i++) rv_pool_put(&kept, (char *)arg + i);
}
static void get_three(void *arg)
{
    for (int i = 0; i < 3; i++) age();
    char *sum = NULL;
    for (int i = 0; i < 3; i++) sum += (char *)rv_pool_get(&kept) - (char *)arg;
    cr_assert_eq(sum, (char *)3);
    cr_assert_null(rv_pool_get(&kept));
    rv_pool_drain(&kept);
}
Test(pool, without_a_drop_and_in_two_runs)
{
    char three[3];
    cr_assert_eq(rv_run(put_three, three), 0);
    cr_assert_eq(rv_run(get_three, three), 0);
}
