// detector/symbolize.c: asks the symboliser, and remembers what it said.
// A place is remembered by module and offset, so that modules may come and go; a global by its range of addresses,
// until the list of modules is read again.
#include "detector/symbolize.h"

#include "base/hash.h"
#include "base/print.h"
#include "detector/modules.h"
#include "detector/symbolize_process.h"

enum { REQUEST_MAX = 8192, GLOBALS_MAX = 4096, SYMBOLS_MAX = 64 };

struct place_key {
    const struct det_module *module;
    uintptr_t offset;
};
struct known_place {
    UT_hash_handle hh;
    struct place_key key;
    struct det_place place;
};
static struct known_place *places;
struct extent {
    uintptr_t start;
    size_t size;
};
static struct extent globals[GLOBALS_MAX]; // those found since the last refresh
static uint32_t nglobals;
struct known_line {
    UT_hash_handle hh;
    struct {
        const char *file; // interned
        uint64_t line;
    } key;
    const char *text;
};
static struct known_line *lines;

void det_symbolize_start(void) { det_symbolizer_configure(); }
void det_symbolize_stop(void) { det_symbolizer_stop(); }
void det_symbolize_forked(void) { det_symbolizer_forked(); }
void det_symbolize_refresh(void)
{
    det_modules_refresh();
    nglobals = 0;
}

// ---- reading answers -----------------------------------------------------------------------------------------

// The next field of an answer; the tab or newline after it is passed over. Never NULL.
static const char *field(const char **p, size_t *n)
{
    const char *const from = *p;
    while (**p && **p != '\t' && **p != '\n') (*p)++;
    *n = (size_t)(*p - from);
    if (**p) (*p)++;
    return from;
}
static const char *text_field(const char **p)
{
    size_t n;
    const char *const s = field(p, &n);
    return n ? det_intern(s, n) : NULL;
}
static uint64_t number_field(const char **p, unsigned radix)
{
    size_t n;
    const char *const s = field(p, &n);
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v * radix + (unsigned)(s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10);
    return v;
}
static const char *ask_module(char kind, const struct det_module *m, uintptr_t offset)
{
    BASE_BUF(b, REQUEST_MAX);
    for (const char *p = m->path; *p; p++)
        if (*p == '\n') return NULL; // no such request can be written
    base_putf(&b, "%c %lx %s %s\n", kind, offset, m->build_id[0] ? m->build_id : "-", m->path);
    return b.truncated ? NULL : det_symbolizer_ask(b.p, b.n);
}

// ---- code ----------------------------------------------------------------------------------------------------

static void fill(struct det_place *place, const char *answer)
{
    struct det_symbol sym[SYMBOLS_MAX];
    uint32_t n = 0;
    while (answer && *answer && n < SYMBOLS_MAX) {
        struct det_symbol *const s = &sym[n++];
        s->function = text_field(&answer);
        s->file = text_field(&answer);
        s->line = (uint32_t)number_field(&answer, 10);
        s->column = (uint32_t)number_field(&answer, 10);
    }
    place->nsyms = n;
    place->sym = n ? base_alloc(n * sizeof *sym) : NULL;
    for (uint32_t i = 0; i < n; i++) place->sym[i] = sym[i];
}
const struct det_place *det_symbolize_code(uintptr_t pc)
{
    struct place_key key = {NULL, 0};
    key.module = det_modules_find(pc, &key.offset);
    struct known_place *k;
    HASH_FIND(hh, places, &key, sizeof key, k);
    if (k) return &k->place;
    k = base_alloc(sizeof *k);
    k->key = key;
    k->place.module = key.module;
    k->place.offset = key.offset;
    if (key.module) fill(&k->place, ask_module('C', key.module, key.offset));
    HASH_ADD(hh, places, key, sizeof key, k);
    return &k->place;
}

// ---- data ----------------------------------------------------------------------------------------------------

struct det_global det_symbolize_data(uintptr_t addr)
{
    struct det_global g = {.member = ""};
    g.module = det_modules_find(addr, &g.offset);
    const char *p = g.module ? ask_module('D', g.module, g.offset) : NULL;
    if (!p || !*p) return g;
    g.name = text_field(&p);
    g.start = number_field(&p, 16) + (addr - g.offset);
    g.size = number_field(&p, 10);
    const char *const member = text_field(&p);
    if (member) g.member = member;
    g.file = text_field(&p);
    g.line = (uint32_t)number_field(&p, 10);
    return g;
}
uintptr_t det_symbolize_object(uintptr_t addr)
{
    for (uint32_t i = 0; i < nglobals; i++)
        if (addr - globals[i].start < globals[i].size) return globals[i].start;
    const struct det_global g = det_symbolize_data(addr);
    if (g.name && nglobals < GLOBALS_MAX) globals[nglobals++] = (struct extent){g.start, g.size};
    return g.name ? g.start : 0;
}

// ---- source --------------------------------------------------------------------------------------------------

static const char *read_line(const char *file, uint32_t line)
{
    BASE_BUF(b, REQUEST_MAX);
    base_putf(&b, "L %u %s\n", line, file);
    const char *p = b.truncated ? NULL : det_symbolizer_ask(b.p, b.n);
    size_t n;
    if (!p || *p++ != '=') return "";
    const char *const text = field(&p, &n);
    return det_intern(text, n);
}
const char *det_symbolize_line(const char *file, uint32_t line)
{
    if (!file || !line) return "";
    struct known_line *k, fresh = {.key = {file, line}};
    HASH_FIND(hh, lines, &fresh.key, sizeof fresh.key, k);
    if (k) return k->text;
    k = base_alloc(sizeof *k);
    k->key = fresh.key;
    k->text = read_line(file, line);
    HASH_ADD(hh, lines, key, sizeof k->key, k);
    return k->text;
}
