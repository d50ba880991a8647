// test_alarm.c: channels that time sends on: rv_after and tickers; who frees them, and when.
#include <errno.h>
#include <pthread.h>

#include "base/arena.h"
#include "tests/runtime/rig.h"

static const int64_t HOUR = 3600000000000LL;

static void comes_once(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < 4; kind++) {
        const int64_t start = rv_now();
        int64_t when = 0;
        rv_chan *const ch = rv_after(500000), *const never = rv_after(HOUR);
        switch (kind) {
        case 0: cr_assert(rv_chan_recv(ch, &when)); break;
        case 1:
            RIG_UNTIL(rv_chan_len(ch) == 1);
            cr_assert(rv_chan_recv(ch, &when));
            break;
        case 2:
            while (rv_chan_try_recv(ch, &when)) rv_gosched();
            break;
        default: cr_assert_eq(rv_select((rv_case[]){RV_RECV(never, NULL), RV_RECV(ch, &when)}, 2, 0), 1);
        }
        cr_assert(when - start >= 500000 && when <= rv_now());
        rv_chan_unref(never); // the other is gone
    }
}
Test(alarm, after, .timeout = 60) { cr_assert_eq(rv_run(comes_once, NULL), 0); }

// Dropped long before, about when it comes, and received, by who waits and by who comes later: nothing is left.
static void dropped(void *arg)
{
    size_t bytes = 0;
    (void)arg;
    for (int i = 0; i < 30000; i++) {
        rv_chan *const ch = rv_after(i % 3 ? i % 50 * 100 : HOUR);
        if (i % 3 == 0 || i % 2)
            rv_chan_unref(ch);
        else if (i % 4)
            rv_chan_recv(ch, NULL);
        else
            while (rv_select((rv_case[]){RV_RECV(ch, NULL)}, 1, RV_SELECT_DEFAULT)) rv_gosched();
        if (i == 3000) bytes = base_arena_bytes();
    }
    cr_assert_leq(base_arena_bytes(), bytes + (1 << 16));
}
Test(alarm, none_is_left_behind, .timeout = 60) { cr_assert_eq(rv_run(dropped, NULL), 0); }
static rv_chan *kept[2];
static void keep(void *arg)
{
    (void)arg;
    kept[0] = rv_after(HOUR);
    kept[1] = rv_ticker_start(HOUR);
}
static void let_go(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) rv_chan_unref(kept[i]);
}
Test(alarm, of_a_run_that_is_over)
{
    cr_assert_eq(rv_run(keep, NULL), 0);
    cr_assert_eq(rv_run(let_go, NULL), 0);
}

static void ticks(void *arg)
{
    (void)arg;
    rv_chan *const t = rv_ticker_start(200000);
    cr_assert_eq(rv_chan_cap(t), 1);
    int64_t last = rv_now(), now;
    for (int i = 0; i < 5; i++) {
        rv_chan_recv(t, &now);
        cr_assert_gt(now, last);
        last = now;
    }
    // Nobody takes them: one is kept, and it is the first of them.
    RIG_UNTIL(rv_chan_len(t) == 1);
    rv_sleep(1000000);
    rv_chan_recv(t, &now);
    cr_assert_lt(now, rv_now() - 500000);
    rv_ticker_stop(t);
    rv_chan_try_recv(t, &now); // one that had come
    rv_sleep(1000000);
    cr_assert_eq(rv_chan_try_recv(t, NULL), -EAGAIN);
    rv_ticker_reset(t, 100000);
    rv_chan_recv(t, &now);
    rv_ticker_reset(t, HOUR);
    rv_chan_try_recv(t, &now);
    cr_assert_eq(rv_chan_try_recv(t, NULL), -EAGAIN);
    rv_chan_unref(t);
}
static void *ticks_in_thread(void *arg)
{
    ticks(arg);
    comes_once(arg);
    return NULL;
}
static void join(void *t) { pthread_join(*(pthread_t *)t, NULL); }
static void ticks_of_a_thread(void *arg)
{
    pthread_t t;
    cr_assert_eq(pthread_create(&t, NULL, ticks_in_thread, arg), 0);
    rv_blocking(join, &t);
}
Test(alarm, ticker, .timeout = 60)
{
    cr_assert_eq(rv_run(ticks, NULL), 0);
    cr_assert_eq(rv_run(ticks_of_a_thread, NULL), 0);
}

// Started, moved, stopped and freed about when they tick.
static void busy(void *random)
{
    rv_gomaxprocs(2);
    for (int round = 0; round < 200; round++) {
        rv_chan *const t = rv_ticker_start(1 + (int64_t)(rig_random(random) % 2000));
        for (int k = 0; k < 20; k++) {
            switch (rig_random(random) % 4) {
            case 0: rv_ticker_reset(t, 1 + (int64_t)(rig_random(random) % 2000)); break;
            case 1: rv_ticker_stop(t); break;
            case 2: rv_chan_try_recv(t, NULL); break;
            default: rv_gosched();
            }
            cr_assert_leq(rv_chan_len(t), 1);
        }
        rv_ticker_reset(t, 1000);
        rv_chan_recv(t, NULL); // it has not been lost
        rv_chan_unref(t);
    }
}
Test(alarm, tickers_are_moved_while_they_tick, .timeout = 60)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(busy, &random), 0);
}

static void no_interval(void *arg)
{
    (void)arg;
    rv_ticker_start(0);
}
static void no_ticker(void *arg)
{
    (void)arg;
    rv_ticker_stop(RV_CHAN(int64_t, 1));
}
Test(alarm, misuse_is_fatal)
{
    rig_dies(no_interval, NULL, "the interval 0 is not positive");
    rig_dies(no_ticker, NULL, "not a channel that rv_ticker_start has made");
}
