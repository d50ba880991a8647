// test_clock.c: persistent clocks against flat arrays, over random operations.
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "detector/clock.h"

enum { CLOCKS = 8, SLOTS = 20000, STEPS = 6000 };
static struct det_clock clocks[CLOCKS];
static uint32_t model[CLOCKS][SLOTS];

static uint32_t a_slot(void)
{
    static const int spans[] = {4, 64, 300, 5000, SLOTS};
    return (uint32_t)(rand() % spans[rand() % 5]);
}
static void check_each(uint32_t slot, uint32_t time, void *ctx)
{
    uint32_t *seen = ctx;
    cr_assert_lt(slot, SLOTS);
    cr_assert_eq(seen[slot], 0u, "slot %u is visited twice", slot);
    seen[slot] = time;
}
static void check(int i, unsigned seed, int step)
{
    static uint32_t seen[SLOTS];
    memset(seen, 0, sizeof seen);
    det_clock_each(&clocks[i], check_each, seen);
    cr_assert(!memcmp(seen, model[i], sizeof seen), "seed %u, step %d: clock %d differs from its model", seed, step, i);
}
static bool model_join(int i, int j)
{
    bool learned = false;
    for (int k = 0; k < SLOTS; k++)
        if (model[j][k] > model[i][k]) {
            model[i][k] = model[j][k];
            learned = true;
        }
    return learned;
}
static void random_step(unsigned seed, int step)
{
    const int i = rand() % CLOCKS, j = rand() % CLOCKS, what = rand() % 100;
    const uint32_t slot = a_slot(), time = (uint32_t)(rand() % 1000) + 1;
    if (what < 50) {
        cr_assert_eq(det_clock_raise(&clocks[i], slot, time), time > model[i][slot], "seed %u, step %d", seed, step);
        if (time > model[i][slot]) model[i][slot] = time;
    } else if (what < 60) { // what clock k holds is in i already; j mostly shares much with k
        const int k = rand() % CLOCKS;
        det_clock_join(&clocks[i], &clocks[k]);
        model_join(i, k);
        if (rand() % 4) {
            det_clock_copy(&clocks[j], &clocks[k]);
            memcpy(model[j], model[k], sizeof model[j]);
            if (det_clock_raise(&clocks[j], slot, time)) model[j][slot] = time;
        }
        if (j == k || i == j || i == k) return;
        const bool learned = det_clock_join_more(&clocks[i], &clocks[j], &clocks[k]);
        cr_assert_eq(learned, model_join(i, j), "seed %u, step %d: join_more tells wrongly what it learned", seed,
                     step);
    } else if (what < 75) {
        const bool learned = det_clock_join(&clocks[i], &clocks[j]);
        cr_assert_eq(learned, model_join(i, j), "seed %u, step %d: join tells wrongly what it learned", seed, step);
    } else if (what < 92) {
        det_clock_copy(&clocks[i], &clocks[j]);
        memcpy(model[i], model[j], sizeof model[i]);
    } else if (what < 95) {
        det_clock_drop(&clocks[i]);
        memset(model[i], 0, sizeof model[i]);
    } else {
        check(i, seed, step);
    }
    cr_assert_eq(det_clock_get(&clocks[i], slot), model[i][slot], "seed %u, step %d", seed, step);
    cr_assert_eq(det_clock_get(&clocks[j], slot), model[j][slot], "seed %u, step %d", seed, step);
}
Test(clock, random_operations)
{
    for (unsigned seed = 1; seed <= 5; seed++) {
        const uint64_t nodes = det_clock_nodes();
        srand(seed);
        memset(model, 0, sizeof model);
        for (int step = 0; step < STEPS; step++) random_step(seed, step);
        for (int i = 0; i < CLOCKS; i++) {
            check(i, seed, STEPS);
            det_clock_drop(&clocks[i]);
        }
        cr_assert_eq(det_clock_nodes(), nodes, "seed %u: nodes are left behind", seed);
    }
}

// A copy shares everything, and a change to it shows in it alone.
Test(clock, sharing)
{
    struct det_clock a = {0}, b = {0};
    for (uint32_t slot = 0; slot < 1000; slot++) det_clock_raise(&a, slot, slot + 1);
    const uint64_t nodes = det_clock_nodes();
    det_clock_copy(&b, &a);
    cr_expect_eq(det_clock_nodes(), nodes, "a copy makes no node");
    cr_expect_eq(a.root, b.root);
    cr_expect_not(det_clock_join(&b, &a), "nothing is learned from what is shared");
    cr_expect_not(det_clock_raise(&b, 500, 3));
    cr_expect_eq(a.root, b.root, "a raise that raises nothing copies nothing");
    cr_expect(det_clock_raise(&b, 500, 5000));
    cr_expect_eq(det_clock_get(&a, 500), 501u);
    cr_expect_eq(det_clock_get(&b, 500), 5000u);
    cr_expect_eq(det_clock_get(&b, 499), 500u);
    cr_expect(det_clock_join(&a, &b));
    cr_expect_eq(det_clock_get(&a, 500), 5000u);
    det_clock_drop(&a);
    det_clock_drop(&b);
}
Test(clock, far_slots)
{
    struct det_clock c = {0};
    static const uint32_t slots[] = {0, 63, 64, 4095, 4096, 262143, 262144, (1u << 22) - 1};
    enum { N = sizeof slots / sizeof *slots };
    for (int i = 0; i < N; i++) {
        cr_expect_eq(det_clock_get(&c, slots[i]), 0u);
        cr_expect(det_clock_raise(&c, slots[i], 0xfffffffeu - (uint32_t)i));
    }
    for (int i = 0; i < N; i++) cr_expect_eq(det_clock_get(&c, slots[i]), 0xfffffffeu - (uint32_t)i);
    det_clock_drop(&c);
}

// Clocks of different threads share nodes: reference counts are all that they touch together.
enum { THREADS = 4, ROUNDS = 3000 };
static struct det_clock shared[THREADS];
static void *churn(void *arg)
{
    unsigned me = *(const unsigned *)arg;
    struct det_clock mine = {0}, other = {0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        det_clock_copy(&other, &shared[(me + i) % THREADS]); // only copied from, so nobody need guard it
        det_clock_join(&mine, &other);
        det_clock_raise(&mine, i % 700, i + 1);
        det_clock_copy(&other, &mine);
        if (i % 64 == 63) det_clock_drop(&mine);
    }
    det_clock_drop(&mine);
    det_clock_drop(&other);
    return NULL;
}
Test(clock, shared_nodes_between_threads)
{
    pthread_t t[THREADS];
    unsigned who[THREADS];
    const uint64_t nodes = det_clock_nodes();
    for (uint32_t i = 0; i < THREADS; i++) {
        for (uint32_t slot = 0; slot < 500; slot += i + 1) det_clock_raise(&shared[i], slot, 10 + i);
        if (i) det_clock_join(&shared[i], &shared[i - 1]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        who[i] = i;
        cr_assert_eq(pthread_create(&t[i], NULL, churn, &who[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    for (uint32_t slot = 0; slot < 500; slot++) cr_expect_geq(det_clock_get(&shared[THREADS - 1], slot), 10u);
    for (int i = 0; i < THREADS; i++) det_clock_drop(&shared[i]);
    cr_expect_eq(det_clock_nodes(), nodes, "nodes are left behind");
}
