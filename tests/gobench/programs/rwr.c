// RWR: a reader read-locks again while a writer waits.
// found: asleep
#include "gb.h"
static rv_rwmutex m;
static int value;
static int get(void)
{
    if (!mended) rv_rwmutex_rlock(&m);
    const int v = value;
    if (!mended) rv_rwmutex_runlock(&m);
    return v;
}
static void write(void *wg)
{
    rv_rwmutex_lock(&m);
    value++;
    rv_rwmutex_unlock(&m);
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    rv_wg_add(&wg, 1);
    rv_go(write, &wg);
    rv_rwmutex_rlock(&m);
    rv_gosched();
    get();
    rv_rwmutex_runlock(&m);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
