// test_base_print.c: formatting without stdio, against stdio's own.
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/print.h"

// Formats into buffers of every size up to more than is needed: always a prefix of what stdio says.
#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        char want[256], got[256];                                                                                      \
        const size_t n = (size_t)snprintf(want, sizeof want, __VA_ARGS__);                                             \
        for (size_t cap = 1; cap <= n + 2; cap++) {                                                                    \
            struct base_buf b = {got, 0, cap, false};                                                                  \
            got[cap] = '#';                                                                                            \
            base_putf(&b, __VA_ARGS__);                                                                                \
            cr_assert_eq(b.truncated, n >= cap, "cap %zu of \"%s\"", cap, want);                                       \
            cr_assert_eq(b.n, n >= cap ? cap - 1 : n);                                                                 \
            cr_assert(!strncmp(got, want, b.n) && got[b.n] == 0, "wanted \"%s\", got \"%s\"", want, got);              \
            cr_assert_eq(got[cap], '#', "wrote beyond its end");                                                       \
        }                                                                                                              \
    } while (0)

Test(print, each_conversion)
{
    SAME("plain");
    SAME("%s|%10s|%-10s|%.3s|%.*s", "abc", "abc", "abc", "abcdef", 2, "abcdef");
    SAME("%c%c%%", 'x', 'y');
    SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
    SAME("%u %x %08x %5u %-3d", 7u, 0xdeadbeefu, 0x1fu, 42u, 123);
    SAME("%ld %lld %lu %llu %zu %lx", LONG_MIN, LLONG_MAX, ULONG_MAX, ULLONG_MAX, (size_t)-1, 0x123456789abcul);
    SAME("%5d|%05d|%05d", -42, -42, 42);
    SAME("%*d", 7, 5);
    SAME("%p", (void *)0x7f0012345678);
}
Test(print, random_numbers)
{
    const unsigned seed = 1;
    srand(seed);
    for (int i = 0; i < 2000; i++) {
        const long v =
            (long)((unsigned long)rand() << 40 ^ (unsigned long)rand() << (rand() % 33)) * (rand() % 2 ? 1 : -1);
        const int width = rand() % 24;
        SAME("%*ld %0*lx %d", width, v, width, (unsigned long)v, (int)v);
    }
}
Test(print, null)
{
    BASE_BUF(b, 64);
    const char *volatile nothing = NULL; // volatile: the compiler would warn of what is tested
    base_putf(&b, "%s", nothing);
    cr_expect_str_eq(b.p, "(null)");
}
Test(print, strings)
{
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\xff"};
    enum { N = sizeof words / sizeof *words };
    for (int i = 0; i < N; i++) {
        cr_expect_eq(base_strlen(words[i]), strlen(words[i]));
        for (int j = 0; j < N; j++) {
            const int want = strcmp(words[i], words[j]), got = base_strcmp(words[i], words[j]);
            cr_expect_eq(want < 0, got < 0, "%s %s", words[i], words[j]);
            cr_expect_eq(want > 0, got > 0, "%s %s", words[i], words[j]);
            for (size_t n = 0; n < 4; n++)
                cr_expect_eq(strncmp(words[i], words[j], n) == 0, base_strncmp(words[i], words[j], n) == 0);
        }
    }
}
