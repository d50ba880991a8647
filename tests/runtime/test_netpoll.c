// test_netpoll.c: the poller itself: time-outs, breaks, and events that come for somebody who has left.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/netpoll.h"
#include "runtime/rt.h"

enum { MS = 1000000 };
static int64_t poll_for(int64_t ns) // how long it took
{
    struct rv__glist l = {0};
    struct rv__g *g = rv__enter();
    const int64_t from = rv__now();
    rv__netpoll(ns, &l);
    cr_assert_null(l.head);
    rv__leave(g);
    return rv__now() - from;
}
static void once(rv_fn *fn)
{
    rv_gomaxprocs(1);
    cr_assert_eq(rv_run(fn, NULL), 0);
}
// These two run without a scheduler, on a plain thread.
Test(netpoll, time_outs)
{
    for (uint32_t old = 0; old < 2; old++) {
        rv__netpoll_old = old;
        const int64_t waits[] = {1000, MS / 3, MS, 5 * MS / 2};
        for (int i = 0; i < 4; i++) cr_assert_geq(poll_for(waits[i]), waits[i]); // never early, in whole ms neither
    }
}
Test(netpoll, breaks_are_coalesced_and_kept)
{
    rv__netpoll_break(); // before the wait
    rv__netpoll_break();
    poll_for(-1);
    poll_for(0); // takes nothing away
    cr_assert_geq(poll_for(2 * MS), 2 * MS, "two breaks have woken twice");
    rv__netpoll_break();
    poll_for(0);
    poll_for(-1);
}

// Each break ends the wait that it meets, or the next.
enum { ROUNDS = 5000 };
static uint32_t asked, seen; // atomic: ask, and what the poller has seen of it
static void *breaker(void *arg)
{
    (void)arg;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        base_store_relaxed(&asked, i); // relaxed: the break publishes it
        rv__netpoll_break();
        while (base_load_acquire(&seen) != i) base_pause();
    }
    return NULL;
}
Test(netpoll, breaks_by_another_thread)
{
    pthread_t t;
    pthread_create(&t, NULL, breaker, NULL);
    for (uint32_t i = 0; i < ROUNDS;) {
        if (base_load_relaxed(&asked) == i) poll_for(-1);
        if (base_load_relaxed(&asked) != i) base_store_release(&seen, ++i); // pairs with the acquire in breaker
    }
    pthread_join(t, NULL);
}

// The number's old description lives on in a duplicate, and epoll still knows it: its events must reach nobody.
static rv_waitgroup all;
static ssize_t result;
static void read_one(void *arg)
{
    char c;
    result = rv_read((int)(intptr_t)arg, &c, 1);
    cr_assert(result != 1 || c == 'y', "read from the wrong one");
    rv_wg_done(&all);
}
static void wait_on(int fd)
{
    const int64_t before = rv__netpoll_waiters();
    rv_wg_add(&all, 1);
    rv_go(read_one, (void *)(intptr_t)fd);
    while (rv__netpoll_waiters() != before + 1) rv_gosched();
}
static void stale(void *arg)
{
    (void)arg;
    for (int by_rv_close = 0; by_rv_close < 2; by_rv_close++) {
        int old[2], new[2];
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, old), 0);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, new), 0);
        const int duplicate = dup(old[0]), number = old[0];
        rv_set_deadline(number, RV_READ, rv_now() + MS / 2); // arms the old description
        char c;
        cr_assert_eq(rv_read(number, &c, 1), -ETIMEDOUT);
        rv_set_deadline(number, RV_READ, 0);
        cr_assert_eq(by_rv_close ? rv_close(number) : close(number), 0);
        cr_assert_eq(dup2(new[0], number), number);
        wait_on(number);
        cr_assert_eq(write(old[1], "x", 1), 1);
        rv_sleep(2 * MS); // polls
        cr_assert_eq(rv__netpoll_waiters(), 1);
        cr_assert_eq(write(new[1], "y", 1), 1);
        rv_wg_wait(&all);
        cr_assert_eq(result, 1);
        rv_close(number), rv_close(duplicate), rv_close(old[1]), rv_close(new[0]), rv_close(new[1]);
    }
}
Test(netpoll, stale_events) { once(stale); }

// Entries of the table come into being by blocks: numbers far apart.
static void far_apart(void *arg)
{
    (void)arg;
    for (int want = 40; want <= 1000; want += 160) {
        int p[2];
        cr_assert_eq(pipe(p), 0);
        const int fd = fcntl(p[0], F_DUPFD, want);
        cr_assert_geq(fd, want);
        wait_on(fd);
        cr_assert_eq(write(p[1], "y", 1), 1);
        rv_wg_wait(&all);
        cr_assert_eq(result, 1);
        rv_close(fd), rv_close(p[0]), rv_close(p[1]);
    }
    cr_assert_eq(rv_read(1 << 30, NULL, 1), -EBADF);
}
Test(netpoll, far_apart) { once(far_apart); }
