// double lock: an early return in a rare branch leaves the lock taken.
// found: asleep
#include "gb.h"
static rv_mutex m;
static int find(int key)
{
    rv_mutex_lock(&m);
    if (key == 3) {
        if (mended) rv_mutex_unlock(&m);
        return -1;
    }
    rv_mutex_unlock(&m);
    return key;
}
static void test(void *none)
{
    (void)none;
    for (int i = 0; i < 5; i++) find(i);
}
GB_MAIN(test)
