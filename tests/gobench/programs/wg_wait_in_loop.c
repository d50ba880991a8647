// channel + WaitGroup: the wait stands inside of the loop that starts those it waits for.
// found: asleep
#include "gb.h"
static rv_waitgroup wg;
static void work(void *none)
{
    (void)none;
    rv_wg_done(&wg);
}
static void test(void *none)
{
    rv_wg_add(&wg, 3);
    for (int i = 0; i < 3; i++) {
        rv_go(work, none);
        if (!mended) rv_wg_wait(&wg);
    }
    rv_wg_wait(&wg);
}
GB_MAIN(test)
