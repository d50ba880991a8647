// anonymous-function capture: goroutines fill one shared buffer in place of one each.
// found: race
#include "gb.h"
static rv_waitgroup wg;
static int buffers[3];
static void fill(void *buffer)
{
    *(int *)buffer += 1;
    rv_wg_done(&wg);
}
static void test(void *none)
{
    (void)none;
    rv_wg_add(&wg, 3);
    for (int i = 0; i < 3; i++) rv_go(fill, &buffers[mended ? i : 0]);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
