#include "base/print.h"
#include "base/sys.h"

#include <stdint.h>

void base_putn(struct base_buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (b->n + 1 >= b->cap) {
            b->truncated = true;
            break;
        }
        b->p[b->n++] = s[i];
    }
    if (b->cap) b->p[b->n] = 0;
}
void base_puts(struct base_buf *b, const char *s) { base_putn(b, s, base_strlen(s)); }

static void pad(struct base_buf *b, int n, char c)
{
    while (n-- > 0) base_putn(b, &c, 1);
}
static void put_number(struct base_buf *b, uint64_t v, bool negative, unsigned radix, int width, char fill)
{
    char digits[24];
    int n = 0;
    do digits[n++] = "0123456789abcdef"[v % radix];
    while ((v /= radix) != 0);
    const int len = n + negative;
    if (negative && fill == '0') base_putn(b, "-", 1);
    pad(b, width - len, fill);
    if (negative && fill != '0') base_putn(b, "-", 1);
    while (n) base_putn(b, &digits[--n], 1);
}
static void put_string(struct base_buf *b, const char *s, int precision, int width, bool left)
{
    if (!s) s = "(null)";
    size_t n = 0;
    while ((precision < 0 || n < (size_t)precision) && s[n]) n++;
    if (!left) pad(b, width - (int)n, ' ');
    base_putn(b, s, n);
    if (left) pad(b, width - (int)n, ' ');
}

void base_vputf(struct base_buf *b, const char *fmt, va_list ap)
{
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            base_putn(b, fmt, 1);
            continue;
        }
        bool left = false;
        char fill = ' ';
        int width = 0, precision = -1, longs = 0;
        fmt++;
        if (*fmt == '-') left = true, fmt++;
        if (*fmt == '0') fill = '0', fmt++;
        if (*fmt == '*') width = va_arg(ap, int), fmt++;
        while (*fmt >= '0' && *fmt <= '9') width = width * 10 + (*fmt++ - '0');
        if (*fmt == '.') {
            fmt++;
            precision = 0;
            if (*fmt == '*') precision = va_arg(ap, int), fmt++;
            while (*fmt >= '0' && *fmt <= '9') precision = precision * 10 + (*fmt++ - '0');
        }
        while (*fmt == 'l' || *fmt == 'z') longs++, fmt++;
        switch (*fmt) {
        case 's': put_string(b, va_arg(ap, const char *), precision, width, left); break;
        case 'c': {
            const char c = (char)va_arg(ap, int);
            base_putn(b, &c, 1);
            break;
        }
        case 'd': {
            const int64_t v = longs ? va_arg(ap, long) : va_arg(ap, int);
            put_number(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10, width, fill);
            break;
        }
        case 'u':
            put_number(b, longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned), false, 10, width, fill);
            break;
        case 'x':
            put_number(b, longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned), false, 16, width, fill);
            break;
        case 'p':
            base_puts(b, "0x");
            put_number(b, (uintptr_t)va_arg(ap, void *), false, 16, width, '0');
            break;
        case '%': base_putn(b, "%", 1); break;
        default: base_puts(b, "%?"); return;
        }
    }
}
void base_putf(struct base_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    base_vputf(b, fmt, ap);
    va_end(ap);
}
void base_say(const char *fmt, ...)
{
    BASE_BUF(b, 1024);
    base_puts(&b, "ravel: ");
    va_list ap;
    va_start(ap, fmt);
    base_vputf(&b, fmt, ap);
    va_end(ap);
    if (b.truncated) b.n = b.cap - 2;
    b.p[b.n++] = '\n';
    sys_write_all(2, b.p, b.n);
}
size_t base_strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) n++;
    return n;
}
int base_strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++)
        if (*a != *b || !*a) return (unsigned char)*a - (unsigned char)*b;
    return 0;
}
int base_strcmp(const char *a, const char *b) { return base_strncmp(a, b, SIZE_MAX); }
