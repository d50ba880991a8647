// What the block functions do not look at.
#include "../race.h"

enum { N = 200 };
char a[N], b[N], c[N], d[N], from[N];
volatile size_t n = N - 1;
int sink;
static void first(void)
{
    a[N - 1] = 1;
    b[N - 1] = 1;
    c[150] = 1;
    d[151] = 1;
}
static void second(void)
{
    memcpy(a, from, n);
    memset(b, 0, n);
    from[149] = 5;
    sink = memcmp(c, from, n); // differs at 149
    d[150] = 7;
    sink += memchr(d, 7, n) != NULL;
}
