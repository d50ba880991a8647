// test_hogs.c: goroutines that never call us keep nobody from running, and libc's calls beside them see nothing of how.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/runtime/rig.h"
#include "tests/runtime/storm.h"

static uint32_t stop; // atomic
static void hog(void *ended)
{
    while (!base_load_relaxed(&stop)) continue; // relaxed: only a flag
    base_add_relaxed((uint32_t *)ended, 1u);    // relaxed: as above
}
// Main has been elsewhere than in the first thread, so the hogs run in threads of the runtime's own making.
static void beside_hogs(void *arg)
{
    (void)arg;
    uint32_t ended = 0;
    rv_gomaxprocs(2);
    for (int i = 0; i < 100; i++) rv_gosched();
    for (int i = 0; i < 3; i++) rv_go(hog, &ended);
    for (int i = 0; i < 20; i++) rv_gosched();
    base_store_relaxed(&stop, 1u); // relaxed: only a flag
    RIG_UNTIL(base_load_relaxed(&ended) == 3);
}
Test(hogs, stop_when_others_wait, .timeout = 60) { cr_assert_eq(rv_run(beside_hogs, NULL), 0); }

// ---- TCP -------------------------------------------------------------------------------------------------------------

// A listener whose queue is full, so that the client's connect sleeps until its SYN is sent a second time. What it writes then is more
// than a socket takes at once.
enum { LINES = 2, MUCH = 4 << 20 };
static struct line {
    int listener, filler, client;
    long timeout_s; // of the client; 0: none. With one the kernel restarts no call
    struct sockaddr_in at;
    pthread_t acceptor;
} lines[LINES] = {{.timeout_s = 0}, {.timeout_s = 30}};
static char much[MUCH];
static uint32_t clients_ended, hogs_ended; // atomic

static void await_syn_sent(int fd)
{
    struct tcp_info info = {0};
    for (socklen_t size = sizeof info; info.tcpi_state != TCP_SYN_SENT; sched_yield())
        cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
}
static void *accepts_late(void *arg)
{
    const struct line *const l = arg;
    char some[65536];
    size_t all = 0;
    await_syn_sent(l->client);
    close(accept(l->listener, NULL, NULL));
    const int fd = accept(l->listener, NULL, NULL);
    for (ssize_t n; (n = read(fd, some, sizeof some)) > 0;) all += (size_t)n;
    cr_assert_eq(all, MUCH);
    close(fd);
    return arg;
}
static void line_open(struct line *l)
{
    const struct timeval limit = {.tv_sec = l->timeout_s};
    socklen_t size = sizeof l->at;
    l->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (int i = 0; i < 3; i++) (int *[]){&l->listener, &l->filler, &l->client}[i][0] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(l->listener, (struct sockaddr *)&l->at, size) == 0 && listen(l->listener, 0) == 0);
    cr_assert_eq(getsockname(l->listener, (struct sockaddr *)&l->at, &size), 0);
    cr_assert_eq(connect(l->filler, (struct sockaddr *)&l->at, size), 0);
    cr_assert_eq(setsockopt(l->client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    cr_assert_eq(pthread_create(&l->acceptor, NULL, accepts_late, l), 0);
}
static void line_close(struct line *l)
{
    pthread_join(l->acceptor, NULL);
    close(l->listener);
    close(l->filler);
}
static void client(void *arg)
{
    const struct line *const l = arg;
    const int connected = connect(l->client, (const struct sockaddr *)&l->at, sizeof l->at);
    cr_assert_eq(connected, 0, "connect: %s", strerror(errno));
    const ssize_t written = write(l->client, much, MUCH);
    cr_assert_eq(written, MUCH, "%zd bytes written", written);
    close(l->client);
    base_add_relaxed(&clients_ended, 1u); // relaxed: a count
}
static void tcp_beside_hogs(void *arg)
{
    (void)arg;
    rv_gomaxprocs(2);
    for (int i = 0; i < LINES; i++) line_open(&lines[i]);
    const pthread_t storming = storm_start(~0u);
    for (int i = 0; i < 2; i++) rv_go(hog, &hogs_ended);
    for (int i = 0; i < LINES; i++) rv_go(client, &lines[i]);
    RIG_UNTIL(base_load_relaxed(&clients_ended) == LINES); // relaxed: nothing is read that they wrote
    storm_end(storming);
    for (int i = 0; i < LINES; i++) line_close(&lines[i]);
    base_store_relaxed(&stop, 1u); // relaxed: only a flag
    RIG_UNTIL(base_load_relaxed(&hogs_ended) == 2);
}
Test(hogs, connect_and_write_over_tcp, .timeout = 60) { cr_assert_eq(rv_run(tcp_beside_hogs, NULL), 0); }
