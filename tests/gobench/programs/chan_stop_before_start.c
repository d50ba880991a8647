// channel only: stop waits for a loop that was never started.
// found: asleep
#include "gb.h"
static rv_chan *quit, *gone;
static void loop(void *none)
{
    (void)none;
    rv_chan_recv(quit, NULL);
    rv_chan_close(gone);
}
static void test(void *none)
{
    quit = rv_chan_make(0, 0);
    gone = rv_chan_make(0, 0);
    if (mended) rv_go(loop, none);
    rv_chan_close(quit);
    rv_chan_recv(gone, NULL);
}
GB_MAIN(test)
