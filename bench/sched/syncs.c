// syncs.c: mutexes and what else goroutines wait at.
#include "bench/sched/gobench.h"

enum { G = 100 };

struct shared { // by the goroutines of one benchmark
    rv_mutex mu;
    rv_rwmutex rw;
    rv_cond turned;
    uint64_t v;
    long n, turn;
    _Atomic uint64_t out;
};

static void add_locked(void *env, long k)
{
    struct shared *s = env;
    (void)k;
    for (long i = 0; i < s->n; i++) {
        rv_mutex_lock(&s->mu);
        s->v++;
        rv_mutex_unlock(&s->mu);
    }
}

static void mutex(long n)
{
    struct shared s = {.n = n};
    const int64_t ns = each(G, add_locked, &s);
    expect(s.v == (uint64_t)(G * n), "mutex");
    report("mutex", G * n, ns);
}

enum { SHARDS = 16 };
struct shards {
    struct {
        rv_mutex mu;
        uint64_t v;
        char pad[128 - sizeof(rv_mutex) - sizeof(uint64_t)];
    } at[SHARDS];
    long n;
};

static void add_sharded(void *env, long k)
{
    struct shards *s = env;
    for (long i = 0; i < s->n; i++) {
        const long at = (k + i) % SHARDS;
        rv_mutex_lock(&s->at[at].mu);
        s->at[at].v++;
        rv_mutex_unlock(&s->at[at].mu);
    }
}

static void mutex_shard16(long n)
{
    struct shards *s = allocate(1, sizeof *s);
    s->n = n;
    report("mutex_shard16", G * n, each(G, add_sharded, s));
    free(s);
}

static void add_atomic(void *env, long k)
{
    struct shared *s = env;
    (void)k;
    for (long i = 0; i < s->n; i++) atomic_fetch_add(&s->out, 1);
}

static void atomic_adds(long n)
{
    struct shared s = {.n = n};
    report("atomic_add", G * n, each(G, add_atomic, &s));
}

static void work_locked(void *env, long k)
{
    struct shared *s = env;
    uint64_t x = 0;
    (void)k;
    for (long i = 0; i < s->n; i++) {
        rv_mutex_lock(&s->mu);
        s->v += spin(150);
        rv_mutex_unlock(&s->mu);
        x += spin(150);
    }
    atomic_fetch_add(&s->out, x);
}

static void mutex_work(long n)
{
    struct shared s = {.n = n};
    const int64_t ns = each(G, work_locked, &s);
    sink += s.v + atomic_load(&s.out);
    report("mutex_work", G * n, ns);
}

static void mutex_uncont(long n)
{
    rv_mutex mu = RV_MUTEX_INIT;
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) {
        rv_mutex_lock(&mu);
        rv_mutex_unlock(&mu);
    }
    report("mutex_uncont", n, rv_now() - start);
}

static void read_mostly(void *env, long k)
{
    struct shared *s = env;
    uint64_t sum = 0;
    for (long i = 0; i < s->n; i++) {
        if ((i + k) % 10 == 0) {
            rv_rwmutex_lock(&s->rw);
            s->v++;
            rv_rwmutex_unlock(&s->rw);
        } else {
            rv_rwmutex_rlock(&s->rw);
            sum += s->v;
            rv_rwmutex_runlock(&s->rw);
        }
    }
    atomic_fetch_add(&s->out, sum);
}

static void rwmutex9010(long n)
{
    struct shared s = {.n = n};
    const int64_t ns = each(G, read_mostly, &s);
    expect(s.v == (uint64_t)(G * n / 10), "rwmutex9010");
    sink += atomic_load(&s.out);
    report("rwmutex9010", G * n, ns);
}

static void increment(void *v) { ++*(uint64_t *)v; }

static void once(long n)
{
    rv_once o = {0};
    uint64_t x = 0;
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) rv_once_do(&o, increment, &x);
    const int64_t ns = rv_now() - start;
    expect(x == 1, "once");
    report("once", n, ns);
}

static void take_turns(void *env, long k)
{
    struct shared *s = env;
    for (long i = 0; i < s->n; i++) {
        rv_mutex_lock(&s->mu);
        while (s->turn != k) rv_cond_wait(&s->turned, &s->mu);
        s->turn = 1 - k;
        rv_cond_signal(&s->turned);
        rv_mutex_unlock(&s->mu);
    }
}

static void cond(long n)
{
    struct shared s = {.n = n};
    report("cond", 2 * n, each(2, take_turns, &s));
}

struct node {
    uint64_t a, b, c, d;
};
struct pooled {
    rv_pool nodes;
    long n;
};
static void *new_node(void *arg) { return arg ? arg : allocate(1, sizeof(struct node)); }
static void free_node(void *node, void *arg)
{
    (void)arg;
    free(node);
}
static void get_and_put(void *env, long k)
{
    struct pooled *s = env;
    (void)k;
    for (long i = 0; i < s->n; i++) {
        struct node *x = rv_pool_get(&s->nodes);
        x->a++;
        rv_pool_put(&s->nodes, x);
    }
}

static void pool(long n)
{
    struct pooled s = {.nodes = RV_POOL_INIT(new_node, free_node, NULL), .n = n};
    const int g = rv_gomaxprocs(0);
    report("pool", g * n, each(g, get_and_put, &s));
    rv_pool_drain(&s.nodes);
}

static const struct bench benches[] = {
    {"mutex", 10000, "100 goroutines x n lock/add/unlock on one mutex", mutex},
    {"mutex_shard16", 10000, "as mutex, over 16 padded mutexes", mutex_shard16},
    {"atomic_add", 10000, "as mutex, one atomic add", atomic_adds},
    {"mutex_work", 2000, "100 goroutines x n: lock held for about 200 ns, 200 ns outside", mutex_work},
    {"mutex_uncont", 50000000, "lock/unlock by one goroutine", mutex_uncont},
    {"rwmutex9010", 10000, "100 goroutines x n on a rwmutex, 90 % readers", rwmutex9010},
    {"pool", 5000000, "GOMAXPROCS goroutines, n rv_pool_get/put each", pool},
    {"once", 100000000, "rv_once_do, already done", once},
    {"cond", 500000, "two goroutines alternate by one cond: ns per hand-over", cond},
};
const struct bench_table sync_table = {benches, COUNT_OF(benches)};
