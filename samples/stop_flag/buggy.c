// A worker that runs until it is told to stop.
//
// The bug: the flag is volatile. That makes the compiler read it each time round, and nothing more: volatile is for
// device registers and signal handlers, and says nothing to other threads.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

static volatile int stop;

static void *work(void *rounds)
{
    long n = 0;
    while (!stop) { // race: A
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
    stop = 1; // race: A
    pthread_join(worker, NULL);
    printf("%s\n", rounds > 0 ? "worked, then stopped" : "stopped before any work");
    return 0;
}
