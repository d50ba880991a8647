// norace_io.c: what was done before rv_write, rv_writev and rv_close is ordered before what follows the rv_read that gets it, or its
// end; also between a goroutine and a thread that uses read and write.
#include "gorace.h"

#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

static int there[2], back[2];
int data, more;
static rv_chan *done;
static void writer(void *arg)
{
    (void)arg;
    char text[] = "hello", c;
    const struct iovec v[2] = {{text, 2}, {text + 2, 4}};
    data = 1;
    if (rv_writev(there[1], v, 2) != 6) abort();
    memset(text, 0, sizeof text);
    more = 1;
    if (rv_write(there[1], "", 1) != 1) abort();
    if (rv_read(back[0], &c, 1) != 1 || data != 3) abort();
    rv_close(there[1]);
}
static void reader(void *arg)
{
    (void)arg;
    char text[8];
    struct iovec v[2] = {{text, 3}, {text + 3, 3}};
    if (rv_readv(there[0], v, 2) != 6 || strcmp(text, "hello") != 0) abort();
    data = 2;
    if (rv_read(there[0], text, 8) != 1) abort();
    more = 2;
    data = 3;
    if (rv_write(back[1], text, 1) != 1) abort();
    if (rv_read(there[0], text, 8) != 0) abort();
    data = 4;
    rv_close(there[0]);
    rv_chan_send(done, NULL);
}
static void *thread(void *arg)
{
    char c;
    if (read(there[0], &c, 1) != 1) abort();
    data++;
    if (write(back[1], "", 1) != 1) abort();
    return arg;
}
static void body(void *arg)
{
    (void)arg;
    done = rv_chan_make(0, 0);
    if (pipe(there) != 0 || pipe(back) != 0) abort();
    rv_go(reader, NULL);
    rv_go(writer, NULL);
    rv_chan_recv(done, NULL);
    if (pipe(there) != 0) abort();
    pthread_t t;
    if (pthread_create(&t, NULL, thread, NULL) != 0) abort();
    data++;
    char c;
    if (rv_write(there[1], "", 1) != 1 || rv_read(back[0], &c, 1) != 1) abort();
    if (++data != 7) abort();
    pthread_join(t, NULL);
}
