// race_timer.c: rv_timer_stop waits for nothing, and orders nothing; a start is not ordered after what fn did before.
#include "gorace.h"

static rv_timer timer;
int data;
static void fires(void *arg)
{
    (void)arg;
    data = 1; // race: data
    next_turn();
}
static void body(void *arg)
{
    (void)arg;
    rv_timer_init(&timer, fires, NULL);
    rv_timer_start(&timer, 0);
    turn(1);
    for (int k = 0; k < 20; k++) rv_gosched();
    rv_timer_stop(&timer);
    rv_timer_start(&timer, 3600000000000);
    data = 2; // race: data
}
