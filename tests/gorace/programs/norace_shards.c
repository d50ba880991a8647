// norace_shards.c: counters need no lock, whoever adds; what a waitgroup orders is in the value.
#include "gorace.h"

enum { N = 30 };
static rv_counter counter;
static rv_waitgroup wg;

static void count(void *arg)
{
    rv_counter_add(&counter, (intptr_t)arg);
    if (rv_counter_value(&counter) < (intptr_t)arg) abort();
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_wg_add(&wg, N);
    for (int i = 1; i <= N; i++) rv_go(count, (void *)(intptr_t)i);
    rv_wg_wait(&wg);
    if (rv_counter_value(&counter) != N * (N + 1) / 2) abort();
    rv_counter_free(&counter);
}
