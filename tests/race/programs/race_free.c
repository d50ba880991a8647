// free is a write to the whole block, before and after it an access by another thread races.
#include "../race.h"

char *a, *b, *c;
static __attribute__((constructor)) void make(void) { a = malloc(100), b = malloc(100), c = malloc(100); }
static void first(void)
{
    a[50] = 1; // race: a
    free(b);   // race: b
    c[99] = 1; // race: c
}
static void second(void)
{
    free(a); // race: a
    volatile char *q = b;
    q[99] = 2;              // race: b
    free(realloc(c, 1000)); // race: c
}
