// atomics.c: atomic counters: one shared by both threads, one for each, and a published value of each.
#include "kernel.h"
#include <stdatomic.h>

static _Atomic uint64_t shared;
static struct {
    _Atomic uint64_t relaxed, acq_rel;
    _Atomic uint32_t published;
    char pad[44];
} own[THREADS];

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t seen = 0;
    for (unsigned i = 0; i < w->n; i++) {
        atomic_fetch_add_explicit(&own[w->id].relaxed, i, memory_order_relaxed);
        atomic_fetch_add_explicit(&own[w->id].acq_rel, 1, memory_order_acq_rel);
        atomic_store_explicit(&own[w->id].published, i, memory_order_release);
        seen += atomic_load_explicit(&own[1 - w->id].published, memory_order_acquire) > w->n;
        if (i % 8 == 0) atomic_fetch_add(&shared, 1);
    }
    w->sum = atomic_load(&own[w->id].relaxed) + atomic_load(&own[w->id].acq_rel) + seen;
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 2000000));
    printf("%llu\n", (unsigned long long)shared);
    return 0;
}
