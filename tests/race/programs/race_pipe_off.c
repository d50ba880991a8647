// With io_sync=0 pipes order nothing.
// options: io_sync=0
#define TOGETHER
#include "../race.h"

int data;
static int fd[2];
static __attribute__((constructor)) void make(void) { EXPECT(pipe(fd) == 0); }
static void first(void)
{
    data = 1; // race: data
    EXPECT(write(fd[1], "y", 1) == 1);
}
static void second(void)
{
    char c;
    EXPECT(read(fd[0], &c, 1) == 1);
    data = 2; // race: data
}
