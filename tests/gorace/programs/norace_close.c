// norace_close.c: a close comes before the receive that returns because of it, whether that waits or comes later.
#include "gorace.h"

static int data;
static rv_chan *early, *late;
static void closer(void *arg)
{
    (void)arg;
    data++;
    rv_chan_close(early);
    data++;
    rv_chan_close(late);
    next_turn();
}
static void body(void *arg)
{
    (void)arg;
    early = rv_chan_make(0, 0), late = rv_chan_make(0, 0);
    rv_go(closer, NULL);
    rv_chan_recv(early, NULL);
    turn(1);
    rv_chan_recv(late, NULL);
    if (++data != 3) abort();
}
