// read_shared.c: an input table that both threads read all over, each in many epochs (a lock now and then).
#include "kernel.h"

enum { WORDS = 1 << 20 };

static uint32_t table[WORDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t progress; // guarded by lock

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t state = (uint64_t)w->id + 17;
    for (unsigned i = 0; i < w->n; i++) {
        const uint32_t at = next_random(&state) % WORDS;
        for (unsigned k = 0; k < 1024; k++) w->sum += table[(at + k) % WORDS];
        if (i % 4 != 0) continue;
        pthread_mutex_lock(&lock);
        progress++;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < WORDS; i++) table[i] = i * 2654435761u;
    run_workers(work, scaled(argc, argv, 40000));
    printf("%llu\n", (unsigned long long)progress);
    return 0;
}
