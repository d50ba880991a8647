// misuse of WaitGroup: a worker that is done twice.
// found: fatal: negative WaitGroup counter
#include "gb.h"
static rv_waitgroup wg;
static void work(void *none)
{
    (void)none;
    rv_wg_done(&wg);
    if (!mended) rv_wg_done(&wg);
}
static void test(void *none)
{
    rv_wg_add(&wg, 1);
    rv_go(work, none);
    rv_sleep(1000);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
