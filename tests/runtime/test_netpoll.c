// test_netpoll.c: the poller itself: time-outs, breaks, and events that come for somebody who has left.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
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

// ---- sockets of ours: armed once, by edges ---------------------------------------------------------------------------

struct tcp {
    int near, far; // what near reads, far writes
};
static void send_to(const struct tcp *t, const char *text)
{
    cr_assert_eq(rv_write(t->far, text, strlen(text)), (ssize_t)strlen(text));
}
// A connection whose near end has so often been read in vain that first attempts are left out, and whose last read left nothing.
static struct tcp dry_connection(void)
{
    const int l = rv_listen_tcp("127.0.0.1", 0, 0);
    struct tcp t = {.far = rv_dial_tcp("127.0.0.1", rv_local_port(l))};
    t.near = rv_accept(l, NULL, NULL);
    cr_assert(l >= 0 && t.near >= 0 && t.far >= 0);
    rv_close(l);
    for (int i = 0; i < 12; i++) {
        wait_on(t.near);
        send_to(&t, "y");
        rv_wg_wait(&all);
        cr_assert_eq(result, 1);
    }
    return t;
}
static void hang_up(const struct tcp *t) { rv_close(t->near), rv_close(t->far); }
// As read_one, by itself: 1; 0 at the end.
static ssize_t read_byte(int fd)
{
    char c;
    return rv_read(fd, &c, 1);
}
static void by_edges(void *arg)
{
    (void)arg;
    for (int round = 0; round < 20; round++) {
        const struct tcp t = dry_connection();
        wait_on(t.near);
        send_to(&t, "yyy"); // one event for three reads
        rv_wg_wait(&all);
        for (int i = 0; i < 2; i++) cr_assert_eq(read_byte(t.near), 1);
        send_to(&t, "y"); // its event meets nobody, or rv_poll, which reads nothing
        if (round % 2) cr_assert_eq(rv_poll(t.near, RV_READ, -1), RV_READ);
        if (round % 4 < 2) rv_sleep(MS / 10); // polls
        cr_assert_eq(read_byte(t.near), 1);
        send_to(&t, "yy");
        rv_close(t.far);
        for (int i = 0; i < 2; i++) cr_assert_eq(read_byte(t.near), 1);
        for (int i = 0; i < 2; i++) cr_assert_eq(read_byte(t.near), 0); // the end remains one
        rv_close(t.near);
    }
}
Test(netpoll, by_edges, .timeout = 60) { once(by_edges); }

// Both write until they would block: an event to read does not stand for one to write.
static void write_much(void *arg)
{
    static char much[8 << 20];
    cr_assert_eq(rv_write((int)(intptr_t)arg, much, sizeof much), (ssize_t)sizeof much);
    rv_wg_done(&all);
}
static void read_much(void *arg)
{
    static char some[2][64 << 10];
    const int fd = (int)(intptr_t)arg;
    for (ssize_t left = 8 << 20, n; left; left -= n) cr_assert_gt(n = rv_read(fd, some[fd % 2], sizeof some[0]), 0);
    rv_wg_done(&all);
}
static void both_ways(void *arg)
{
    (void)arg;
    const struct tcp t = dry_connection();
    rv_wg_add(&all, 4);
    rv_go(write_much, (void *)(intptr_t)t.near), rv_go(write_much, (void *)(intptr_t)t.far);
    rv_go(read_much, (void *)(intptr_t)t.near), rv_go(read_much, (void *)(intptr_t)t.far);
    rv_wg_wait(&all);
    hang_up(&t);
}
Test(netpoll, both_ways, .timeout = 60) { once(both_ways); }

// The program closes such a socket behind our back, and its number is another's: no edge tells of that one before it is armed.
static void behind_our_back(void *arg)
{
    (void)arg;
    const struct tcp t = dry_connection();
    int other[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    cr_assert_eq(close(t.near), 0);
    cr_assert_eq(dup2(other[0], t.near), t.near);
    for (int i = 0; i < 3; i++) {
        wait_on(t.near);
        cr_assert_eq(write(other[1], "y", 1), 1);
        rv_wg_wait(&all);
        cr_assert_eq(result, 1);
    }
    rv_close(other[0]), rv_close(other[1]);
    hang_up(&t);
}
Test(netpoll, behind_our_back, .timeout = 60) { once(behind_our_back); }
