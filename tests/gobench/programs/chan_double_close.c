// misuse of channel: two who stop it close it.
// found: fatal: close of closed channel
#include "gb.h"
static rv_chan *quit;
static rv_once once;
static void close_it(void *none)
{
    (void)none;
    rv_chan_close(quit);
}
static void stop(void *wg)
{
    if (mended)
        rv_once_do(&once, close_it, NULL);
    else
        rv_chan_close(quit);
    rv_wg_done(wg);
}
static void test(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    quit = rv_chan_make(0, 0);
    rv_wg_add(&wg, 2);
    rv_go(stop, &wg);
    rv_go(stop, &wg);
    rv_wg_wait(&wg);
}
GB_MAIN(test)
