// misuse of channel: the receiver closes, and the sender goes on.
// found: fatal: send on closed channel
#include "gb.h"
static rv_chan *ch;
static void produce(void *wg)
{
    for (int i = 0; i < 3; i++) rv_chan_send(ch, &i);
    if (mended) rv_chan_close(ch);
    rv_wg_done(wg);
}
static void test(void *none)
{
    int v;
    rv_waitgroup wg = {0};
    (void)none;
    ch = RV_CHAN(int, 1);
    rv_wg_add(&wg, 1);
    rv_go(produce, &wg);
    rv_chan_recv(ch, &v);
    if (!mended) rv_chan_close(ch);
    while (mended && rv_chan_recv(ch, &v)) continue;
    rv_wg_wait(&wg);
}
GB_MAIN(test)
