// misuse of channel: a channel of two places as a lock lets two in.
// found: race
#include "gb.h"
static rv_chan *lock;
static int count;
static void add(void *wg)
{
    rv_chan_send(lock, 0);
    count++;
    rv_chan_recv(lock, 0);
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    lock = rv_chan_make(0, mended ? 1 : 2);
    rv_wg_add(&wg, 2);
    rv_go(add, &wg);
    rv_go(add, &wg);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
