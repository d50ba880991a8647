// watch.c: a plain thread that ends the program when nothing has moved for a minute, and how much memory it has.
#include "tests/runtime/stress/stress.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { PATIENCE = 60 }; // seconds

_Atomic uint64_t steps_done;

// SIGQUIT makes the runtime print every goroutine and end.
static void *watch(void *arg)
{
    uint64_t seen = UINT64_MAX;
    for (;;) {
        const uint64_t now = atomic_load_explicit(&steps_done, memory_order_relaxed);
        if (now == seen) break;
        seen = now;
        sleep(PATIENCE);
    }
    fprintf(stderr, "stress: nothing has moved for %d s, after %ju steps\n", PATIENCE, (uintmax_t)seen);
    kill(getpid(), SIGQUIT);
    sleep(10);
    _exit(3);
    return arg;
}

void start_watchdog(void)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, watch, NULL) == 0);
    pthread_detach(thread);
}

long rss_kib(void)
{
    long total, resident;
    FILE *f = fopen("/proc/self/statm", "r");
    EXPECT(f && fscanf(f, "%ld %ld", &total, &resident) == 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}
