// spawn.c: what it costs to start goroutines, to end them, and to have many.
#include "bench/sched/gobench.h"

static void done(void *wg) { rv_wg_done(wg); }

static int64_t spawn_round(long n)
{
    rv_waitgroup left = {0};
    rv_wg_add(&left, n);
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) rv_go(done, &left);
    rv_wg_wait(&left);
    return rv_now() - start;
}

static void spawn(long n)
{
    int64_t ns = spawn_round(n);
    reportf("spawn_cold", n, ns, "maxrss_kb=%ld", maxrss_kb());
    ns = spawn_round(n);
    reportf("spawn_warm", n, ns, "maxrss_kb=%ld", maxrss_kb());
}

static void send_event(void *ch) { rv_chan_send(ch, NULL); }

static void spawn_join(long n)
{
    rv_chan *ch = rv_chan_make(0, 0);
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) {
        rv_go(send_event, ch);
        rv_chan_recv(ch, NULL);
    }
    report("spawn_join", n, rv_now() - start);
    rv_chan_free(ch);
}

static void in_memory(const void *p) { __asm__ volatile("" ::"r"(p) : "memory"); }

// A deeper body. The array is in use before and after the call, so that each level has its own.
__attribute__((noinline)) static uint64_t deep(int d)
{
    uint64_t a[32] = {0};
    a[d & 31] = (uint64_t)d;
    in_memory(a);
    if (d == 0) return a[0];
    const uint64_t below = deep(d - 1);
    in_memory(a);
    return below + a[d & 31];
}

static _Atomic uint64_t odd;

static void go_deep(void *wg)
{
    if (deep(24) == 1) atomic_fetch_add(&odd, 1);
    rv_wg_done(wg);
}

static void spawn_deep(long n)
{
    rv_waitgroup left = {0};
    rv_wg_add(&left, n);
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) rv_go(go_deep, &left);
    rv_wg_wait(&left);
    reportf("spawn_deep", n, rv_now() - start, "maxrss_kb=%ld", maxrss_kb());
}

struct parking {
    rv_chan *gate;
    rv_waitgroup ready, done;
};

static void park_one(void *p)
{
    struct parking *s = p;
    rv_wg_done(&s->ready);
    rv_chan_recv(s->gate, NULL);
    rv_wg_done(&s->done);
}

static void park(long n)
{
    const long before = rss_bytes();
    struct parking s = {.gate = rv_chan_make(0, 0)};
    rv_wg_add(&s.ready, n);
    rv_wg_add(&s.done, n);
    int64_t start = rv_now();
    for (long i = 0; i < n; i++) rv_go(park_one, &s);
    rv_wg_wait(&s.ready);
    int64_t ns = rv_now() - start;
    const long now = rss_bytes();
    reportf("park", n, ns, "rss_per_g=%ld rss_mb=%ld threads=%d", (now - before) / n, now >> 20, threads());
    start = rv_now();
    rv_chan_close(s.gate);
    rv_wg_wait(&s.done);
    reportf("unpark_all", n, rv_now() - start, "maxrss_kb=%ld", maxrss_kb());
    rv_chan_free(s.gate);
}

static const struct bench benches[] = {
    {"spawn", 1000000, "spawn+finish n goroutines, wait group; first (cold) and second (warm) round", spawn},
    {"spawn_join", 500000, "spawn one goroutine and wait for it, n times", spawn_join},
    {"spawn_deep", 200000, "spawn+finish n goroutines that use about 8 KiB of stack each", spawn_deep},
    {"park", 1000000, "n goroutines parked on one channel at once: time and RSS per goroutine, then wake all", park},
};
const struct bench_table spawn_table = {benches, COUNT_OF(benches)};
