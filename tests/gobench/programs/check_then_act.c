// order violation: a flag is looked at without the lock under which it is set.
// found: race
#include "gb.h"
static rv_mutex m;
static int closed;
static void close_it(void *wg)
{
    rv_mutex_lock(&m);
    closed = 1;
    rv_mutex_unlock(&m);
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    rv_wg_add(&wg, 1);
    rv_go(close_it, &wg);
    if (mended) rv_mutex_lock(&m);
    const int was = closed;
    if (mended) rv_mutex_unlock(&m);
    rv_wg_wait(&wg);
    if (was > 1) rv_gosched();
}
GB_MAIN(test)
