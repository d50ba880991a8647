// AB-BA: three philosophers, each takes its left fork first.
// found: asleep order
#include "gb.h"
static rv_mutex fork_of[3];
static rv_waitgroup wg;
static void eat(void *seat)
{
    const int i = (int)(long)seat, left = i, right = (i + 1) % 3;
    const int first = mended && right < left ? right : left, second = left + right - first;
    rv_mutex_lock(&fork_of[first]);
    rv_mutex_lock(&fork_of[second]);
    rv_mutex_unlock(&fork_of[second]);
    rv_mutex_unlock(&fork_of[first]);
    rv_wg_done(&wg);
}
static void test(void *none)
{
    (void)none;
    rv_wg_add(&wg, 3);
    for (long i = 0; i < 3; i++) rv_go(eat, (void *)i);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
