// channel + condition: the signal comes before the wait, which does not look at the condition.
// found: asleep
#include "gb.h"
static rv_mutex m;
static rv_cond c;
static int ready;
static void signal_it(void *none)
{
    (void)none;
    rv_mutex_lock(&m);
    ready = 1;
    rv_mutex_unlock(&m);
    rv_cond_signal(&c);
}
static void test(void *none)
{
    rv_go(signal_it, none);
    rv_mutex_lock(&m);
    if (!mended) rv_cond_wait(&c, &m);
    while (mended && !ready) rv_cond_wait(&c, &m);
    rv_mutex_unlock(&m);
}
GB_MAIN(test)
