// race_same_p.c: one goroutine has ended before the other begins, on the same P, the same thread and the same stack; nothing the
// program asked for orders them.
#include "gorace.h"

int data;
static rv_chan *done;
static void first(void *arg)
{
    (void)arg;
    data = 1; // race: data
    next_turn();
}
static void second(void *arg)
{
    (void)arg;
    turn(1);
    data = 2; // race: data
    rv_chan_send(done, NULL);
}
static void body(void *arg)
{
    (void)arg;
    done = rv_chan_make(0, 0);
    rv_go(second, NULL);
    rv_go(first, NULL);
    rv_chan_recv(done, NULL);
    rv_chan_unref(done);
}
