// norace_timer_wait.c: the end of a timer's function comes before the return of rv_timer_stop_wait, whether that had to wait for it, or found
// it over; also if the function frees its timer, and if it ran for two starts at once.
#include "gorace.h"

static rv_timer timer;
static long value, once;
static rv_chan *go_on;
static void slow(void *arg)
{
    (void)arg;
    value++;
    next_turn();
    rv_chan_recv(go_on, NULL);
    value++;
}
static void quick(void *arg)
{
    (void)arg;
    value++;
    next_turn();
}
static void waits(int i)
{
    rv_timer_start(&timer, 0);
    turn(i);
    rv_go((rv_fn *)rv_chan_close, go_on); // after we wait, if there is one P
    rv_timer_stop_wait(&timer);
    value++;
}
static void finds_it_over(int i)
{
    rv_timer_init(&timer, quick, NULL);
    rv_timer_start(&timer, 0);
    turn(i);
    for (int k = 0; k < 20; k++) rv_gosched();
    rv_timer_stop_wait(&timer);
    value++;
}
static void frees(void *t)
{
    once++;
    free(t);
    next_turn();
}
static void body(void *arg)
{
    (void)arg;
    go_on = rv_chan_make(0, 0);
    rv_timer_init(&timer, slow, NULL);
    waits(1);
    finds_it_over(2);
    finds_it_over(3);
    rv_timer *t = malloc(sizeof *t);
    rv_timer_init(t, frees, t);
    rv_timer_start(t, 0);
    turn(4);
    if (value != 7) abort();
}
