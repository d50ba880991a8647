// race_shards.c: a count orders nothing: neither an add with the value that includes it.
#include "gorace.h"

static rv_counter counter;
static rv_sem done;
int counted;

static void count(void *arg)
{
    (void)arg;
    counted = 1; // race: counted
    rv_counter_add(&counter, 1);
    next_turn();
    rv_sem_release(&done, 1);
}
static void body(void *arg)
{
    (void)arg;
    rv_go(count, NULL);
    turn(1);
    if (rv_counter_value(&counter) != 1) abort();
    counted = 2; // race: counted
    rv_sem_acquire(NULL, &done, 1);
    rv_counter_free(&counter);
}
