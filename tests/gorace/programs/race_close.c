// race_close.c: a close comes before the receive that it ends; what the receiver did before comes before nothing, even if it
// waited there long before the close.
#include "gorace.h"

long data;
static rv_chan *gate;
static rv_waitgroup done;
static void waiter(void *arg)
{
    (void)arg;
    data = 1; // race: data
    next_turn();
    rv_chan_recv(gate, NULL);
    rv_wg_done(&done);
}
static void body(void *arg)
{
    (void)arg;
    gate = rv_chan_make(0, 0);
    rv_wg_add(&done, 1);
    rv_go(waiter, NULL);
    turn(1);
    for (int i = 0; i < 100; i++) rv_gosched(); // mostly it waits by then; the race is there anyhow
    rv_chan_close(gate);
    data = 2; // race: data
    rv_wg_wait(&done);
    rv_chan_unref(gate);
}
