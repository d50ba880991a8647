// RWR: a reader wants to become the writer without letting go.
// found: asleep
#include "gb.h"
static rv_rwmutex m;
static void test(void *none)
{
    (void)none;
    rv_rwmutex_rlock(&m);
    if (mended) rv_rwmutex_runlock(&m);
    rv_rwmutex_lock(&m);
    rv_rwmutex_unlock(&m);
    if (!mended) rv_rwmutex_runlock(&m);
}
GB_MAIN(test)
