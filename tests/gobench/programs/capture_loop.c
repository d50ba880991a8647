// anonymous-function capture: goroutines are given a pointer to the loop's variable.
// found: race
#include "gb.h"
static rv_waitgroup wg;
static int seen[4];
static void work(void *i)
{
    __atomic_fetch_add(&seen[*(int *)i & 3], 1, __ATOMIC_RELAXED);
    rv_wg_done(&wg);
}
static void test(void *none)
{
    int i, copy[3];
    (void)none;
    rv_wg_add(&wg, 3);
    for (i = 0; i < 3; i++) {
        copy[i] = i;
        rv_go(work, mended ? &copy[i] : &i);
    }
    rv_wg_wait(&wg);
}
GB_MAIN(test)
