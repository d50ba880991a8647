// race_counter.c: two goroutines add to one counter without synchronisation.
#include "gorace.h"

long counter;
static rv_waitgroup wg;
static void add(void *arg)
{
    (void)arg;
    counter = 1; // race: counter
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_wg_add(&wg, 2);
    rv_go(add, NULL);
    rv_go(add, NULL);
    rv_wg_wait(&wg);
    if (counter != 1) abort();
}
