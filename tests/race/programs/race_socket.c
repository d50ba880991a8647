// What follows the send is not ordered.
#define TOGETHER
#include "../race.h"
#include <sys/socket.h>

int data;
static int pair[2];
static __attribute__((constructor)) void make(void) { EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0); }
static void first(void)
{
    char c = 1;
    EXPECT(send(pair[0], &c, 1, 0) == 1);
    data = 1; // race: data
    step();
}
static void second(void)
{
    char c;
    step();
    EXPECT(recv(pair[1], &c, 1, 0) == 1);
    data = 2; // race: data
}
