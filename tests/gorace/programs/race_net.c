// race_net.c: what follows the connection and the message is not ordered, and the buffers are read and written.
#include "gorace.h"

#include <sys/socket.h>

static int pair[2], port, listener;
int data, dialled;
char in[4];
static void first(void *arg)
{
    char out[4] = {0};
    (void)arg;
    if (rv_sendto(pair[0], out, 4, 0, NULL, 0) != 4) abort();
    data = 1; // race: data
    next_turn();
    turn(2);
    if (rv_recvfrom(pair[0], in, 4, 0, NULL, NULL) != 4) abort(); // race: in
    if (rv_dial_tcp("127.0.0.1", port) < 0) abort();
    dialled = 1; // race: dialled
    next_turn();
}
static void second(void *arg)
{
    char c[4];
    turn(1);
    if (rv_recvfrom(pair[1], c, 4, 0, NULL, NULL) != 4) abort();
    data = 2; // race: data
    if (rv_sendto(pair[1], c, 4, 0, NULL, 0) != 4) abort();
    next_turn();
    turn(3);
    if (rv_accept(listener, NULL, NULL) < 0) abort();
    dialled = 2; // race: dialled
    rv_chan_send(arg, NULL);
}
static void third(void *arg)
{
    turn(3);
    in[3] = 1; // race: in
    rv_chan_send(arg, NULL);
}
static void body(void *arg)
{
    (void)arg;
    listener = rv_listen_tcp("127.0.0.1", 0, 0);
    port = rv_local_port(listener);
    if (port < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) abort();
    rv_chan *done = rv_chan_make(0, 0);
    rv_go(first, NULL);
    rv_go(second, done);
    rv_go(third, done);
    rv_chan_recv(done, NULL);
    rv_chan_recv(done, NULL);
}
