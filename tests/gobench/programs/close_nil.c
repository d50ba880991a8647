// misuse of channel: a channel is closed that was never made.
// found: fatal: close of nil channel
#include "gb.h"
static rv_chan *ch;
static void test(void *none)
{
    (void)none;
    if (mended) ch = rv_chan_make(0, 0);
    rv_chan_close(ch);
}
GB_MAIN(test)
