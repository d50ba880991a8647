// timers.c: sleeping goroutines, and timers that are stopped, that fire, that wait.
#include "bench/sched/gobench.h"

struct sleepers {
    int64_t *want, *late;
};

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void sleep_one(void *env, long k)
{
    const struct sleepers *s = env;
    const int64_t from = rv_now();
    rv_sleep(s->want[k]);
    s->late[k] = rv_now() - from - s->want[k];
}

static void sleep100k(long n)
{
    struct sleepers s = {allocate((size_t)n, sizeof(int64_t)), allocate((size_t)n, sizeof(int64_t))};
    uint64_t random = 1;
    for (long i = 0; i < n; i++) s.want[i] = (int64_t)(next_random(&random) % (100 * MS));
    const int64_t cpu = cpu_ns();
    const int64_t ns = each(n, sleep_one, &s);
    const long cpu_ms = (cpu_ns() - cpu) / MS, p50 = quantile(s.late, (size_t)n, .5) / 1000;
    const long p99 = quantile(s.late, (size_t)n, .99) / 1000;
    reportf("sleep100k", n, ns, "wall_ms=%ld cpu_ms=%ld late_p50_us=%ld late_p99_us=%ld late_max_us=%ld maxrss_kb=%ld",
            (long)(ns / MS), cpu_ms, p50, p99, (long)(s.late[n - 1] / 1000), maxrss_kb());
    free(s.want);
    free(s.late);
}

static void nothing(void *arg) { (void)arg; }

static void timer_stop(long n)
{
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) {
        rv_timer t;
        rv_timer_init(&t, nothing, NULL);
        rv_timer_start(&t, HOUR);
        rv_timer_stop(&t);
    }
    report("timer_stop", n, rv_now() - start);
}

static void timer_live(long n)
{
    int64_t start = rv_now();
    rv_timer *timers = allocate((size_t)n, sizeof timers[0]);
    for (long i = 0; i < n; i++) {
        rv_timer_init(&timers[i], nothing, NULL);
        rv_timer_start(&timers[i], HOUR + i * 7919 % n * 1000);
    }
    reportf("timer_create", n, rv_now() - start, "maxrss_kb=%ld", maxrss_kb());
    start = rv_now();
    for (long i = 0; i < n; i++) rv_timer_stop(&timers[i]);
    report("timer_stopall", n, rv_now() - start);
    free(timers);
}

static void time_after(long n)
{
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) rv_chan_unref(rv_after(HOUR));
    reportf("time_after", n, rv_now() - start, "maxrss_kb=%ld", maxrss_kb());
}

static void done(void *wg) { rv_wg_done(wg); }

static void timer_fire(long n)
{
    rv_waitgroup left = {0};
    rv_wg_add(&left, n);
    const int64_t start = rv_now();
    rv_timer *timers = allocate((size_t)n, sizeof timers[0]);
    for (long i = 0; i < n; i++) {
        rv_timer_init(&timers[i], done, &left);
        rv_timer_start(&timers[i], 1000);
    }
    rv_wg_wait(&left);
    report("timer_fire", n, rv_now() - start);
    for (long i = 0; i < n; i++) rv_timer_stop_wait(&timers[i]);
    free(timers);
}

static void sleep_idle(long n)
{
    int64_t *late = allocate((size_t)n, sizeof late[0]);
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) {
        const int64_t from = rv_now();
        rv_sleep(MS);
        late[i] = rv_now() - from - MS;
    }
    report_late("sleep_idle", late, n, rv_now() - start);
    free(late);
}

struct idlers {
    rv_chan *gate;
    rv_waitgroup ready;
};

static void idle(void *p)
{
    struct idlers *s = p;
    rv_wg_done(&s->ready);
    rv_chan_recv(s->gate, NULL);
}

static void idle_cpu(long n)
{
    static struct idlers s; // they may still be on their way when this returns
    s.gate = rv_chan_make(0, 0);
    rv_wg_add(&s.ready, 1000);
    for (int i = 0; i < 1000; i++) rv_go(idle, &s);
    rv_wg_wait(&s.ready);
    rv_sleep(10 * MS); // all have parked, and what woke up for them is asleep
    const int64_t cpu = cpu_ns(), start = rv_now();
    rv_sleep(n * 1000 * MS);
    const int64_t ns = rv_now() - start;
    reportf("idle_cpu", n, ns, "cpu_us_per_s=%ld", (long)((cpu_ns() - cpu) / 1000 / n));
    rv_chan_close(s.gate);
}

static const struct bench benches[] = {
    {"sleep100k", 100000, "n goroutines sleep a random 0-100 ms at once: wall, lateness, CPU", sleep100k},
    {"timer_stop", 3000000, "start a timer of 1h, then stop it: ns per pair", timer_stop},
    {"timer_live", 1000000, "n live timers of 1h+i, then stop all: ns per start, ns per stop", timer_live},
    {"time_after", 1000000, "rv_after(1h), dropped: ns per call", time_after},
    {"timer_fire", 500000, "n timers of 1 us until all have fired: ns per timer", timer_fire},
    {"sleep_idle", 500, "n sleeps of 1 ms in an otherwise idle process: lateness", sleep_idle},
    {"idle_cpu", 2, "1000 parked goroutines, n seconds idle: CPU used per second", idle_cpu},
};
const struct bench_table timer_table = {benches, COUNT_OF(benches)};
