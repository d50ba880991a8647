// test_runq.c: the run queue of a P against a naive one, and with thieves in other threads.
#include <pthread.h>

#include "runtime/rt.h"
#include "tests/runtime/rig.h"

enum { MOST = 4 * RUNQ_SIZE + 8 };
static struct rv__g gs[MOST] __attribute__((aligned(64)));

// ---- against a naive model: three lists --------------------------------------------------------------------------------

struct model {
    struct rv__g *next, *ring[RUNQ_SIZE], *fresh[RUNQ_SIZE];
    size_t n, height;
};
static struct rv__g *take_front(struct rv__g **list, size_t *n)
{
    if (*n == 0) return NULL;
    struct rv__g *g = list[0];
    memmove(list, list + 1, --*n * sizeof *list);
    return g;
}
// What the queue gave is what the model would have: next, else the ring's first, else the stack's top; or, in turn, another of them.
static void check_taken(struct model *m, struct rv__g *g)
{
    if (m->next && g == m->next) {
        m->next = NULL;
    } else if (m->n && g == m->ring[0]) {
        take_front(m->ring, &m->n);
    } else if (m->height && g == m->fresh[0] && (m->n || m->next || m->height > 0)) {
        take_front(m->fresh, &m->height);
    } else {
        cr_assert(m->height && g == m->fresh[m->height - 1], "neither next, nor an end of the ring or the stack");
        m->height--;
    }
}
static void take_many(struct rv__g **list, size_t *n, struct rv__g **got, uint32_t k)
{
    for (uint32_t i = 0; i < k; i++) cr_assert_eq(take_front(list, n), got[i]);
}
static struct rv__g *unused(bool *used, uint64_t *random)
{
    for (;;) {
        const size_t i = rig_random(random) % MOST;
        if (!used[i]) {
            used[i] = true;
            return &gs[i];
        }
    }
}
static void release(bool *used, struct rv__g *g) { used[g - gs] = false; }

static void step(struct rv__runq *q, struct model *m, bool *used, uint64_t *random)
{
    struct rv__g *some[RUNQ_SIZE], *g;
    uint32_t k;
    switch (rig_random(random) % 8) {
    case 0:
    case 1:
        g = unused(used, random);
        if (rv__runq_put(q, g)) {
            m->ring[m->n++] = g;
        } else {
            release(used, g);
            cr_assert_eq(m->n, (size_t)RUNQ_SIZE);
        }
        break;
    case 2:
        g = unused(used, random);
        if (rv__runq_push(q, g)) {
            m->fresh[m->height++] = g;
        } else {
            release(used, g);
            cr_assert_eq(m->height, (size_t)RUNQ_SIZE);
        }
        break;
    case 3: {
        g = unused(used, random);
        struct rv__g *was = rv__runq_put_next(q, g);
        cr_assert_eq(was, m->next);
        if (was) release(used, was);
        m->next = g;
        break;
    }
    case 4:
    case 5:
        g = rv__runq_get(q);
        if (!g) {
            cr_assert(!m->next && m->n == 0 && m->height == 0);
        } else {
            check_taken(m, g);
            release(used, g);
        }
        break;
    case 6:
        k = rig_random(random) % 2 ? rv__runq_spill(q, some, RUNQ_SIZE / 2) : 0;
        if (k) take_many(m->ring, &m->n, some, k);
        for (uint32_t i = 0; i < k; i++) release(used, some[i]);
        k = rig_random(random) % 2 ? rv__runq_spill_fresh(q, some, RUNQ_SIZE / 2) : 0;
        if (k) take_many(m->fresh, &m->height, some, k);
        for (uint32_t i = 0; i < k; i++) release(used, some[i]);
        break;
    default: {
        const bool with_next = rig_random(random) % 2;
        k = rv__runq_steal(q, some, with_next); // nobody is in the way
        const size_t half = m->n - m->n / 2, lower = m->height - m->height / 2;
        if (m->n) {
            cr_assert_eq(k, half);
            take_many(m->ring, &m->n, some, k);
        } else if (m->height) {
            cr_assert_eq(k, lower);
            take_many(m->fresh, &m->height, some, k);
        } else {
            cr_assert_eq(k, with_next && m->next ? 1u : 0u);
            if (k) {
                cr_assert_eq(some[0], m->next);
                m->next = NULL;
            }
        }
        for (uint32_t i = 0; i < k; i++) release(used, some[i]);
    }
    }
    cr_assert_eq(rv__runq_length(q), m->n + m->height);
    cr_assert_eq(rv__runq_next(q), m->next);
}
Test(runq, as_a_naive_one)
{
    uint64_t random = rig_seed();
    for (int round = 0; round < 20; round++) {
        struct rv__runq q;
        struct model m = {0};
        bool used[MOST] = {0};
        rv__runq_init(&q);
        for (int i = 0; i < 5000; i++) step(&q, &m, used, &random);
    }
}
// 65,536 pushes: the ends of the stack are 16 bits wide.
Test(runq, ends_wrap_round)
{
    struct rv__runq q;
    rv__runq_init(&q);
    for (int i = 0; i < 200000; i++) {
        cr_assert(rv__runq_push(&q, &gs[i % 2]));
        cr_assert_eq(rv__runq_get(&q), &gs[i % 2]);
        if (i % 3 == 0) {
            struct rv__g *some[RUNQ_SIZE / 2];
            cr_assert(rv__runq_push(&q, &gs[2]));
            cr_assert_eq(rv__runq_steal(&q, some, false), 1u);
            cr_assert_eq(some[0], &gs[2]);
        }
    }
    cr_assert(rv__runq_empty(&q));
}

// ---- thieves in other threads --------------------------------------------------------------------------------------------
// Each G has a count of how often it was put and how often it was taken; it is put again only once it was taken. A G that
// is lost or taken twice shows.

enum { THIEVES = 2, STOLEN = 2000, LIVE = RUNQ_SIZE + RUNQ_SIZE / 2 };
static struct rv__runq shared;
static uint32_t owner_seq;                                                  // odd in a section
static uint32_t taken[MOST];                                                // atomic: times
static uint32_t done;                                                       // atomic
static uint64_t stolen;                                                     // atomic
static void took(struct rv__g *g) { base_add_acq_rel(&taken[g - gs], 1u); } // acq_rel: before it is put again

static void *thief(void *arg)
{
    (void)arg;
    for (uint64_t turn = 0; !base_load_acquire(&done); turn++) {
        struct rv__g *some[RUNQ_SIZE / 2];
        const uint32_t n = rv__runq_steal(&shared, some, turn % 2);
        for (uint32_t i = 0; i < n; i++) took(some[i]);
        base_add_relaxed(&stolen, n); // relaxed: a count
        if (n == 0) sched_yield();
    }
    return NULL;
}
static void section_begin(void)
{
    base_store_relaxed(&owner_seq, owner_seq + 1);
    base_compiler_barrier();
}
static void section_end(void)
{
    base_store_release(&owner_seq, owner_seq + 1);
    base_compiler_barrier();
}
static void put_somewhere(struct rv__g *g, uint64_t *random)
{
    struct rv__g *was;
    switch (rig_random(random) % 3) {
    case 0:
        if (rv__runq_put(&shared, g)) return;
        break;
    case 1:
        if (rv__runq_push(&shared, g)) return;
        break;
    default:
        was = rv__runq_put_next(&shared, g);
        if (was) took(was);
        return;
    }
    took(g);
}
Test(runq, nothing_is_lost_or_taken_twice, .timeout = 120)
{
    uint64_t random = rig_seed();
    static uint32_t put[MOST];
    pthread_t t[THIEVES];
    rv__runq_init(&shared);
    base_store_release(&shared.owner_seq, &owner_seq);
    for (int i = 0; i < THIEVES; i++) cr_assert_eq(pthread_create(&t[i], NULL, thief, NULL), 0);
    for (uint64_t turn = 1; base_load_relaxed(&stolen) < STOLEN; turn++) { // a hang: they never get anything
        if (turn % 4096 == 0) sched_yield(); // where there are fewer CPUs than threads, it is the thieves' turn
        const size_t k = rig_random(&random) % LIVE;
        section_begin();
        if (base_load_acquire(&taken[k]) == put[k]) {
            put[k]++;
            put_somewhere(&gs[k], &random);
        }
        struct rv__g *g = rig_random(&random) % 2 ? rv__runq_get(&shared) : NULL;
        if (g) took(g);
        section_end();
    }
    section_begin();
    for (struct rv__g *g; (g = rv__runq_get(&shared)) != NULL;) took(g);
    section_end();
    base_store_release(&done, 1u);
    for (int i = 0; i < THIEVES; i++) pthread_join(t[i], NULL);
    for (size_t k = 0; k < LIVE; k++)
        cr_assert_eq(taken[k], put[k], "G %zu: put %u times, taken %u times", k, put[k], taken[k]);
}
