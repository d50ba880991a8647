// misuse of a lock: an unlock too many.
// found: fatal: sync: unlock of unlocked mutex
#include "gb.h"
static rv_mutex m;
static void test(void *none)
{
    (void)none;
    rv_mutex_lock(&m);
    rv_mutex_unlock(&m);
    if (!mended) rv_mutex_unlock(&m);
}
GB_MAIN(test)
