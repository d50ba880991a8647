// channel only: a channel that was never made.
// found: asleep
#include "gb.h"
static rv_chan *done;
static void work(void *none)
{
    (void)none;
    rv_chan_send(done, NULL);
}
static void test(void *none)
{
    if (mended) done = rv_chan_make(0, 0);
    rv_go(work, none);
    rv_chan_recv(done, NULL);
}
GB_MAIN(test)
