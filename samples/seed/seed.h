// seed.h: what the programs of samples/seed share. Each is one file: as it is it has its original's mistakes, with -DMENDED it has none.
// The first lines of a program say what it does, what is wrong with it, and what the mend is. An argument says how much of the work is to
// be done, where that would take long. run.py has the table of who must find what.
#ifndef SEED_H
#define SEED_H
#include <ravel.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef MENDED
enum { mended = 1 };
#else
enum { mended = 0 };
#endif

enum { MICROSECOND = 1000, MILLISECOND = 1000000 };
#define SECOND 1000000000L

static inline int how_many(int argc, char **argv, int all) { return argc > 1 ? atoi(argv[1]) : all; }

// Keeps a value, so that the loop that computes it stays.
#define USE(value)  __asm__ volatile("" : : "r"(value))
#define STEP(value) __asm__ volatile("" : "+r"(value))

static inline double ms_since(int64_t start) { return (double)(rv_now() - start) / MILLISECOND; }

// A goroutine that is done is counted until it has ended; the mended programs wait for that.
static inline void only_main_is_left(void)
{
    while (rv_num_goroutine() > 1) rv_gosched();
}

// main() that runs fn. Of a mended program everybody ends.
#define SEED_MAIN(fn)                                                                                                  \
    static int fn##_and_end(int argc, char **argv)                                                                     \
    {                                                                                                                  \
        const int result = fn(argc, argv);                                                                             \
        if (mended) only_main_is_left();                                                                               \
        return result;                                                                                                 \
    }                                                                                                                  \
    RV_MAIN(fn##_and_end)
#endif
