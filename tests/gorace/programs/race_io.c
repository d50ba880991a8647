// race_io.c: two pipes order nothing; the buffers of rv_read and rv_write are written and read; what follows the write is not ordered.
#include "gorace.h"

#include <unistd.h>

static int fd[2], other[2];
int data, after;
char buffer[8];
static void first(void *arg)
{
    (void)arg;
    if (rv_write(other[1], "x", 1) != 1) abort();
    data = 1; // race: data
    if (rv_write(fd[1], "y", 1) != 1) abort();
    if (rv_read(fd[0], buffer, 8) != 1) abort(); // race: buffer
    next_turn();
}
static void second(void *arg)
{
    char c;
    turn(1);
    if (rv_read(other[0], &c, 1) != 1) abort();
    data = 2;                                        // race: data
    if (rv_write(other[1], buffer, 8) != 8) abort(); // race: buffer
    after = 1;                                       // race: after
    next_turn();
    rv_chan_send(arg, NULL);
}
static void third(void *arg)
{
    char c[8];
    turn(2);
    if (rv_read(other[0], c, 8) != 8) abort();
    after = 2; // race: after
    rv_chan_send(arg, NULL);
}
static void body(void *arg)
{
    (void)arg;
    if (pipe(fd) != 0 || pipe(other) != 0) abort();
    rv_chan *done = rv_chan_make(0, 0);
    rv_go(first, NULL);
    rv_go(second, done);
    rv_go(third, done);
    rv_chan_recv(done, NULL);
    rv_chan_recv(done, NULL);
}
