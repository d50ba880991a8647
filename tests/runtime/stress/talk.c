// talk.c: acts that talk over TCP, socket pairs and pipes: every byte comes back as it was sent.
#include "tests/runtime/stress/stress.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST = 4096 };

static void *as_arg(int fd) { return (void *)(intptr_t)fd; }
static int as_fd(void *arg) { return (int)(intptr_t)arg; }

static void echo(void *arg)
{
    const int fd = as_fd(arg);
    char buf[512];
    for (ssize_t n; (n = rv_read(fd, buf, sizeof buf)) > 0;)
        if (rv_write(fd, buf, (size_t)n) != n) break;
    EXPECT(rv_close(fd) == 0);
}

static int listener;
static rv_chan *server_ended;

static void accept_all(void *arg)
{
    for (int fd; (fd = rv_accept(as_fd(arg), NULL, NULL)) >= 0;) rv_go(echo, as_arg(fd));
    rv_chan_close(server_ended);
}

int start_echo_server(void)
{
    server_ended = rv_chan_make(0, 0);
    listener = rv_listen_tcp("127.0.0.1", 0, 1024);
    EXPECT(listener >= 0);
    rv_go(accept_all, as_arg(listener));
    return rv_local_port(listener);
}

void stop_echo_server(void)
{
    EXPECT(rv_close(listener) == 0);
    rv_chan_recv(server_ended, NULL);
    rv_chan_free(server_ended);
}

// A message there, and the same bytes back.
static void exchange(struct actor *a, int to, int from)
{
    unsigned char sent[LONGEST], back[LONGEST];
    const size_t size = 1 + below(a, LONGEST);
    for (size_t i = 0; i < size; i++) sent[i] = (unsigned char)next_random(&a->random);
    give(a->round, BYTES, size);
    EXPECT(rv_write(to, sent, size) == (ssize_t)size);
    for (size_t got = 0; got < size;) {
        const ssize_t n = rv_read(from, back + got, size - got);
        EXPECT(n > 0);
        got += (size_t)n;
    }
    EXPECT(memcmp(sent, back, size) == 0);
    get(a->round, BYTES, size);
}

static void converse(struct actor *a, int to, int from)
{
    for (uint64_t n = 1 + below(a, 4); n > 0; n--) exchange(a, to, from);
}

void talk_tcp(struct actor *a)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0}; // an hour of this leaves no port in TIME_WAIT
    const int fd = rv_dial_tcp("127.0.0.1", a->round->port);
    EXPECT(fd >= 0);
    converse(a, fd, fd);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    EXPECT(rv_close(fd) == 0);
}

// Descriptions that the runtime did not make, and which block.
void talk_pair(struct actor *a)
{
    int ends[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    rv_go(echo, as_arg(ends[1]));
    converse(a, ends[0], ends[0]);
    EXPECT(rv_close(ends[0]) == 0);
}

struct relay {
    int from, to;
    rv_waitgroup ended;
};

static void relay(void *p)
{
    struct relay *r = p;
    char buf[512];
    for (ssize_t n; (n = rv_read(r->from, buf, sizeof buf)) > 0;)
        if (rv_write(r->to, buf, (size_t)n) != n) break;
    rv_wg_done(&r->ended);
}

void talk_pipe(struct actor *a)
{
    int there[2], back[2];
    EXPECT(pipe(there) == 0 && pipe(back) == 0);
    struct relay r = {.from = there[0], .to = back[1]};
    rv_wg_add(&r.ended, 1);
    rv_go(relay, &r);
    converse(a, there[1], back[0]);
    EXPECT(rv_close(there[1]) == 0);
    rv_wg_wait(&r.ended);
    EXPECT(rv_close(there[0]) == 0 && rv_close(back[0]) == 0 && rv_close(back[1]) == 0);
}
