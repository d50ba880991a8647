// Sockets of all sorts: send to recv, connect to accept, shutdown to the end of the stream.
#define TOGETHER
#include "../race.h"
#include <netinet/in.h>
#include <sys/socket.h>

int data[5];
static int pair[2], server;
static struct sockaddr_in addr = {.sin_family = AF_INET};
static __attribute__((constructor)) void make(void)
{
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof addr;
    server = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(bind(server, (struct sockaddr *)&addr, len) == 0 && listen(server, 1) == 0);
    EXPECT(getsockname(server, (struct sockaddr *)&addr, &len) == 0);
}
static void first(void)
{
    char c = 1;
    struct iovec v = {&c, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    data[0] = 1;
    EXPECT(send(pair[0], &c, 1, 0) == 1);
    step();
    data[1] = 1;
    EXPECT(sendto(pair[0], &c, 1, 0, NULL, 0) == 1);
    step();
    data[2] = 1;
    EXPECT(sendmsg(pair[0], &m, 0) == 1);
    step();
    data[3] = 1;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    step();
    data[4] = 1;
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    step();
}
static void second(void)
{
    char c;
    struct iovec v = {&c, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    EXPECT(recv(pair[1], &c, 1, 0) == 1);
    EXPECT(data[0] == 1);
    step();
    EXPECT(recvfrom(pair[1], &c, 1, 0, NULL, NULL) == 1);
    EXPECT(data[1] == 1);
    step();
    EXPECT(recvmsg(pair[1], &m, 0) == 1);
    EXPECT(data[2] == 1);
    step();
    EXPECT(accept(server, NULL, NULL) >= 0);
    EXPECT(data[3] == 1);
    step();
    EXPECT(read(pair[1], &c, 1) == 0);
    EXPECT(data[4] == 1);
    step();
}
