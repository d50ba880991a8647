// barrier.c: the barrier for tests orders threads, and the detector does not see it.
//
// "order": THREADS threads write a log in turns that only the barrier fixes; each turn is seen by all. With atomics,
// so that nothing is to be reported. "race": two plain writes, one before and one after the barrier: the run never
// varies, and the race must be reported although nothing went wrong.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

void __tsan_testonly_barrier_init(unsigned long long *, unsigned), __tsan_testonly_barrier_wait(unsigned long long *);

enum { THREADS = 5, ROUNDS = 200 };
static unsigned long long barrier;
static atomic_int turn, wrong;
static int plain;

static void *take_turns(void *arg)
{
    const int me = (int)(long)arg;
    for (int round = 0; round < ROUNDS * THREADS; round++) {
        __tsan_testonly_barrier_wait(&barrier);
        if (round % THREADS == me) atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
        __tsan_testonly_barrier_wait(&barrier);
        if (atomic_load_explicit(&turn, memory_order_relaxed) != round + 1) atomic_store(&wrong, 1);
    }
    return NULL;
}
static void *first(void *arg)
{
    plain = 1; // the earlier side
    __tsan_testonly_barrier_wait(&barrier);
    return arg;
}
static void *second(void *arg)
{
    __tsan_testonly_barrier_wait(&barrier);
    if (plain != 1) atomic_store(&wrong, 1);
    plain = 2; // the later side
    return arg;
}
int main(int argc, char **argv)
{
    const int race = argc > 1 && strcmp(argv[1], "race") == 0;
    pthread_t t[THREADS];
    if (race) {
        __tsan_testonly_barrier_init(&barrier, 2);
        pthread_create(&t[0], NULL, first, NULL);
        pthread_create(&t[1], NULL, second, NULL);
        pthread_join(t[0], NULL);
        pthread_join(t[1], NULL);
    } else {
        __tsan_testonly_barrier_init(&barrier, THREADS);
        for (long i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, take_turns, (void *)i);
        for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    }
    puts(atomic_load(&wrong) ? "out of order" : "in order");
    return atomic_load(&wrong);
}
