// race_parked.c: 20,000 goroutines have read one word, and wait at one channel. All but one have told so to who then writes it.
#include "gorace.h"

enum { N = 20000, SILENT = 7777 };
long word = 1;
static rv_chan *gate;
static rv_waitgroup ready, done;
static void reader(void *arg)
{
    if (word != 1) abort(); // race: word
    if ((intptr_t)arg != SILENT)
        rv_wg_done(&ready);
    else
        next_turn();
    rv_chan_recv(gate, NULL);
    if (word != 2) abort();
    rv_wg_done(&done);
}
static void body(void *arg)
{
    (void)arg;
    gate = rv_chan_make(0, 0);
    rv_wg_add(&ready, N - 1);
    rv_wg_add(&done, N);
    for (intptr_t i = 0; i < N; i++) rv_go(reader, (void *)i);
    rv_wg_wait(&ready);
    turn(1);
    word = 2; // race: word
    rv_chan_close(gate);
    rv_wg_wait(&done);
    rv_chan_unref(gate);
}
