// race_select.c: only the chosen case orders anything: not the other one, and not the end of the time.
#include "gorace.h"

static rv_chan *chosen, *other;
static rv_waitgroup all;
int by_other, before_time_out;
static void choose(void *arg)
{
    (void)arg;
    const int one = 1;
    next_turn();
    int i = rv_select((rv_case[]){RV_RECV(chosen, NULL), RV_SEND(other, &one)}, 2, 0);
    if (i != 0) abort();
    by_other = 1; // race: by_other
    i = rv_select((rv_case[]){RV_RECV(chosen, NULL), RV_TIMEOUT(1000000)}, 2, 0);
    if (i != 1) abort();
    before_time_out = 1; // race: before_time_out
    rv_wg_done(&all);
}
static void send_chosen(void *arg)
{
    (void)arg;
    turn(1);
    rv_gosched();
    rv_chan_send(chosen, NULL);
    rv_wg_done(&all);
}
static void write_both(void *arg)
{
    (void)arg;
    by_other = 2;        // race: by_other
    before_time_out = 2; // race: before_time_out
    rv_wg_done(&all);
}
static void body(void *arg)
{
    (void)arg;
    chosen = rv_chan_make(0, 0), other = RV_CHAN(int, 0);
    rv_wg_add(&all, 3);
    rv_go(write_both, NULL);
    rv_go(choose, NULL);
    rv_go(send_chosen, NULL);
    rv_wg_wait(&all);
    rv_chan_free(chosen), rv_chan_free(other);
}
