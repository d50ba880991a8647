// channel only: an early return leaves the producer at its next send.
// found: leak
#include "gb.h"
static void produce(void *ch)
{
    for (int i = 0; i < 4; i++) rv_chan_send(ch, &i);
    rv_chan_close(ch);
}
__attribute__((noinline)) static void first_only(void)
{
    int v;
    rv_chan *const ch = RV_CHAN(int, 0);
    rv_go(produce, ch);
    if (!mended) {
        rv_chan_recv(ch, &v);
        return;
    }
    while (rv_chan_recv(ch, &v)) continue;
}
static void test(void *none)
{
    (void)none;
    first_only();
    rv_sleep(1000000);
}
GB_MAIN(test)
