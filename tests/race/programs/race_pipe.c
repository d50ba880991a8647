// Two pipes order nothing; the buffers given to read and write are read and written.
#define TOGETHER
#include "../race.h"

int data;
static int fd[2], other[2];
char buffer[8];
static __attribute__((constructor)) void make(void) { EXPECT(pipe(fd) == 0 && pipe(other) == 0); }
static void first(void)
{
    EXPECT(write(other[1], "x", 1) == 1);
    data = 1; // race: data
    EXPECT(write(fd[1], "y", 1) == 1);
    EXPECT(read(fd[0], buffer, 8) == 1); // race: buffer
    step();
}
static void second(void)
{
    char c;
    step();
    EXPECT(read(other[0], &c, 1) == 1);
    data = 2;                                // race: data
    EXPECT(write(other[1], buffer, 8) == 8); // race: buffer
}
