// sched.c: switching, forking and joining, spreading over Ps, and taking a P from a goroutine that keeps it.
#include "bench/sched/gobench.h"

struct yields {
    rv_waitgroup left;
    long n;
};

static void yield_n(void *p)
{
    struct yields *y = p;
    for (long i = 0; i < y->n; i++) rv_gosched();
    rv_wg_done(&y->left);
}

static void yield_by(const char *name, int goroutines, long n)
{
    struct yields y = {.n = n};
    rv_wg_add(&y.left, goroutines);
    const int64_t start = rv_now();
    for (int k = 0; k < goroutines; k++) rv_go(yield_n, &y);
    rv_wg_wait(&y.left);
    report(name, goroutines * n, rv_now() - start);
}

static void yield(long n) { yield_by("yield", 2, n); }
static void yield1k(long n) { yield_by("yield1k", 1000, n); }

// ---- fib(30) by a tree of goroutines -------------------------------------------------------------------------------

__attribute__((noinline)) static int64_t fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static _Atomic int64_t fib_spawns;

struct fib_call {
    rv_chan *result;
    int n, threshold;
};

static int64_t pfib(int n, int threshold);

static void pfib_child(void *p)
{
    const struct fib_call *c = p;
    rv_chan *result = c->result;
    const int64_t v = pfib(c->n, c->threshold);
    rv_chan_send(result, &v); // the caller, who owns *c, may be gone now
}

static int64_t pfib(int n, int threshold)
{
    if (n < threshold || n < 2) return fib(n);
    struct fib_call call = {RV_CHAN(int64_t, 1), n - 1, threshold};
    atomic_fetch_add(&fib_spawns, 1);
    rv_go(pfib_child, &call);
    const int64_t b = pfib(n - 2, threshold);
    int64_t a = 0;
    rv_chan_recv(call.result, &a);
    rv_chan_unref(call.result);
    return a + b;
}

static void fib_by(const char *name, int threshold, int64_t expected)
{
    atomic_store(&fib_spawns, 0);
    const int64_t start = rv_now();
    const int64_t v = pfib(30, threshold);
    const int64_t ns = rv_now() - start;
    expect(v == expected, name);
    reportf(name, atomic_load(&fib_spawns), ns, "ms=%.3f", (double)ns / 1e6);
}

static void fib30(long n)
{
    (void)n;
    const int64_t start = rv_now();
    const int64_t r = fib(30);
    const int64_t ns = rv_now() - start;
    reportf("fib30_seq", 1, ns, "ms=%.3f", (double)ns / 1e6);
    fib_by("fib30_t20", 20, r);
    fib_by("fib30_t10", 10, r);
    fib_by("fib30_t2", 2, r);
}

// ---- skynet --------------------------------------------------------------------------------------------------------

struct skynet_call {
    rv_chan *result;
    int64_t num, size;
};

static void skynet_node(void *p)
{
    const struct skynet_call c = *(const struct skynet_call *)p;
    int64_t sum = c.num;
    if (c.size > 1) {
        struct skynet_call calls[10];
        rv_chan *results = RV_CHAN(int64_t, 0);
        const int64_t part = c.size / 10;
        for (int i = 0; i < 10; i++) {
            calls[i] = (struct skynet_call){results, c.num + i * part, part};
            rv_go(skynet_node, &calls[i]);
        }
        sum = 0;
        for (int i = 0; i < 10; i++) {
            int64_t v;
            rv_chan_recv(results, &v);
            sum += v;
        }
        rv_chan_unref(results);
    }
    rv_chan_send(c.result, &sum);
}

static void skynet(long n)
{
    struct skynet_call root = {RV_CHAN(int64_t, 0), 0, n};
    int64_t r = 0;
    const int64_t start = rv_now();
    rv_go(skynet_node, &root);
    rv_chan_recv(root.result, &r);
    const int64_t ns = rv_now() - start;
    rv_chan_unref(root.result);
    expect(r == (int64_t)n * (n - 1) / 2, "skynet");
    reportf("skynet", n + (n - 1) / 9, ns, "ms=%ld maxrss_kb=%ld", (long)(ns / MS), maxrss_kb());
}

// ---- compute on several Ps -------------------------------------------------------------------------------------------

struct work {
    rv_waitgroup left;
    _Atomic uint64_t sum;
    long iterations;
};

static void work_one(void *p)
{
    struct work *w = p;
    atomic_fetch_add(&w->sum, spin(w->iterations));
    rv_wg_done(&w->left);
}

static void work_all(struct work *w, long n)
{
    rv_wg_add(&w->left, n);
    for (long i = 0; i < n; i++) rv_go(work_one, w);
    rv_wg_wait(&w->left);
}

static void gomaxprocs(long n)
{
    static const struct {
        const char *name;
        int p;
    } runs[] = {{"gomaxprocs1", 1}, {"gomaxprocs2", 2}, {"gomaxprocs4", 4}};
    const int before = rv_gomaxprocs(0);
    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        struct work w = {.iterations = 100000};
        rv_gomaxprocs(runs[i].p);
        const int64_t start = rv_now();
        work_all(&w, n);
        const int64_t ns = rv_now() - start;
        sink += atomic_load(&w.sum);
        reportf(runs[i].name, n, ns, "ms=%.3f", (double)ns / 1e6);
    }
    rv_gomaxprocs(before);
}

static void forkjoin(long n)
{
    struct work w = {.iterations = 20000};
    int64_t start = rv_now();
    for (int i = 0; i < 200; i++) sink += spin(w.iterations);
    const int64_t one = (rv_now() - start) / 200;
    start = rv_now();
    for (long i = 0; i < n; i++) work_all(&w, 2);
    const int64_t ns = rv_now() - start;
    sink += atomic_load(&w.sum);
    reportf("forkjoin", n, ns, "work_ns=%ld speedup=%.4f", (long)one, (double)(2 * one) * (double)n / (double)ns);
}

// ---- preemption ------------------------------------------------------------------------------------------------------

static _Atomic int hogs_stop;
static _Atomic uint64_t hogs_sum;

static void hog(void *arg)
{
    (void)arg;
    uint64_t x = 0;
    while (!atomic_load_explicit(&hogs_stop, memory_order_relaxed)) x += spin(1000);
    atomic_fetch_add(&hogs_sum, x);
}

// No call and no atomic in the loop, and no end: x stays odd.
static void tight_hog(void *arg)
{
    (void)arg;
    uint64_t x = 1;
    while (x != 0) {
        x = x * 6364136223846793005u | 1;
        __asm__ volatile("" : "+r"(x)); // or the compiler would see that, and throw the loop's body away
    }
    atomic_fetch_add(&hogs_sum, x);
}

static void sleep_beside(const char *name, rv_fn *hog_fn, long n)
{
    int64_t *late = allocate((size_t)n, sizeof late[0]);
    for (int k = rv_gomaxprocs(0); k > 0; k--) rv_go(hog_fn, NULL);
    rv_sleep(20 * MS);
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) {
        const int64_t from = rv_now();
        rv_sleep(MS);
        late[i] = rv_now() - from - MS;
    }
    const int64_t ns = rv_now() - start;
    atomic_store(&hogs_stop, 1);
    report_late(name, late, n, ns);
    free(late);
}

static void preempt(long n)
{
    atomic_store(&hogs_stop, 0);
    sleep_beside("preempt", hog, n);
}

static void preempt_tight(long n) { sleep_beside("preempt_tight", tight_hog, n); }

static const struct bench benches[] = {
    {"yield", 2000000, "2 goroutines, n rv_gosched each: ns per rv_gosched", yield},
    {"yield1k", 2000, "1000 goroutines, n rv_gosched each", yield1k},
    {"fib30", 1, "fib(30) fork-join by goroutines, thresholds 20, 10, 2: ns per spawned goroutine", fib30},
    {"skynet", 1000000, "skynet, n leaves, 10-ary: ns per goroutine", skynet},
    {"gomaxprocs", 1000, "n tasks of 100k loop iterations each for GOMAXPROCS 1, 2, 4: ns per task", gomaxprocs},
    {"forkjoin", 5000,
     "n times: spawn 2 goroutines of about 20 us work each and join: overhead of spreading to an idle P", forkjoin},
    {"preempt", 100, "GOMAXPROCS hogs that never yield; n sleeps of 1 ms by another goroutine: lateness ns", preempt},
    {"preempt_tight", 100, "as preempt, the hogs being call-free loops (only a signal can stop them)", preempt_tight},
};
const struct bench_table sched_table = {benches, COUNT_OF(benches)};
