// What the block functions read and write, to the byte.
#include "../race.h"

enum { N = 200 };
char a[N], b[N], c[N], d[N], e[N], f[N], g[N], h[N], from[N];
volatile size_t n = N - 1;
int sink;
static void first(void)
{
    a[N - 2] = 1; // race: a
    b[N - 2] = 1; // race: b
    c[N - 2] = 1; // race: c
    d[N - 2] = 1; // race: d
    e[N - 2] = 1; // race: e
    f[N - 2] = 1; // race: f
    g[5] = 1;     // race: g
    h[N - 2] = 1; // race: h
    from[N - 1] = 1;
}
static void second(void)
{
    memcpy(a, from, n);         // race: a
    memmove(b, from, n);        // race: b
    memset(c, 0, n);            // race: c
    memcpy(from, d, n);         // race: d
    sink = memcmp(e, from, n) + // race: e
           memcmp(from, from, n);
    sink += memchr(f, 'x', n) == NULL; // race: f
    sink += memchr(g, 1, n) != NULL;   // race: g
    mempcpy(h, from, n);               // race: h
}
