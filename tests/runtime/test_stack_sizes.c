// test_stack_sizes.c: what people do not think of as deep fits a goroutine's default stack: the usual in half of it, the greedy with
// room for a signal. Each runs on a stack that nobody used before; what it took is printed.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "include/ravel.h"
#include "tests/runtime/child.h"

static void resolve(void)
{
    struct addrinfo *a = NULL;
    if (getaddrinfo("localhost", "80", NULL, &a) == 0) freeaddrinfo(a);
    if (getaddrinfo("no-such-host.invalid", "80", NULL, &a) == 0) freeaddrinfo(a);
}
static void print(void)
{
    char text[400];
    volatile long double x = 1e300L;
    if (snprintf(text, sizeof text, "%Lf %Lg %La %s %zu", x, x / 3, x / 7, "text", sizeof x) < 300) _exit(11);
}
static void print_wide(void)
{
    char text[8000];
    volatile long double x = 1e4000L;
    if (snprintf(text, sizeof text, "%.1000Lf %Lg %La", x, x / 3, x / 7) < 4000) _exit(11);
}
static int compare(const void *a, const void *b)
{
    char text[200];
    return snprintf(text, sizeof text, "%d", *(const int *)a) ? *(const int *)a - *(const int *)b : 0;
}
static void sort(void)
{
    static int v[20000];
    for (int i = 0; i < 20000; i++) v[i] = (i * 7919) % 20011;
    qsort(v, 20000, sizeof *v, compare);
    for (int i = 1; i < 20000; i++)
        if (v[i - 1] > v[i]) _exit(11);
}
static void convert(void)
{
    char in[] = "Gr\303\274\303\237e", out[64], *from = in, *to = out;
    size_t n = sizeof in, room = sizeof out;
    const iconv_t c = iconv_open("ISO-8859-1//TRANSLIT", "UTF-8");
    if (c == (iconv_t)-1 || iconv(c, &from, &n, &to, &room) == (size_t)-1) _exit(11);
    iconv_close(c);
}
static void load(void)
{
    void *l = dlopen("libresolv.so.2", RTLD_NOW), *m = dlopen("libstdc++.so.6", RTLD_NOW);
    if (l) dlclose(l);
    if (m) dlclose(m);
}
static void match(void)
{
    regex_t r;
    if (regcomp(&r, "^(([a-z]+|[0-9]+)[-.])*x$", REG_EXTENDED) != 0) _exit(11);
    regexec(&r, "abc-123.def-456.x", 0, NULL, 0);
    regfree(&r);
}
static void local_time(void)
{
    char text[100];
    const time_t t = 1700000000;
    struct tm tm;
    setlocale(LC_ALL, "");
    strftime(text, sizeof text, "%c", localtime_r(&t, &tm));
}

static void (*measured)(void);
static size_t used;
static void measure(void *arg)
{
    (void)arg;
    measured();
    used = rv_stack_used();
}
static void run_measured(void *arg)
{
    static rv_waitgroup wg;
    (void)arg;
    rv_wg_go(&wg, measure, NULL);
    rv_wg_wait(&wg);
}
static size_t most;
static void in_goroutine(void)
{
    rv_run(run_measured, NULL);
    fprintf(stderr, "%zu bytes\n", used);
    if (used == 0 || used > most) _exit(12);
}
static void check(const char *what, void (*fn)(void), size_t limit)
{
    measured = fn;
    most = limit;
    const int code = child_run(in_goroutine);
    printf("%-13s %s", what, child_said);
    cr_expect_eq(code, 0, "%s: %d, %s", what, code, child_said);
}
Test(stack_sizes, libc)
{
    enum { HALF = 32 << 10, NEARLY_ALL = 56 << 10 };
    check("printf", print, HALF);
    check("printf, wide", print_wide, NEARLY_ALL);
    check("qsort", sort, HALF);
    check("regex", match, HALF);
    check("localtime", local_time, HALF);
    check("getaddrinfo", resolve, NEARLY_ALL);
    check("iconv", convert, NEARLY_ALL);
    check("dlopen", load, NEARLY_ALL);
}
