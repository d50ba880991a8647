// channel only: two workers report to a channel that one report is taken from.
// found: leak
#include "gb.h"
static void work(void *ch) { rv_chan_send(ch, &(int){1}); }
__attribute__((noinline)) static void run(void)
{
    int err;
    rv_chan *const ch = RV_CHAN(int, mended ? 2 : 0);
    rv_go(work, ch);
    rv_go(work, ch);
    rv_chan_recv(ch, &err);
}
static void test(void *none)
{
    (void)none;
    run();
    rv_sleep(1000000);
}
GB_MAIN(test)
