// What the string functions read and write, to the byte: the terminator counts.
#include "../race.h"
#include <strings.h>

// Each string is "0123456789"; the first thread writes one byte of it without changing it.
#define STRINGS(F)   F(a) F(b) F(c) F(d) F(e) F(f) F(g) F(h) F(i) F(j) F(k) F(l) F(m) F(o) F(p)
#define DEFINE(name) char name[32] = "0123456789";
STRINGS(DEFINE)
char to[64];
const char *volatile same = "0123456789";
volatile size_t n = 11;
size_t sink;
static void first(void)
{
    a[10] = 0;  // race: a
    b[10] = 0;  // race: b
    c[10] = 0;  // race: c
    d[10] = 0;  // race: d
    e[10] = 0;  // race: e
    f[4] = '4'; // race: f
    g[10] = 0;  // race: g
    h[10] = 0;  // race: h
    i[10] = 0;  // race: i
    j[10] = 0;  // race: j
    k[10] = 0;  // race: k
    l[10] = 0;  // race: l
    m[10] = 0;  // race: m
    o[10] = 0;  // race: o
    p[10] = 0;  // race: p
}
static void second(void)
{
    char *save, *copy;
    sink += strlen(a);                // race: a
    sink += strnlen(b, n);            // race: b
    strcpy(to, c);                    // race: c
    strncpy(to, d, n);                // race: d
    strcat(e, same);                  // race: e
    sink += strchr(f, '4') != NULL;   // race: f
    sink += (size_t)strcmp(g, same);  // race: g
    sink += strncmp(h, same, n) == 0; // race: h
    sink += strcasecmp(i, same) == 0; // race: i
    sink += strstr(j, "x") == NULL;   // race: j
    copy = strdup(k);                 // race: k
    sink += strspn(l, same);          // race: l
    sink += strrchr(m, '3') != NULL;  // race: m
    strtok_r(o, "x", &save);          // race: o
    sink += strcspn(p, "x");          // race: p
    sink += (size_t)copy[0];
    free(copy);
}
