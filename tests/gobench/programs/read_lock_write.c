// order violation: a write under a read lock.
// found: race
#include "gb.h"
static rv_rwmutex m;
static int hits;
static void hit(void *wg)
{
    mended ? rv_rwmutex_lock(&m) : rv_rwmutex_rlock(&m);
    hits++;
    mended ? rv_rwmutex_unlock(&m) : rv_rwmutex_runlock(&m);
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    rv_wg_add(&wg, 2);
    rv_go(hit, &wg);
    rv_go(hit, &wg);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
