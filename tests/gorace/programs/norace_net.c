// norace_net.c: rv_connect and rv_dial_tcp come before the rv_accept that takes them, rv_sendto before the rv_recvfrom.
#include "gorace.h"

#include <netinet/in.h>
#include <unistd.h>

static int port;
int dialled, sent, answered;
static rv_chan *done;
static void must(int right)
{
    if (!right) abort();
}
static int connect_plain(void)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    must(s >= 0 && rv_connect(s, (const struct sockaddr *)&to, sizeof to) == 0);
    return s;
}
static void client(void *plain)
{
    char c;
    dialled++;
    const int s = plain ? connect_plain() : rv_dial_tcp("127.0.0.1", port);
    must(s >= 0);
    must(rv_recvfrom(s, &c, 1, 0, NULL, NULL) == 1);
    sent++;
    must(rv_sendto(s, &c, 1, 0, NULL, 0) == 1);
    must(rv_read(s, &c, 1) == 0);
    answered++;
    rv_close(s);
    rv_chan_send(done, NULL);
}
static void serve(int listener, void *plain)
{
    char c = 0;
    rv_go(client, plain);
    const int s = rv_accept(listener, NULL, NULL);
    must(s >= 0);
    dialled++;
    sent++;
    must(rv_sendto(s, &c, 1, 0, NULL, 0) == 1);
    must(rv_recvfrom(s, &c, 1, 0, NULL, NULL) == 1);
    sent++;
    answered++;
    rv_close(s);
    rv_chan_recv(done, NULL);
}
static void body(void *arg)
{
    (void)arg;
    done = rv_chan_make(0, 0);
    const int listener = rv_listen_tcp("127.0.0.1", 0, 0);
    must(listener >= 0);
    port = rv_local_port(listener);
    serve(listener, NULL);
    serve(listener, &port);
    must(dialled == 4 && sent == 6 && answered == 4);
    rv_close(listener);
}
