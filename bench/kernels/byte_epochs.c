// byte_epochs.c: byte by byte over the same buffers, each sweep in a new epoch (a lock between sweeps); every fourth
// time the threads swap buffers at a barrier.
#include "kernel.h"

enum { SIZE = 1 << 18 };

static unsigned char buffer[THREADS][SIZE];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static unsigned sweeps; // guarded by lock

static void *work(void *arg)
{
    struct worker *w = arg;
    for (unsigned round = 0; round < w->n; round++) {
        unsigned char *p = buffer[(round / 4 + (unsigned)w->id) % THREADS];
        unsigned char last = (unsigned char)round;
        for (unsigned i = 0; i < SIZE; i++) last = p[i] = (unsigned char)(p[i] * 5 + last);
        pthread_mutex_lock(&lock);
        sweeps++;
        pthread_mutex_unlock(&lock);
        if (round % 4 == 3) pthread_barrier_wait(&barrier);
        w->sum = mix(w->sum + last);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_workers(work, scaled(argc, argv, 160));
    pthread_barrier_destroy(&barrier);
    printf("%u\n", sweeps);
    return 0;
}
