// norace_timer.c: what was done before a timer's start happens before its function.
#include "gorace.h"

static rv_timer timer;
static rv_waitgroup wg;
static long value;
static void fires(void *arg)
{
    (void)arg;
    value++;
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_timer_init(&timer, fires, NULL);
    for (int i = 0; i < 3; i++) {
        rv_wg_add(&wg, 1);
        value++;
        rv_timer_start(&timer, 1000);
        rv_wg_wait(&wg);
    }
    rv_timer_stop_wait(&timer);
    if (value != 6) abort();
}
