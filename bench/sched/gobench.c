// gobench.c: the benchmarks of the scheduler, in C: arguments, the registry, and the helpers of gobench.h.
//
//     gobench [-p GOMAXPROCS] [-n count] name...
//     gobench -list
#include "bench/sched/gobench.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct bench_table *const tables[] = {&spawn_table, &sched_table, &chan_table,
                                                   &sync_table,  &timer_table, &sysnet_table};
uint64_t sink;

static void report_common(const char *name, long ops, int64_t ns)
{
    printf("%s %ld %.2f p=%d", name, ops, (double)ns / (double)ops, rv_gomaxprocs(0));
}

void report(const char *name, long ops, int64_t ns)
{
    report_common(name, ops, ns);
    puts("");
    fflush(stdout);
}

void reportf(const char *name, long ops, int64_t ns, const char *fmt, ...)
{
    report_common(name, ops, ns);
    putchar(' ');
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    puts("");
    fflush(stdout);
}

void expect(int ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "gobench: failed: %s\n", what);
    exit(1);
}

void *allocate(size_t count, size_t size)
{
    void *p = calloc(count, size);
    expect(p != NULL, "memory");
    return p;
}

long rss_bytes(void)
{
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    expect(f && fscanf(f, "%ld %ld", &total, &resident) == 2, "/proc/self/statm");
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

static struct rusage usage(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u;
}

long maxrss_kb(void) { return usage().ru_maxrss; }

static int64_t in_ns(struct timeval t) { return t.tv_sec * 1000 * MS + t.tv_usec * 1000; }

int64_t cpu_ns(void)
{
    const struct rusage u = usage();
    return in_ns(u.ru_utime) + in_ns(u.ru_stime);
}

int threads(void)
{
    char line[256];
    int n = 0;
    FILE *f = fopen("/proc/self/status", "r");
    expect(f != NULL, "/proc/self/status");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %d", &n) == 1) break;
    fclose(f);
    return n;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t quantile(int64_t *v, size_t n, double q)
{
    if (n == 0) return 0;
    qsort(v, n, sizeof v[0], compare);
    return v[(size_t)(q * (double)(n - 1))];
}

void report_late(const char *name, int64_t *late, long n, int64_t ns)
{
    const long p50 = quantile(late, (size_t)n, .5) / 1000, p99 = quantile(late, (size_t)n, .99) / 1000;
    reportf(name, n, ns, "late_p50_us=%ld late_p99_us=%ld late_max_us=%ld", p50, p99, late[n - 1] / 1000);
}

struct task {
    void (*fn)(void *env, long k);
    void *env;
    long k;
    rv_waitgroup *left;
};

static void run_task(void *p)
{
    const struct task *t = p;
    t->fn(t->env, t->k);
    rv_wg_done(t->left);
}

int64_t each(long g, void (*fn)(void *env, long k), void *env)
{
    rv_waitgroup left = {0};
    struct task *tasks = allocate((size_t)g, sizeof tasks[0]);
    rv_wg_add(&left, g);
    const int64_t start = rv_now();
    for (long k = 0; k < g; k++) {
        tasks[k] = (struct task){fn, env, k, &left};
        rv_go(run_task, &tasks[k]);
    }
    rv_wg_wait(&left);
    const int64_t ns = rv_now() - start;
    free(tasks);
    return ns;
}

__attribute__((noinline)) uint64_t spin(long iterations)
{
    uint64_t x = 88172645463325252u;
    __asm__ volatile("" : "+r"(x)); // makes each call worth making
    for (long i = 0; i < iterations; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

static const struct bench *find(const char *name)
{
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        for (size_t i = 0; i < tables[t]->count; i++)
            if (strcmp(tables[t]->benches[i].name, name) == 0) return &tables[t]->benches[i];
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct bench *const *)a)->name, (*(const struct bench *const *)b)->name);
}

static int list(void)
{
    const struct bench *all[128];
    size_t n = 0;
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        for (size_t i = 0; i < tables[t]->count && n < COUNT_OF(all); i++) all[n++] = &tables[t]->benches[i];
    qsort(all, n, sizeof all[0], by_name);
    for (size_t i = 0; i < n; i++) printf("%-18s n=%-9ld %s\n", all[i]->name, all[i]->n, all[i]->help);
    return 0;
}

// As Go does at start: a thousand connections are more than the usual soft limit.
static void raise_file_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_all(char **names, int count, long n)
{
    for (int i = 0; i < count; i++) {
        const struct bench *b = find(names[i]);
        if (!b) {
            fprintf(stderr, "gobench: no such benchmark: %s\n", names[i]);
            return 2;
        }
        b->run(n ? n : b->n);
    }
    return 0;
}

static int gobench(int argc, char **argv)
{
    static const struct option options[] = {{"p", required_argument, NULL, 'p'},
                                            {"n", required_argument, NULL, 'n'},
                                            {"list", no_argument, NULL, 'l'},
                                            {0}};
    long n = 0;
    for (int o; (o = getopt_long_only(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'l') return list();
        if (o == '?') return 2;
        if (o == 'p') rv_gomaxprocs(atoi(optarg));
        if (o == 'n') n = atol(optarg);
    }
    raise_file_limit();
    return run_all(argv + optind, argc - optind, n);
}

RV_MAIN(gobench)
