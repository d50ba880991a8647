// channel + lock: a buffer that runs full while its producer holds the lock that the consumer wants.
// found: asleep
#include "gb.h"
static rv_mutex m;
static rv_chan *events;
static void consume(void *wg)
{
    int v;
    while (rv_chan_recv(events, &v)) {
        rv_mutex_lock(&m);
        rv_mutex_unlock(&m);
    }
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    events = RV_CHAN(int, mended ? 5 : 1);
    rv_wg_add(&wg, 1);
    rv_go(consume, &wg);
    rv_mutex_lock(&m);
    for (int i = 0; i < 5; i++) rv_chan_send(events, &i);
    rv_mutex_unlock(&m);
    rv_chan_close(events);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
