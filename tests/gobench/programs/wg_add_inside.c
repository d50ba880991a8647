// order violation: add comes in the goroutine, so the wait may be over before.
// found: race
#include "gb.h"
static rv_waitgroup wg;
static int result;
static void work(void *none)
{
    (void)none;
    if (!mended) rv_wg_add(&wg, 1);
    result = 1;
    rv_wg_done(&wg);
}
static void test(void *none)
{
    if (mended) rv_wg_add(&wg, 1);
    rv_go(work, none);
    rv_wg_wait(&wg);
    result++;
    rv_sleep(1000000);
}
GB_MAIN(test)
