// flags.c: one byte of flags per item, even items the first thread's and odd ones the second's; after a barrier each
// thread reads the other's.
#include "kernel.h"

enum { ITEMS = 1 << 18 };

static unsigned char flag[ITEMS];
static pthread_barrier_t barrier;

static void *work(void *arg)
{
    struct worker *w = arg;
    for (unsigned round = 0; round < w->n; round++) {
        for (unsigned i = (unsigned)w->id; i < ITEMS; i += THREADS)
            if ((i * 7 + round) % 5 != 0) flag[i] ^= (unsigned char)(1u << round % 8);
        pthread_barrier_wait(&barrier);
        for (unsigned i = 1 - (unsigned)w->id; i < ITEMS; i += THREADS) w->sum += flag[i] & 3;
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_workers(work, scaled(argc, argv, 150));
    pthread_barrier_destroy(&barrier);
    return 0;
}
