// channel only: a range over a channel that nobody closes.
// found: leak
#include "gb.h"
static void drain(void *ch)
{
    int v;
    while (rv_chan_recv(ch, &v)) continue;
}
__attribute__((noinline)) static void run(void)
{
    rv_chan *const ch = RV_CHAN(int, 0);
    rv_go(drain, ch);
    for (int i = 0; i < 3; i++) rv_chan_send(ch, &i);
    if (mended) rv_chan_close(ch);
}
static void test(void *none)
{
    (void)none;
    run();
    rv_sleep(1000000);
}
GB_MAIN(test)
