// buf.c: text that grows: what logs and published variables are written with.
//
// The room doubles, so that n bytes cost n copies at most twice over. Its memory is the runtime's own (small.c), and the text always ends in a
// NUL, which is not counted.
#include <stdarg.h>
#include <stdio.h>

#include "base/print.h"
#include "runtime/chan.h"
#include "runtime/small.h"

enum { FIRST = 256 };

static char *get(size_t bytes)
{
    struct rv__g *const g = rv__enter();
    char *const p = rv__small_get(rv__small_here(), bytes);
    rv__leave(g);
    if (!p) rv__fatal("out of memory: a text of %lu bytes", bytes);
    return p;
}
static void put(char *p, size_t bytes)
{
    struct rv__g *const g = rv__enter();
    if (p) rv__small_put(rv__small_here(), p, bytes);
    rv__leave(g);
}
// Room for n bytes more, and the NUL.
static char *room_for(rv_buf *b, size_t n)
{
    size_t room = b->room ? b->room : FIRST;
    while (room - b->n <= n) room *= 2;
    if (room != b->room) {
        char *const p = get(room);
        rv__copy(p, b->text, b->n);
        put(b->text, b->room);
        b->text = p;
        b->room = room;
    }
    return b->text + b->n;
}
void rv_buf_add(rv_buf *b, const void *bytes, size_t n)
{
    rv__copy(room_for(b, n), bytes, n);
    b->n += n;
    b->text[b->n] = 0;
}
void rv_buf_puts(rv_buf *b, const char *text) { rv_buf_add(b, text, base_strlen(text)); }
// By libc: outside of sections, for the program, which expects all conversions.
void rv_buf_printf(rv_buf *b, const char *format, ...)
{
    va_list ap;
    char *at = room_for(b, 0);
    va_start(ap, format);
    const int n = vsnprintf(at, b->room - b->n, format, ap);
    va_end(ap);
    if (n < 0) return;
    if ((size_t)n >= b->room - b->n) {
        at = room_for(b, (size_t)n);
        va_start(ap, format);
        vsnprintf(at, (size_t)n + 1, format, ap);
        va_end(ap);
    }
    b->n += (size_t)n;
}
// As many bytes from s on as are one character of UTF-8; 0: none.
static size_t utf8(const unsigned char *s)
{
    const size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if (s[i] >> 6 != 2) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0; // too long; half of a pair
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
    return n;
}
void rv_buf_json(rv_buf *b, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    rv_buf_puts(b, "\"");
    while (*s) {
        const size_t n = utf8(s);
        if (n == 0)
            rv_buf_puts(b, "\\ufffd");
        else if (*s == '"' || *s == '\\')
            rv_buf_add(b, (const char[]){'\\', (char)*s}, 2);
        else if (*s < ' ')
            rv_buf_printf(b, "\\u%04x", *s);
        else
            rv_buf_add(b, s, n);
        s += n ? n : 1;
    }
    rv_buf_puts(b, "\"");
}
void rv_buf_reset(rv_buf *b)
{
    b->n = 0;
    if (b->text) b->text[0] = 0;
}
void rv_buf_free(rv_buf *b)
{
    put(b->text, b->room);
    *b = (rv_buf){0};
}
