// race_buffered.c: a send into a buffer with room does not wait for its receive: what the receiver did before is not ordered
// before what the sender does next.
#include "gorace.h"

static rv_chan *ch, *done;
int data;
static void receive(void *arg)
{
    (void)arg;
    data = 1; // race: data
    next_turn();
    rv_chan_recv(ch, NULL);
    rv_chan_send(done, NULL);
}
static void body(void *arg)
{
    (void)arg;
    ch = rv_chan_make(0, 2), done = rv_chan_make(0, 0);
    rv_chan_send(ch, NULL);
    rv_go(receive, NULL);
    turn(1);
    rv_chan_send(ch, NULL);
    data = 2; // race: data
    rv_chan_recv(done, NULL);
    rv_chan_unref(ch), rv_chan_unref(done);
}
