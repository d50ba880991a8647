// norace_semaphore.c: a channel of capacity 1 as a lock: the k-th receive happens before the (k+1)-th send completes.
#include "gorace.h"

static rv_chan *lock;
static rv_waitgroup wg;
static long counter;
static void add(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        rv_chan_send(lock, NULL);
        counter++;
        if (i % 3 == 0) rv_gosched();
        rv_chan_recv(lock, NULL);
    }
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    lock = rv_chan_make(0, 1);
    rv_wg_add(&wg, 8);
    for (int i = 0; i < 8; i++) rv_go(add, NULL);
    rv_wg_wait(&wg);
    if (counter != 160) abort();
    rv_chan_unref(lock);
}
