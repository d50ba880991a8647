// channel + WaitGroup: results are read after the wait, and the workers wait for a reader.
// found: asleep
#include "gb.h"
static rv_waitgroup wg;
static rv_chan *results;
static void work(void *none)
{
    (void)none;
    rv_chan_send(results, &(int){1});
    rv_wg_done(&wg);
}
static void test(void *none)
{
    int v;
    results = RV_CHAN(int, mended ? 3 : 0);
    rv_wg_add(&wg, 3);
    for (int i = 0; i < 3; i++) rv_go(work, none);
    rv_wg_wait(&wg);
    for (int i = 0; i < 3; i++) rv_chan_recv(results, &v);
}
GB_MAIN(test)
