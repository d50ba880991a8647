// A worker that runs until it is told to stop.
//
// The mend: the flag is atomic.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int stop;

static void *work(void *rounds)
{
    long n = 0;
    while (!atomic_load(&stop)) {
        n++;
        sched_yield();
    }
    *(long *)rounds = n;
    return NULL;
}

int main(void)
{
    pthread_t worker;
    long rounds;
    pthread_create(&worker, NULL, work, &rounds);
    atomic_store(&stop, 1);
    pthread_join(worker, NULL);
    printf("%s\n", rounds > 0 ? "worked, then stopped" : "stopped before any work");
    return 0;
}
