// What the string functions do not look at.
#include "../race.h"

char a[32] = "0123456789", b[32] = "0123456789", c[32] = "0123456789", d[32] = "0123456789", e[32] = "01,345";
const char *volatile other = "01x3456789";
volatile size_t n = 4;
size_t sink;
static void first(void)
{
    a[11] = 1;
    b[3] = '3';
    c[4] = '4';
    d[5] = '5';
    e[3] = '3';
}
static void second(void)
{
    char *save;
    sink += strlen(a);
    sink += (size_t)strcmp(b, other); // differs at 2
    sink += (size_t)strncmp(c, "0123456789", n);
    sink += strchr(d, '4') != NULL;
    sink += strtok_r(e, ",", &save) != NULL;
}
