// channel + condition: one signal for two waiters.
// found: asleep
#include "gb.h"
static rv_mutex m;
static rv_cond c;
static int open_now;
static rv_chan *gone;
static void wait_open(void *none)
{
    (void)none;
    rv_mutex_lock(&m);
    while (!open_now) rv_cond_wait(&c, &m);
    rv_mutex_unlock(&m);
    rv_chan_send(gone, NULL);
}
static void test(void *none)
{
    gone = rv_chan_make(0, 0);
    rv_go(wait_open, none);
    rv_go(wait_open, none);
    rv_sleep(1000);
    rv_mutex_lock(&m);
    open_now = 1;
    mended ? rv_cond_broadcast(&c) : rv_cond_signal(&c);
    rv_mutex_unlock(&m);
    rv_chan_recv(gone, NULL);
    rv_chan_recv(gone, NULL);
}
GB_MAIN(test)
