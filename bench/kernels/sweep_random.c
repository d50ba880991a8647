// sweep_random.c: each thread updates words of its own 4 MiB in random order.
#include "kernel.h"

enum { WORDS = 1 << 19 };

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t *a = must(calloc(WORDS, sizeof *a));
    uint64_t state = (uint64_t)w->id + 1;
    for (unsigned i = 0; i < w->n; i++) {
        const uint32_t r = next_random(&state);
        a[r % WORDS] += a[(r >> 7) % WORDS] + r;
    }
    for (unsigned i = 0; i < WORDS; i++) w->sum = mix(w->sum + a[i]);
    free(a);
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 10000000));
    return 0;
}
