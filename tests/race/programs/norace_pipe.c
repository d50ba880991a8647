// What was done before a write to a pipe is ordered before what follows the read that gets it, or its end.
#define TOGETHER
#include "../race.h"
#include <sys/uio.h>

int data, more;
static int fd[2];
static __attribute__((constructor)) void make(void) { EXPECT(pipe(fd) == 0); }
static void first(void)
{
    char text[] = "hello";
    const struct iovec v[2] = {{text, 2}, {text + 2, 4}};
    data = 1;
    EXPECT(writev(fd[1], v, 2) == 6);
    more = 1;
    close(fd[1]);
}
static void second(void)
{
    char text[8];
    struct iovec v[2] = {{text, 3}, {text + 3, 3}};
    EXPECT(readv(fd[0], v, 2) == 6 && strcmp(text, "hello") == 0);
    data = 2;
    EXPECT(read(fd[0], text, 1) == 0);
    more = 2;
    close(fd[0]);
}
