// AB-BA: two goroutines take two locks in opposite orders.
// found: asleep order
#include "gb.h"
static rv_mutex a, b;
static void transfer(rv_mutex *from, rv_mutex *to)
{
    rv_mutex_lock(from);
    rv_mutex_lock(to);
    rv_mutex_unlock(to);
    rv_mutex_unlock(from);
}
static void back(void *wg)
{
    mended ? transfer(&a, &b) : transfer(&b, &a);
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    rv_wg_add(&wg, 1);
    rv_go(back, &wg);
    transfer(&a, &b);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
