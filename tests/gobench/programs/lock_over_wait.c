// channel + WaitGroup: the wait is done with the lock held that the workers want.
// found: asleep
#include "gb.h"
static rv_mutex m;
static rv_waitgroup wg;
static void work(void *none)
{
    (void)none;
    rv_mutex_lock(&m);
    rv_mutex_unlock(&m);
    rv_wg_done(&wg);
}
static void test(void *none)
{
    rv_wg_add(&wg, 1);
    rv_mutex_lock(&m);
    rv_go(work, none);
    if (mended) rv_mutex_unlock(&m);
    rv_wg_wait(&wg);
    if (!mended) rv_mutex_unlock(&m);
}
GB_MAIN(test)
