// channel + lock: a send with the lock held, to a receiver that needs the lock first.
// found: asleep
#include "gb.h"
static rv_mutex m;
static rv_chan *ch;
static void receiver(void *wg)
{
    int v;
    rv_mutex_lock(&m);
    rv_mutex_unlock(&m);
    rv_chan_recv(ch, &v);
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    ch = RV_CHAN(int, 0);
    rv_wg_add(&wg, 1);
    rv_go(receiver, &wg);
    rv_mutex_lock(&m);
    if (mended) rv_mutex_unlock(&m);
    rv_chan_send(ch, &(int){1});
    if (!mended) rv_mutex_unlock(&m);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
