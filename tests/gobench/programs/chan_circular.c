// channel only: each of two goroutines first sends, and then receives.
// found: asleep
#include "gb.h"
static rv_chan *to, *from;
static void other(void *none)
{
    int v = 1;
    (void)none;
    if (mended) rv_chan_recv(to, &v);
    rv_chan_send(from, &v);
    if (!mended) rv_chan_recv(to, &v);
}
static void test(void *none)
{
    int v = 2;
    to = RV_CHAN(int, 0);
    from = RV_CHAN(int, 0);
    rv_go(other, none);
    rv_chan_send(to, &v);
    rv_chan_recv(from, &v);
}
GB_MAIN(test)
