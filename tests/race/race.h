// tests/race/race.h: what the programs in here share.
//
// Most of them are two functions, first() and second(), on two threads. step() is a barrier that the detector does not
// see, so the accesses of a race meet in one order, every time, and nothing but the primitive under test can order
// them. Without TOGETHER, second() starts when first() has returned; with it both start at once, and call step()
// themselves, as often as each other, or are ordered by the primitive.
//
// Data is not static, or compilers would drop what is only ever written.
//
//     // race: LABEL        at the end of a line: an access of the race LABEL. Two lines with one label are the pair
//                           that must be reported; one line alone meets itself. No mark: silence.
//     // stack: LABEL f g   anywhere: the access of LABEL on this line, or the next, has this call stack, innermost first
//     // sync: NAME WHAT    at the end of a line: a synchronisation, of that kind in docs/report-format.md
//     // after: NAME        the access on the next line was last synchronised there; NAME start: by its thread's start
//     // options: k=v       RAVEL_OPTIONS of the run
//     // exit: N            the exit code, where it is not 66 with marks and 0 without
//     // stderr: TEXT       something the program must write there; without it, it must write nothing
#ifndef RACE_H
#define RACE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void __tsan_testonly_barrier_init(uint64_t *barrier, unsigned count);
void __tsan_testonly_barrier_wait(uint64_t *barrier);

static uint64_t step_barrier;
static inline void steps(unsigned threads) { __tsan_testonly_barrier_init(&step_barrier, threads); }
static inline void step(void) { __tsan_testonly_barrier_wait(&step_barrier); }

// Ends the program with 3 where the C library did not do what the test is about.
#define EXPECT(c)                                                                                                      \
    do {                                                                                                               \
        if (!(c)) {                                                                                                    \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #c);                                                             \
            _exit(3);                                                                                                  \
        }                                                                                                              \
    } while (0)

// A point in time that never comes, and one that has passed.
static const struct timespec never = {.tv_sec = INT32_MAX}, past = {.tv_sec = 1};

#ifndef NO_MAIN
static void first(void), second(void);
static void *run_first(void *arg)
{
    (void)arg;
    first();
#ifndef TOGETHER
    step();
#endif
    return NULL;
}
static void *run_second(void *arg)
{
    (void)arg;
#ifndef TOGETHER
    step();
#endif
    second();
    return NULL;
}
int main(void)
{
    steps(2);
    pthread_t a, b;
    EXPECT(pthread_create(&a, NULL, run_first, NULL) == 0);
    EXPECT(pthread_create(&b, NULL, run_second, NULL) == 0);
    EXPECT(pthread_join(a, NULL) == 0);
    EXPECT(pthread_join(b, NULL) == 0);
    return 0;
}
#endif

#endif
