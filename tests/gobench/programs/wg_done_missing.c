// channel + WaitGroup: a worker that fails returns without done.
// found: asleep
#include "gb.h"
static rv_waitgroup wg;
static void work(void *i)
{
    if (i == (void *)2) {
        if (mended) rv_wg_done(&wg);
        return;
    }
    rv_wg_done(&wg);
}
static void test(void *none)
{
    (void)none;
    rv_wg_add(&wg, 3);
    for (long i = 0; i < 3; i++) rv_go(work, (void *)i);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
