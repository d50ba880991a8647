// bench/kernels/kernel.h: what every kernel shares.
//
// A kernel is one small race-free program of two threads. Its only argument is a scale in percent (100: about 0.05
// to 0.3 s of CPU time when compiled natively); it prints one line, a checksum, so that nothing can be optimised
// away and so that every build of it can be compared with every other.
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 2 };

struct worker {
    int id;       // 0 .. THREADS - 1
    unsigned n;   // the scaled amount of work
    uint64_t sum; // the worker's part of the checksum
};

// amount, scaled by the program's argument, and at least 1.
static inline unsigned scaled(int argc, char **argv, unsigned amount)
{
    const unsigned long percent = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
    const uint64_t n = (uint64_t)amount * percent / 100;
    return n > 0 ? (unsigned)n : 1;
}

static inline uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

static inline void *must(void *p)
{
    if (p != NULL) return p;
    fputs("kernel: out of memory\n", stderr);
    exit(1);
}

// Runs fn in every worker and prints the checksum of all.
static inline void run_workers(void *(*fn)(void *), unsigned n)
{
    pthread_t thread[THREADS];
    struct worker worker[THREADS];
    uint64_t sum = 0;
    for (int i = 0; i < THREADS; i++) {
        worker[i] = (struct worker){.id = i, .n = n};
        if (pthread_create(&thread[i], NULL, fn, &worker[i]) != 0) exit(1);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        sum = mix(sum + worker[i].sum);
    }
    printf("%016llx\n", (unsigned long long)sum);
}

#endif
