// test_base_arena.c: blocks are zero, aligned, never overlap, come back, and survive threads.
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/atomic.h"

static bool all(const unsigned char *p, size_t n, unsigned char c)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != c) return false;
    return true;
}

Test(arena, zero_and_aligned)
{
    const size_t before = base_arena_bytes();
    for (size_t n = 1; n < 300000; n = n * 3 + 1) {
        unsigned char *p = base_arena_alloc(n), *q = base_arena_alloc(n);
        cr_assert(p && q && p != q);
        cr_expect_eq((uintptr_t)p % 16, 0u);
        cr_expect(all(p, n, 0) && all(q, n, 0));
        memset(p, 0xaa, n);
        cr_expect(all(q, n, 0), "two blocks overlap");
    }
    cr_expect_gt(base_arena_bytes(), before);
}

Test(pool, hand_out_and_back)
{
    struct base_pool pool = {.size = 40};
    void *p[1000];
    for (int i = 0; i < 1000; i++) {
        p[i] = base_pool_get(&pool);
        cr_assert(all(p[i], 40, 0));
        memset(p[i], i & 0xff, 40);
    }
    cr_expect_eq(pool.live, 1000u);
    for (int i = 0; i < 1000; i++) cr_assert(all(p[i], 40, (unsigned char)i), "object %d was overwritten", i);
    for (int i = 0; i < 1000; i += 2) base_pool_put(&pool, p[i]);
    cr_expect_eq(pool.live, 500u);
    for (int i = 0; i < 1000; i += 2) { // as they were freed, but for the first 8 bytes
        unsigned char *q = base_pool_get(&pool);
        cr_assert(all(q + 8, 32, q[8]) && q[8] % 2 == 0);
    }
    for (int i = 1; i < 1000; i += 2) cr_assert(all(p[i], 40, (unsigned char)i), "object %d was overwritten", i);
}

// base_alloc against a model: what is live keeps its contents, whatever else comes and goes.
Test(alloc, random_operations)
{
    enum { LIVE = 200 };
    static struct {
        unsigned char *p;
        size_t n;
        unsigned char c;
    } live[LIVE];
    const unsigned seed = 7;
    srand(seed);
    for (int step = 0; step < 20000; step++) {
        const int i = rand() % LIVE;
        if (live[i].p) {
            cr_assert(all(live[i].p, live[i].n, live[i].c), "seed %u, step %d", seed, step);
            base_free(live[i].p, live[i].n);
            live[i].p = NULL;
        } else {
            live[i].n = rand() % 100 ? (size_t)(rand() % 600) + 1 : (size_t)(rand() % 200000) + 1;
            live[i].p = base_alloc(live[i].n);
            cr_assert(all(live[i].p, live[i].n, 0), "seed %u, step %d: not zeroed", seed, step);
            live[i].c = (unsigned char)rand();
            memset(live[i].p, live[i].c, live[i].n);
        }
    }
    base_free(NULL, 10);
}

enum { THREADS = 4 };
static struct base_pool shared = {.size = 24};
static void *churn(void *arg)
{
    const unsigned char me = *(const unsigned char *)arg;
    void *mine[64] = {0};
    for (int step = 0; step < 20000; step++) {
        void **at = &mine[(step * 7 + me) % 64];
        if (!*at) {
            *at = base_pool_get(&shared);
            memset(*at, me, 24);
        } else if (all(*at, 24, me)) {
            base_pool_put(&shared, *at);
            *at = NULL;
        } else {
            return arg;
        }
    }
    for (int i = 0; i < 64; i++)
        if (mine[i]) base_pool_put(&shared, mine[i]);
    return NULL;
}
Test(pool, threads)
{
    pthread_t t[THREADS];
    unsigned char who[THREADS];
    for (int i = 0; i < THREADS; i++) {
        who[i] = (unsigned char)(i + 1);
        cr_assert_eq(pthread_create(&t[i], NULL, churn, &who[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(t[i], &failed);
        cr_expect_null(failed, "an object was given to two threads");
    }
    cr_expect_eq(shared.live, 0u);
}
