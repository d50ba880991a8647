// test_counter.c: sharded counters: nothing is lost, a reader sees no step back, and words are used anew.
#include <pthread.h>

#include "tests/runtime/rig.h"

enum { CROWD = 10, COUNTERS = 20, EACH = 4000 };
struct crowd {
    rv_counter counters[COUNTERS];
    int64_t expected[COUNTERS]; // atomic
    rv_waitgroup left;
    uint32_t over; // atomic
};
static void add_some(void *p)
{
    struct crowd *const c = p;
    static uint32_t begun;
    uint64_t random = (base_add_relaxed(&begun, 1u) + 1) * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < EACH; i++) {
        const uint64_t r = rig_random(&random), k = r % COUNTERS;
        const int64_t n = k ? (int64_t)(r >> 40) - (1 << 23) : 1; // the first only grows
        rv_counter_add(&c->counters[k], n);
        base_add_relaxed(&c->expected[k], n);
        if (r % 64 == 0) rv_gosched();
    }
    rv_wg_done(&c->left);
}
static void *add_in_thread(void *p) { return add_some(p), NULL; }
static void watch(void *p)
{
    struct crowd *const c = p;
    for (int64_t was = 0; !base_load_acquire(&c->over);) { // acquire: all have ended
        const int64_t now = rv_counter_value(&c->counters[0]);
        cr_assert_geq(now, was);
        was = now;
        rv_gosched();
    }
    rv_wg_done(&c->left);
}
static void crowds(void *arg)
{
    struct crowd c = {0};
    for (int procs = 1; procs <= 3; procs++) { // those of a P that is no more count, too
        pthread_t t[2];
        rv_gomaxprocs(procs % 3 + 1);
        c.over = 0;
        rv_wg_add(&c.left, CROWD + 2);
        for (int k = 0; k < CROWD; k++) rv_go(add_some, &c);
        for (int k = 0; k < 2; k++) cr_assert_eq(pthread_create(&t[k], NULL, add_in_thread, &c), 0);
        rv_go(watch, &c);
        rv_wg_wait(&c.left);
        for (int k = 0; k < 2; k++) pthread_join(t[k], NULL);
        rv_wg_add(&c.left, 1);
        base_store_release(&c.over, 1u); // release: the end
        rv_wg_wait(&c.left);
        for (int k = 0; k < COUNTERS; k++) cr_assert_eq(rv_counter_value(&c.counters[k]), c.expected[k]);
    }
    (void)arg;
    for (int k = 0; k < COUNTERS; k++) rv_counter_free(&c.counters[k]);
}
Test(counter, nothing_is_lost) { cr_assert_eq(rv_run(crowds, NULL), 0); }

// The naive model: an array of sums, of counters that come and go.
static void come_and_go(void *random)
{
    enum { N = 1500 };
    static rv_counter counters[N];
    static int64_t sums[N];
    for (int step = 0; step < 20000; step++) {
        const uint64_t r = rig_random(random), k = r % N;
        if (r / N % 8 == 0) {
            rv_counter_free(&counters[k]);
            sums[k] = 0;
        } else if (r / N % 8 == 1) {
            cr_assert_eq(rv_counter_value(&counters[k]), sums[k]);
        } else {
            rv_counter_add(&counters[k], (int64_t)(r >> 32));
            sums[k] += (int64_t)(r >> 32);
        }
        if (r / N / 8 % 16 == 0) rv_gosched();
    }
    for (int k = 0; k < N; k++) cr_assert_eq(rv_counter_value(&counters[k]), sums[k]);
    for (int k = 0; k < N; k++) rv_counter_free(&counters[k]), sums[k] = 0;
}
Test(counter, used_anew)
{
    uint64_t random = rig_seed();
    for (int i = 0; i < 2; i++) cr_assert_eq(rv_run(come_and_go, &random), 0);
}
