// Mapped memory is memory.
#include "../race.h"
#include <sys/mman.h>

char *p;
static __attribute__((constructor)) void make(void)
{
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}
static void first(void)
{
    p[7] = 1; // race: byte
}
static void second(void)
{
    p[7] = 2; // race: byte
}
