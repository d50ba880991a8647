// sweep_seq.c: each thread sweeps its own 8 MiB of 8-byte words in order, reading and writing each.
#include "kernel.h"

enum { WORDS = 1 << 20 };

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t *a = must(calloc(WORDS, sizeof *a));
    for (unsigned round = 0; round < w->n; round++)
        for (unsigned i = 1; i < WORDS; i++) a[i] += a[i - 1] ^ (i + round);
    w->sum = a[WORDS - 1];
    free(a);
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 40));
    return 0;
}
