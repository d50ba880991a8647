// base/print.h: formatting without stdio: into a caller's buffer, then out by write(2).
// Understands %s %.*s %c %d %u %ld %lu %lld %llu %zu %x %lx %p %% and zero-padded / spaced widths (%08x, %5d, %-10s).
#ifndef BASE_PRINT_H
#define BASE_PRINT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct base_buf {
    char *p;        // always NUL-terminated while cap > 0
    size_t n;       // bytes written, without the NUL
    size_t cap;     // of p, including the NUL
    bool truncated; // something did not fit
};
#define BASE_BUF(name, bytes)                                                                                          \
    char name##_storage[bytes];                                                                                        \
    struct base_buf name = {name##_storage, 0, bytes, false}

void base_putf(struct base_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void base_vputf(struct base_buf *b, const char *fmt, va_list ap);
void base_puts(struct base_buf *b, const char *s);
void base_putn(struct base_buf *b, const char *s, size_t n);
// One line to stderr (or where log_path says, see flags): "ravel: " + text + newline, in one write.
void base_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

size_t base_strlen(const char *s);
int base_strcmp(const char *a, const char *b);
int base_strncmp(const char *a, const char *b, size_t n);

#endif
