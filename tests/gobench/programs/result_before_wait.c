// order violation: the result is read before the message that says it is there.
// found: race
#include "gb.h"
static rv_chan *done;
static int result;
static void work(void *none)
{
    (void)none;
    result = 42;
    rv_chan_close(done);
}
static void test(void *none)
{
    int v = 0;
    done = rv_chan_make(0, 0);
    rv_go(work, none);
    if (!mended) v = result;
    rv_chan_recv(done, 0);
    if (mended) v = result;
    if (v > 42) rv_gosched();
}
GB_MAIN(test)
