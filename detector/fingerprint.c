// detector/fingerprint.c: what makes two reports the same bug, in any run on any machine.
//
// A side of a race is (function, file name, text of the source line): line numbers change with every edit elsewhere,
// the text does not. The two sides are sorted, since either may come first in a run. The object is the global's name,
// or where the block was allocated, in the same three words. Of a global's member, and of where in a block, only what
// the text of the lines says counts: an index is another one in every run. Directories do not count: checkouts differ.
// A cycle is its edges, rotated so that the least comes first.
#include "base/hash.h"
#include "detector/print.h"

enum { WORDS_MAX = 8192 };

// Adds the three words of a stack's top frame; without names, module and offset.
static void add_place(struct base_buf *b, const struct det_stack *stack)
{
    struct det_shown f;
    if (!det_frames_top(stack, &f)) {
        base_puts(b, "?\n");
        return;
    }
    if (!f.function && !f.path) {
        base_putf(b, "%s+%lx\n", f.place->module ? f.place->module->name : "", f.place->offset);
        return;
    }
    const char *name = f.path ? f.path : "";
    for (const char *p = name; *p; p++)
        if (*p == '/') name = p + 1;
    base_putf(b, "%s\n%s\n%s\n", f.function ? f.function : "", name, det_symbolize_line(f.path, f.line));
}
static uint64_t hash_of(const struct base_buf *b) { return base_hash(b->p, b->n); }
static uint64_t place_hash(const char *what, const struct det_stack *stack)
{
    BASE_BUF(b, WORDS_MAX);
    base_putf(&b, "%s\n", what);
    add_place(&b, stack);
    return hash_of(&b);
}

static uint64_t object_hash(const struct det_report *r, const struct det_global *g)
{
    BASE_BUF(b, WORDS_MAX);
    switch (r->location.where) {
    case DET_WHERE_HEAP: return place_hash("heap", &r->location.allocated);
    case DET_WHERE_STACK: return place_hash("stack", &r->strands[r->location.strand].created);
    case DET_WHERE_TLS: base_puts(&b, "tls"); break;
    case DET_WHERE_GLOBAL:
    case DET_WHERE_UNKNOWN:
        if (g->name) base_putf(&b, "global %s", g->name);
        break;
    }
    return hash_of(&b);
}
static uint64_t race_fingerprint(const struct det_report *r, const struct det_global *g)
{
    uint64_t a = place_hash("", &r->side[0].stack), b = place_hash("", &r->side[1].stack);
    if (a > b) {
        const uint64_t t = a;
        a = b;
        b = t;
    }
    const uint64_t words[] = {(uint64_t)r->kind, a, b, object_hash(r, g)};
    return base_hash(words, sizeof words);
}

static uint64_t lock_hash(const struct det_lock_info *l)
{
    const struct det_global g = det_symbolize_data(l->addr);
    return g.name ? base_hash(g.name, base_strlen(g.name)) : place_hash("lock", &l->created);
}
static uint64_t edge_hash(const struct det_report *r, const struct det_edge *e)
{
    const uint64_t words[] = {lock_hash(&r->locks[e->from]), lock_hash(&r->locks[e->to]),
                              place_hash("", &e->from_stack), place_hash("", &e->to_stack)};
    return base_hash(words, sizeof words);
}
// Does the rotation that starts at a come before the one that starts at b?
static bool rotation_less(const uint64_t *edge, uint32_t n, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t x = edge[(a + i) % n], y = edge[(b + i) % n];
        if (x != y) return x < y;
    }
    return false;
}
static uint64_t cycle_fingerprint(const struct det_report *r)
{
    const uint32_t n = r->nedges;
    uint64_t *edge = base_alloc((n + 1) * sizeof *edge);
    for (uint32_t i = 0; i < n; i++) edge[i] = edge_hash(r, &r->edges[i]);
    uint32_t first = 0;
    for (uint32_t i = 1; i < n; i++)
        if (rotation_less(edge, n, i, first)) first = i;
    uint64_t h = (uint64_t)r->kind;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t words[] = {h, edge[(first + i) % n]};
        h = base_hash(words, sizeof words);
    }
    base_free(edge, (n + 1) * sizeof *edge);
    return h;
}
uint64_t det_fingerprint(const struct det_report *r, const struct det_global *global)
{
    return r->kind == DET_REPORT_LOCK_CYCLE ? cycle_fingerprint(r) : race_fingerprint(r, global);
}
