// double lock: the function of a once calls for the once.
// found: asleep
#include "gb.h"
static rv_once once;
static void init(void *deep)
{
    if (deep) rv_once_do(&once, init, 0);
}
static void test(void *none)
{
    (void)none;
    rv_once_do(&once, init, mended ? 0 : &once);
}
GB_MAIN(test)
