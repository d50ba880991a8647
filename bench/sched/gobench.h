// gobench.h: what the benchmarks of the scheduler share. Each file of benchmarks has one table, listed in gobench.c.
//
// go/ has the same benchmarks in Go, under the same names and with the same default counts; both print
//     name ops ns_per_op p=GOMAXPROCS key=value...
// so that bench/run can put them side by side. What a Go closure captures is here a struct that the spawner owns and
// outlives, which is how a C program would do it; a channel that Go leaves to its collector is freed.
#ifndef BENCH_SCHED_GOBENCH_H
#define BENCH_SCHED_GOBENCH_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "include/ravel.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define MS          INT64_C(1000000)
#define HOUR        (3600 * 1000 * MS)

struct bench {
    const char *name;
    long n; // default count
    const char *help;
    void (*run)(long n);
};
struct bench_table {
    const struct bench *benches;
    size_t count;
};
extern const struct bench_table spawn_table, sched_table, chan_table, sync_table, timer_table, sysnet_table;

// Print one result; fmt is the "key=value ..." after the common part.
void report(const char *name, long ops, int64_t ns);
void reportf(const char *name, long ops, int64_t ns, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void expect(int ok, const char *what); // ends the program unless ok

long rss_bytes(void); // resident now
long maxrss_kb(void);
int64_t cpu_ns(void); // user and system time of the process
int threads(void);
int64_t quantile(int64_t *v, size_t n, double q);                      // sorts v
void report_late(const char *name, int64_t *late, long n, int64_t ns); // with the quantiles of late[0..n)

// Runs fn(env, 0) ... fn(env, g - 1) in g goroutines, and returns how long it took until all had ended.
int64_t each(long g, void (*fn)(void *env, long k), void *env);
void *allocate(size_t count, size_t size); // zeroed, never NULL

uint64_t spin(long iterations); // some 1.6 ns each, in one chain: nothing for a vectoriser
extern uint64_t sink;           // what keeps results alive; the main goroutine's

#endif
