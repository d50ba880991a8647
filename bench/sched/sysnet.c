// sysnet.c: calls that block in the kernel, pipes, and TCP on the loopback interface.
#include "bench/sched/gobench.h"

#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void block_ms(long ms)
{
    const struct timespec t = {.tv_nsec = ms * MS};
    rv_syscall_enter();
    syscall(SYS_nanosleep, &t, NULL);
    rv_syscall_exit();
}

// ---- blocking calls beside compute -----------------------------------------------------------------------------------

struct compute {
    rv_waitgroup left;
    _Atomic int stop;
    _Atomic int64_t units, blocks;
    _Atomic uint64_t sum;
};

static void compute_hog(void *p)
{
    struct compute *c = p;
    uint64_t x = 0;
    while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
        x += spin(2000);
        atomic_fetch_add(&c->units, 1);
    }
    atomic_fetch_add(&c->sum, x);
    rv_wg_done(&c->left);
}

static void compute_blocker(void *p)
{
    struct compute *c = p;
    while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
        block_ms(1);
        atomic_fetch_add(&c->blocks, 1);
    }
    rv_wg_done(&c->left);
}

// For ns: as many hogs as Ps, and so many blockers.
static void compute(struct compute *c, int64_t ns, int blockers)
{
    const int hogs = rv_gomaxprocs(0);
    rv_wg_add(&c->left, hogs + blockers);
    for (int k = 0; k < hogs; k++) rv_go(compute_hog, c);
    for (int k = 0; k < blockers; k++) rv_go(compute_blocker, c);
    rv_sleep(ns);
    atomic_store(&c->stop, 1);
    rv_wg_wait(&c->left);
}

static void syscall_block(long n)
{
    struct compute alone = {.stop = 0}, beside = {.stop = 0};
    compute(&alone, n * MS, 0);
    compute(&beside, n * MS, 10);
    const long blocks = atomic_load(&beside.blocks);
    reportf("syscall_block", blocks, n * MS, "blocks_s=%ld compute_pct=%ld threads=%d", blocks * 1000 / n,
            (long)(atomic_load(&beside.units) * 100 / atomic_load(&alone.units)), threads());
}

static void block_20ms(void *env, long k)
{
    (void)env;
    (void)k;
    block_ms(20);
}

static void syscall_many(long n)
{
    const int64_t ns = each(n, block_20ms, NULL);
    reportf("syscall_many", n, ns, "wall_ms=%ld threads=%d", (long)(ns / MS), threads());
}

// ---- how long a runnable goroutine waits when the one that has its P blocks in the kernel ----------------------------

struct handoff {
    int fds[2];
    int64_t since, *late;
    long i;
};

static void handed_to(void *p)
{
    struct handoff *h = p;
    h->late[h->i] = rv_now() - h->since;
    expect(write(h->fds[1], "", 1) == 1, "write to a pipe"); // never blocks: one byte at a time
}

static void wait_for_byte(void *p)
{
    const struct handoff *h = p;
    char byte;
    expect(read(h->fds[0], &byte, 1) == 1, "read from a pipe");
}

static void handoff(const char *name, long n, bool known)
{
    struct handoff h = {.late = allocate((size_t)n, sizeof *h.late)};
    expect(pipe(h.fds) == 0, "pipe");
    const int64_t start = rv_now();
    for (h.i = 0; h.i < n; h.i++) {
        h.since = rv_now();
        rv_go(handed_to, &h);
        if (known) {
            rv_blocking(wait_for_byte, &h);
        } else {
            rv_syscall_enter();
            wait_for_byte(&h);
            rv_syscall_exit();
        }
    }
    report_late(name, h.late, n, rv_now() - start);
    for (int k = 0; k < 2; k++) close(h.fds[k]);
    free(h.late);
}

static void syscall_handoff(long n)
{
    handoff("syscall_handoff", n, false);
    handoff("syscall_handoff_known", n, true); // Go knows no call to be one that blocks
}

static void syscall_fast(long n)
{
    int64_t start = rv_now();
    for (long i = 0; i < n; i++) syscall(SYS_getppid);
    report("syscall_raw", n, rv_now() - start);
    start = rv_now();
    for (long i = 0; i < n; i++) {
        rv_syscall_enter();
        syscall(SYS_getppid);
        rv_syscall_exit();
    }
    report("syscall_sched", n, rv_now() - start);
}

struct pipes {
    int there[2], back[2];
    long n;
};

static void write_byte(int fd)
{
    const char byte = 0;
    rv_syscall_enter();
    const ssize_t n = write(fd, &byte, 1);
    rv_syscall_exit();
    expect(n == 1, "write to a pipe");
}

static void read_byte(int fd)
{
    char byte;
    rv_syscall_enter();
    const ssize_t n = read(fd, &byte, 1);
    rv_syscall_exit();
    expect(n == 1, "read from a pipe");
}

static void pipe_side(void *env, long k)
{
    const struct pipes *p = env;
    for (long i = 0; i < p->n; i++)
        if (k == 0) {
            write_byte(p->there[1]);
            read_byte(p->back[0]);
        } else {
            read_byte(p->there[0]);
            write_byte(p->back[1]);
        }
}

static void pipe_pp(long n)
{
    struct pipes p = {.n = n};
    expect(pipe(p.there) == 0 && pipe(p.back) == 0, "pipe");
    report("pipe_pp", n, each(2, pipe_side, &p));
    for (int i = 0; i < 2; i++) {
        close(p.there[i]);
        close(p.back[i]);
    }
}

// ---- TCP ---------------------------------------------------------------------------------------------------------------

enum { MESSAGE = 64 };

static int read_full(int fd, char *buf)
{
    for (size_t got = 0; got < MESSAGE;) {
        const ssize_t n = rv_read(fd, buf + got, MESSAGE - got);
        if (n <= 0) return 0;
        got += (size_t)n;
    }
    return 1;
}

static void serve(void *p)
{
    const int fd = (int)(intptr_t)p;
    char buf[MESSAGE];
    while (read_full(fd, buf) && rv_write(fd, buf, MESSAGE) == MESSAGE) {}
    rv_close(fd);
}

static void accept_all(void *p)
{
    const int listener = (int)(intptr_t)p;
    for (int fd; (fd = rv_accept(listener, NULL, NULL)) >= 0;) rv_go(serve, (void *)(intptr_t)fd);
}

static int listen_and_serve(void)
{
    const int listener = rv_listen_tcp("127.0.0.1", 0, 4096);
    expect(listener >= 0, "listen");
    rv_go(accept_all, (void *)(intptr_t)listener);
    return listener;
}

static int dial(int port)
{
    const int fd = rv_dial_tcp("127.0.0.1", port);
    expect(fd >= 0, "dial");
    return fd;
}

struct echo {
    int *fds;
    int64_t *latency;
    long per; // requests of each connection
};

static void ask(int fd)
{
    char buf[MESSAGE] = {0};
    expect(rv_write(fd, buf, MESSAGE) == MESSAGE && read_full(fd, buf), "echo");
}

static void echo_client(void *env, long k)
{
    const struct echo *e = env;
    for (long i = 0; i < e->per; i++) {
        const int64_t from = rv_now();
        ask(e->fds[k]);
        e->latency[k * e->per + i] = rv_now() - from;
    }
}

static void echo(const char *name, long connections, long total)
{
    const int listener = listen_and_serve(), port = rv_local_port(listener);
    struct echo e = {allocate((size_t)connections, sizeof e.fds[0]), NULL, total / connections};
    const long n = e.per * connections;
    e.latency = allocate((size_t)n, sizeof e.latency[0]);
    for (long i = 0; i < connections; i++) e.fds[i] = dial(port);
    const int64_t cpu_before = cpu_ns(), ns = each(connections, echo_client, &e), cpu = cpu_ns() - cpu_before;
    for (long i = 0; i < connections; i++) rv_close(e.fds[i]);
    const long p50 = quantile(e.latency, (size_t)n, .5) / 1000, p99 = quantile(e.latency, (size_t)n, .99) / 1000;
    reportf(name, n, ns, "req_s=%ld p50_us=%ld p99_us=%ld cpu_ns_req=%ld threads=%d",
            (long)((double)n * 1e9 / (double)ns), p50, p99, (long)(cpu / n), threads());
    rv_close(listener);
    free(e.fds);
    free(e.latency);
}

static void tcp1(long n) { echo("tcp1", 1, n); }
static void tcp100(long n) { echo("tcp100", 100, n); }
static void tcp1000(long n) { echo("tcp1000", 1000, n); }

struct callers {
    int port;
    long per;
};

static void call_and_hang_up(void *env, long k)
{
    (void)k;
    const struct callers *c = env;
    for (long i = 0; i < c->per; i++) {
        const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        const int fd = dial(c->port);
        ask(fd);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        rv_close(fd);
    }
}

static void tcp_accept(long n)
{
    const int listener = listen_and_serve();
    struct callers c = {rv_local_port(listener), n / 16};
    const int64_t ns = each(16, call_and_hang_up, &c);
    reportf("tcp_accept", c.per * 16, ns, "conn_s=%ld", (long)((double)c.per * 16e9 / (double)ns));
    rv_close(listener);
}

static const struct bench benches[] = {
    {"syscall_block", 1000, "GOMAXPROCS hogs, then the same with 10 goroutines in 1 ms blocking syscalls, n ms each",
     syscall_block},
    {"syscall_many", 1000, "n goroutines at once in one 20 ms blocking syscall each: wall and threads", syscall_many},
    {"syscall_handoff", 5000, "how late a runnable goroutine runs whose P is in a read that blocks; and in rv_blocking",
     syscall_handoff},
    {"syscall_fast", 5000000, "getppid between rv_syscall_enter and rv_syscall_exit, and without them", syscall_fast},
    {"pipe_pp", 200000, "two goroutines, os-level pipe ping-pong by blocking read(2): ns per round trip", pipe_pp},
    {"tcp100", 200000, "TCP echo on loopback, 100 connections x 64 B, n requests in all", tcp100},
    {"tcp1", 50000, "TCP echo on loopback, 1 connection x 64 B: round trip", tcp1},
    {"tcp1000", 200000, "TCP echo on loopback, 1000 connections x 64 B", tcp1000},
    {"tcp_accept", 10000, "connect, one 64 B echo, close; n times from 16 clients", tcp_accept},
};
const struct bench_table sysnet_table = {benches, COUNT_OF(benches)};
