// channel + lock: a receive with the lock held, from a sender that wants it.
// found: asleep
#include "gb.h"
static rv_mutex m;
static rv_chan *ch;
static void send_one(void *none)
{
    (void)none;
    rv_mutex_lock(&m);
    rv_mutex_unlock(&m);
    rv_chan_send(ch, 0);
}
static void test(void *none)
{
    ch = rv_chan_make(0, 0);
    rv_mutex_lock(&m);
    rv_go(send_one, none);
    if (mended) rv_mutex_unlock(&m);
    rv_chan_recv(ch, 0);
    if (!mended) rv_mutex_unlock(&m);
}
GB_MAIN(test)
