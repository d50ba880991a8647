// test_io.c: reading, writing, sockets, deadlines and closing, on the real scheduler. Descriptors come in both modes,
// blocking and non-blocking: neither may ever stop the other goroutines.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/atomic.h"
#include "runtime/netpoll.h"
#include "runtime/rt.h"

enum { MS = 1000000 };
static void run(rv_fn *fn)
{
    rv_gomaxprocs(2);
    cr_assert_eq(rv_run(fn, NULL), 0);
}
#define UNTIL(condition)                                                                                               \
    while (!(condition)) rv_gosched()
// Until so many goroutines wait for descriptors.
#define UNTIL_WAITING(n) UNTIL(rv__netpoll_waiters() == (n))

static rv_waitgroup all;

// ---- echo ----------------------------------------------------------------------------------------------------------

static ssize_t read_full(int fd, char *buf, size_t n)
{
    size_t got = 0;
    while (got < n) {
        const ssize_t k = rv_read(fd, buf + got, n - got);
        if (k <= 0) return k;
        got += (size_t)k;
    }
    return (ssize_t)got;
}
static void echo_one(void *arg)
{
    const int fd = (int)(intptr_t)arg;
    char buf[512];
    for (ssize_t n; (n = rv_read(fd, buf, sizeof buf)) > 0;) cr_assert_eq(rv_write(fd, buf, (size_t)n), n);
    cr_assert_eq(rv_close(fd), 0);
    rv_wg_done(&all);
}
static void echo_server(void *arg)
{
    const int l = (int)(intptr_t)arg;
    for (int fd; (fd = rv_accept(l, NULL, NULL)) >= 0;) {
        rv_wg_add(&all, 1);
        rv_go(echo_one, (void *)(intptr_t)fd);
    }
    rv_wg_done(&all);
}
static void talk(int fd, int seed, int rounds)
{
    char out[64], in[64];
    for (int i = 0; i < rounds; i++) {
        memset(out, seed + i, sizeof out);
        cr_assert_eq(rv_write(fd, out, sizeof out), (ssize_t)sizeof out);
        cr_assert_eq(read_full(fd, in, sizeof in), (ssize_t)sizeof in);
        cr_assert(!memcmp(in, out, sizeof in));
    }
    cr_assert_eq(rv_close(fd), 0);
}
static int port;
static void tcp_client(void *arg)
{
    const int fd = rv_dial_tcp("127.0.0.1", port);
    cr_assert_geq(fd, 0, "dial: %d", fd);
    talk(fd, (int)(intptr_t)arg, 20);
    rv_wg_done(&all);
}
static void tcp(void *arg)
{
    const intptr_t clients = *(int *)arg;
    const int l = rv_listen_tcp(NULL, 0, 0);
    cr_assert_geq(l, 0);
    port = rv_local_port(l);
    cr_assert_gt(port, 0);
    rv_waitgroup *w = &all;
    rv_wg_add(w, clients + 1);
    rv_go(echo_server, (void *)(intptr_t)l);
    for (intptr_t i = 0; i < clients; i++) rv_go(tcp_client, (void *)i);
    UNTIL(rv_num_goroutine() == 2); // main and the server
    UNTIL_WAITING(1);
    cr_assert_eq(rv_close(l), 0); // accept waits, and ends
    rv_wg_wait(w);
}
static void tcp_few(void *arg) { (void)arg, tcp(&(int){10}); }
Test(io, tcp) { run(tcp_few); }

static void tcp_many(void *arg)
{
    (void)arg;
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
    tcp(&(int){1000});
}
Test(io, tcp_1000) { run(tcp_many); }
// The time-outs of kernels without epoll_pwait2.
static void tcp_old(void *arg)
{
    rv__netpoll_old = 1;
    rv_sleep(MS / 2);
    tcp_few(arg);
}
Test(io, tcp_old_kernel) { run(tcp_old); }

static void unix_sockets(void *arg)
{
    (void)arg;
    char name[64];
    snprintf(name, sizeof name, "@ravel-test-%d", (int)getpid());
    const int l = rv_listen_unix(name, 16);
    cr_assert_geq(l, 0);
    rv_wg_add(&all, 1);
    rv_go(echo_server, (void *)(intptr_t)l);
    struct sockaddr_un {
        sa_family_t family;
        char path[108];
    } a = {AF_UNIX, {0}};
    memcpy(a.path + 1, name + 1, strlen(name) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0); // a blocking one
    cr_assert_eq(rv_connect(fd, (struct sockaddr *)&a, (socklen_t)(sizeof(sa_family_t) + strlen(name))), 0);
    cr_assert_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0, "its mode was changed");
    talk(fd, 1, 20);
    rv_close(l);
    rv_wg_wait(&all);
}
Test(io, unix_sockets) { run(unix_sockets); }

// A blocking listener of the program's own: accept must not stop the others.
static void foreign_listener(void *arg)
{
    (void)arg;
    const int l = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(rv_accept(l, NULL, NULL), -EINVAL);
    cr_assert_eq(bind(l, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(listen(l, 5), 0);
    port = rv_local_port(l);
    rv_wg_add(&all, 2);
    rv_go(echo_server, (void *)(intptr_t)l);
    UNTIL_WAITING(1);
    tcp_client(NULL);
    rv_close(l);
    rv_wg_wait(&all);
}
Test(io, foreign_listener) { run(foreign_listener); }

static void refused(void *arg)
{
    (void)arg;
    const int l = rv_listen_tcp("127.0.0.1", 0, 1), p = rv_local_port(l);
    rv_close(l);
    cr_assert_eq(rv_dial_tcp("127.0.0.1", p), -ECONNREFUSED);
    cr_assert_eq(rv_dial_tcp("localhost", p), -EINVAL);
    cr_assert_eq(rv_dial_tcp("127.0.0.1", 70000), -EINVAL);
}
Test(io, refused) { run(refused); }

// ---- one pair of descriptors, of every kind ------------------------------------------------------------------------

struct pair {
    int r, w;
};
static struct pair make_pair(int kind)
{
    int fds[2];
    if (kind < 2)
        cr_assert_eq(pipe2(fds, kind ? O_NONBLOCK : 0), 0);
    else
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | (kind == 3 ? SOCK_NONBLOCK : 0), 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}
enum { KINDS = 4, BULK = 1 << 20 };
static char bulk[BULK], copy[BULK];
static void send_bulk(void *arg)
{
    const struct pair *p = arg;
    // In uneven parts, some of them empty.
    const struct iovec iov[] = {{bulk, 10}, {NULL, 0}, {bulk + 10, BULK / 2}, {bulk + 10 + BULK / 2, BULK / 2 - 10}};
    cr_assert_eq(rv_writev(p->w, iov, 4), BULK);
    rv_close(p->w);
    rv_wg_done(&all);
}
static void transfer(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < BULK; i++) bulk[i] = (char)(i * 2654435761u >> 13);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair p = make_pair(kind);
        memset(copy, 0, BULK);
        rv_wg_add(&all, 1);
        rv_go(send_bulk, &p);
        size_t got = 0;
        for (;;) {
            const size_t left = BULK - got, part = left < 777 ? left : 777;
            const struct iovec iov[] = {{copy + got, part / 2}, {copy + got + part / 2, left - part / 2}};
            const ssize_t n = rv_readv(p.r, iov, 2);
            cr_assert_geq(n, 0, "kind %d: %zd", kind, n);
            if (n == 0) break;
            got += (size_t)n;
        }
        cr_assert_eq(got, (size_t)BULK);
        cr_assert(!memcmp(copy, bulk, BULK), "kind %d", kind);
        rv_close(p.r);
        rv_wg_wait(&all);
    }
}
Test(io, transfer) { run(transfer); }

struct reading {
    int fd;
    ssize_t result;
};
static void read_byte(void *arg)
{
    struct reading *r = arg;
    char c;
    r->result = rv_read(r->fd, &c, 1);
    rv_wg_done(&all);
}
static void begin_reading(struct reading *r, int fd)
{
    *r = (struct reading){fd, 12345};
    rv_wg_add(&all, 1);
    rv_go(read_byte, r);
}
static void closed_while_blocked(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair p = make_pair(kind);
        struct reading r[3];
        for (int i = 0; i < 3; i++) begin_reading(&r[i], p.r);
        UNTIL_WAITING(3);
        cr_assert_eq(rv_close(p.r), 0);
        rv_wg_wait(&all);
        for (int i = 0; i < 3; i++) cr_assert_eq(r[i].result, -ECANCELED, "kind %d: %zd", kind, r[i].result);
        cr_assert_eq(rv_read(p.r, copy, 1), -EBADF);
        cr_assert_eq(rv_close(p.r), -EBADF);
        rv_close(p.w);
    }
}
Test(io, closed_while_blocked) { run(closed_while_blocked); }

// Several wait; each gets one of the bytes, none is left behind.
static void several_readers(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair p = make_pair(kind);
        struct reading r[8];
        for (int i = 0; i < 8; i++) begin_reading(&r[i], p.r);
        UNTIL_WAITING(8);
        cr_assert_eq(rv_write(p.w, "12345678", 8), 8);
        rv_wg_wait(&all);
        for (int i = 0; i < 8; i++) cr_assert_eq(r[i].result, 1);
        rv_close(p.r);
        rv_close(p.w);
    }
}
Test(io, several_readers) { run(several_readers); }

// Both sides wait at once: the event of one must leave the other armed.
static void fill(int fd)
{
    while (send(fd, bulk, 4096, MSG_DONTWAIT) > 0) {}
}
static void write_byte(void *arg)
{
    struct reading *r = arg;
    r->result = rv_write(r->fd, "x", 1);
    rv_wg_done(&all);
}
static void both_sides(void *arg)
{
    (void)arg;
    for (int order = 0; order < 2; order++) {
        struct pair p = make_pair(2);
        struct reading r, w = {p.r, 0};
        fill(p.r);
        begin_reading(&r, p.r);
        UNTIL_WAITING(1);
        rv_wg_add(&all, 1);
        rv_go(write_byte, &w);
        UNTIL_WAITING(2);
        for (int k = 0; k < 2; k++) {
            if (k == order)
                cr_assert_eq(rv_write(p.w, "a", 1), 1);
            else
                while (recv(p.w, copy, BULK, MSG_DONTWAIT) > 0) {}
            UNTIL_WAITING(1 - k);
        }
        rv_wg_wait(&all);
        cr_assert(r.result == 1 && w.result == 1);
        rv_close(p.r);
        rv_close(p.w);
    }
}
Test(io, both_sides) { run(both_sides); }

// ---- deadlines and rv_poll -----------------------------------------------------------------------------------------

static void deadlines(void *arg)
{
    (void)arg;
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair p = make_pair(kind);
        struct reading r;
        char c;
        // In the past: at once, but what is there is read.
        cr_assert_eq(rv_set_deadline(p.r, RV_READ, rv_now() - 1), 0);
        cr_assert_eq(rv_read(p.r, &c, 1), -ETIMEDOUT);
        rv_write(p.w, "x", 1);
        cr_assert_eq(rv_read(p.r, &c, 1), 1);
        // In the future.
        const int64_t at = rv_now() + 3 * MS;
        rv_set_deadline(p.r, RV_READ | RV_WRITE, at);
        cr_assert_eq(rv_read(p.r, &c, 1), -ETIMEDOUT);
        cr_assert_geq(rv_now(), at);
        // Who waits already is told of a new one, later, earlier or past; and of none.
        rv_set_deadline(p.r, RV_READ, rv_now() + 3600000ll * MS);
        begin_reading(&r, p.r);
        UNTIL_WAITING(1);
        rv_set_deadline(p.r, RV_READ, rv_now() + MS);
        rv_wg_wait(&all);
        cr_assert_eq(r.result, -ETIMEDOUT);
        rv_set_deadline(p.r, RV_READ, rv_now() + MS);
        rv_set_deadline(p.r, RV_READ, 0);
        begin_reading(&r, p.r);
        UNTIL_WAITING(1);
        rv_sleep(3 * MS);
        cr_assert_eq(rv__netpoll_waiters(), 1);
        rv_set_deadline(p.r, RV_READ, 1);
        rv_wg_wait(&all);
        cr_assert_eq(r.result, -ETIMEDOUT);
        // rv_close takes the deadline with it.
        rv_close(p.r);
        rv_close(p.w);
        cr_assert_eq(rv_set_deadline(p.r, RV_READ, 1), -EBADF);
    }
}
Test(io, deadlines) { run(deadlines); }

// After many reads that came too early the first attempt is left out: data, the end, a deadline and a close are still
// seen.
static void come_too_early(struct pair p)
{
    struct reading r;
    for (int i = 0; i < 50; i++) {
        if (i != 45) {
            begin_reading(&r, p.r);
            UNTIL_WAITING(1);
        }
        cr_assert_eq(rv_write(p.w, "x", 1), 1);
        if (i == 45) begin_reading(&r, p.r); // not this time
        rv_wg_wait(&all);
        cr_assert_eq(r.result, 1);
    }
    for (int i = 0; i < 12; i++) {
        begin_reading(&r, p.r);
        UNTIL_WAITING(1);
        cr_assert_eq(rv_write(p.w, "x", 1), 1);
        rv_wg_wait(&all);
    }
}
static void reads_too_early(void *arg)
{
    (void)arg;
    char c;
    struct reading r;
    struct pair p = make_pair(2);
    come_too_early(p);
    cr_assert_eq(rv_write(p.w, "x", 1), 1);
    rv_set_deadline(p.r, RV_READ, 1);
    cr_assert_eq(rv_read(p.r, &c, 1), 1);
    come_too_early((struct pair){p.r, (rv_set_deadline(p.r, RV_READ, 0), p.w)});
    rv_set_deadline(p.r, RV_READ, 1);
    cr_assert_eq(rv_read(p.r, &c, 1), -ETIMEDOUT);
    rv_set_deadline(p.r, RV_READ, 0);
    begin_reading(&r, p.r);
    UNTIL_WAITING(1);
    rv_close(p.r);
    rv_wg_wait(&all);
    cr_assert_eq(r.result, -ECANCELED);
    rv_close(p.w);
    p = make_pair(2);
    come_too_early(p);
    const int null = open("/dev/null", O_RDONLY); // the number is a device now, behind our back
    dup2(null, p.r);
    cr_assert_eq(rv_read(p.r, &c, 1), 0);
    rv_close(null), rv_close(p.r), rv_close(p.w);
    p = make_pair(3);
    come_too_early(p);
    rv_close(p.w);
    cr_assert_eq(rv_read(p.r, &c, 1), 0);
    rv_close(p.r);
}
Test(io, reads_too_early) { run(reads_too_early); }

static void poll_times_out(void *arg)
{
    struct reading *r = arg;
    r->result = rv_poll(r->fd, RV_READ, MS);
    rv_wg_done(&all);
}
static void polls(void *arg)
{
    (void)arg;
    struct pair p = make_pair(2);
    cr_assert_eq(rv_poll(p.r, RV_READ, 0), 0);
    cr_assert_eq(rv_poll(p.r, RV_READ | RV_WRITE, -1), RV_WRITE);
    cr_assert_eq(rv_poll(p.r, 0, 0), -EINVAL);
    cr_assert_eq(rv_poll(-1, RV_READ, 0), -EBADF);
    const int64_t from = rv_now();
    cr_assert_eq(rv_poll(p.r, RV_READ, 2 * MS), 0);
    cr_assert_geq(rv_now() - from, 2 * MS);
    // Time-outs and events that meet: many times, both outcomes right.
    for (int i = 0; i < 300; i++) {
        struct reading r = {p.r, -1};
        char c;
        rv_wg_add(&all, 1);
        rv_go(poll_times_out, &r);
        rv_sleep(MS - 20000 + i % 40 * 1000);
        rv_write(p.w, "x", 1);
        rv_wg_wait(&all);
        cr_assert(r.result == 0 || r.result == RV_READ, "%zd", r.result);
        cr_assert_eq(rv_read(p.r, &c, 1), 1);
    }
    rv_close(p.w);
    cr_assert_eq(rv_poll(p.r, RV_READ, -1), RV_READ); // its end is something to read
    rv_close(p.r);
}
Test(io, polls) { run(polls); }

// ---- numbers that are used again, files, signals, threads ----------------------------------------------------------

// The number goes to another file by plain close(2), and a wait on it must work.
static void reused(void *arg)
{
    (void)arg;
    for (int i = 0; i < 40; i++) {
        struct pair p = make_pair(i % KINDS), q;
        struct reading r;
        begin_reading(&r, p.r);
        UNTIL_WAITING(1);
        cr_assert_eq(rv_write(p.w, "x", 1), 1);
        rv_wg_wait(&all);
        const int number = p.r;
        close(p.r);
        q = make_pair((i / KINDS + i) % KINDS);
        if (q.r != number) dup2(q.r, number);
        begin_reading(&r, number);
        UNTIL_WAITING(1);
        cr_assert_eq(rv_write(q.w, "x", 1), 1);
        rv_wg_wait(&all);
        cr_assert_eq(r.result, 1, "%d: %zd", i, r.result);
        rv_close(p.w), rv_close(q.w), rv_close(number);
        if (q.r != number) rv_close(q.r);
    }
}
Test(io, reused_numbers) { run(reused); }

static void files(void *arg)
{
    (void)arg;
    char path[] = "/tmp/ravel-io-XXXXXX", buf[100];
    const int fd = mkstemp(path);
    unlink(path);
    cr_assert_eq(rv_write(fd, bulk, BULK), BULK);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    cr_assert_eq(rv_read(fd, copy, BULK), BULK);
    cr_assert_eq(rv_read(fd, copy, BULK), 0);
    cr_assert_eq(rv_poll(fd, RV_READ | RV_WRITE, -1), RV_READ | RV_WRITE);
    rv_close(fd);
    const int null = open("/dev/null", O_RDWR), dir = open("/", O_RDONLY);
    cr_assert_eq(rv_read(null, buf, sizeof buf), 0);
    cr_assert_eq(rv_write(null, buf, sizeof buf), (ssize_t)sizeof buf);
    cr_assert_eq(rv_read(dir, buf, sizeof buf), -EISDIR);
    cr_assert_eq(rv_read(-1, buf, 1), -EBADF);
    rv_close(null), rv_close(dir);
}
Test(io, files) { run(files); }

static void no_sigpipe(void *arg)
{
    (void)arg;
    signal(SIGPIPE, SIG_DFL); // would end the test
    struct pair p = make_pair(2);
    rv_close(p.r);
    cr_assert_eq(rv_write(p.w, "x", 1), -EPIPE);
    cr_assert_eq(rv_sendto(p.w, "x", 1, 0, NULL, 0), -EPIPE);
    rv_close(p.w);
}
Test(io, no_sigpipe) { run(no_sigpipe); }

static void datagrams(void *arg)
{
    (void)arg;
    const int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, from;
    cr_assert_eq(bind(a, (struct sockaddr *)&to, sizeof to), 0);
    to.sin_port = htons((uint16_t)rv_local_port(a));
    char buf[16];
    socklen_t len = sizeof from;
    cr_assert_eq(rv_recvfrom(a, buf, sizeof buf, MSG_DONTWAIT, NULL, NULL), -EAGAIN);
    struct reading r;
    begin_reading(&r, a);
    UNTIL_WAITING(1);
    cr_assert_eq(rv_sendto(b, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    rv_wg_wait(&all);
    cr_assert_eq(r.result, 1); // the rest of it is gone
    cr_assert_eq(rv_sendto(b, "world", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    cr_assert_eq(rv_recvfrom(a, buf, sizeof buf, MSG_WAITALL, (struct sockaddr *)&from, &len), 5);
    cr_assert_eq(ntohs(from.sin_port), rv_local_port(b));
    rv_close(a), rv_close(b);
}
Test(io, datagrams) { run(datagrams); }

// Plain threads wait, for goroutines and for each other, while main is parked.
static struct pair thread_pair[2];
static void *thread_echo(void *arg)
{
    char c;
    (void)arg;
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(rv_read(thread_pair[0].r, &c, 1), 1);
        cr_assert_eq(rv_write(thread_pair[1].w, &c, 1), 1);
    }
    return NULL;
}
static void plain_threads(void *arg)
{
    (void)arg;
    pthread_t t;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int i = 0; i < 2; i++) thread_pair[i] = make_pair(kind);
        pthread_create(&t, NULL, thread_echo, NULL);
        for (int i = 0; i < 200; i++) {
            char c = (char)i, d;
            cr_assert_eq(rv_write(thread_pair[0].w, &c, 1), 1);
            cr_assert_eq(rv_read(thread_pair[1].r, &d, 1), 1);
            cr_assert_eq(c, d);
        }
        pthread_join(t, NULL);
        for (int i = 0; i < 2; i++) rv_close(thread_pair[i].r), rv_close(thread_pair[i].w);
    }
}
Test(io, plain_threads) { run(plain_threads); }

// What waits when rv_run ends is forgotten; the descriptor works in the next one.
static struct pair kept;
static struct reading kept_reading;
static void leaves_a_reader(void *arg)
{
    (void)arg;
    begin_reading(&kept_reading, kept.r);
    UNTIL_WAITING(1);
}
static void reads_again(void *arg)
{
    (void)arg;
    char c;
    cr_assert_eq(rv__netpoll_waiters(), 0);
    rv_write(kept.w, "x", 1);
    cr_assert_eq(rv_read(kept.r, &c, 1), 1);
    rv_set_deadline(kept.r, RV_READ, rv_now() + MS);
    cr_assert_eq(rv_read(kept.r, &c, 1), -ETIMEDOUT);
}
Test(io, second_run)
{
    kept = make_pair(2);
    run(leaves_a_reader);
    run(reads_again);
}
