// detector/common.c: what all strands that live know: for each slot the least time in any clock.
//
// Naively that is strands times slots, and with 100,000 goroutines both are that many. But clocks are trees that share most of
// their nodes (clock.h), so all trees are walked at once, from the roots down: at each place in the tree the different nodes that
// some clock has there, each with how many clocks have it. Where two clocks have nothing nobody can have anything in common,
// and the walk ends: most of 100,000 goroutines do not know one another.
//
// A strand knows itself, although its clock does not say so. So the least time of a slot leaves its owner's clock out; that is why
// one clock without a node at a place does not end the walk, and why nodes are counted. Slots whose owner is
// gone have nobody to leave out. Threads that only carry others are not asked (event.h).
#include "detector/common.h"
#include "base/arena.h"
#include "detector/sweep.h"

struct branch {
    const struct clock_node *node; // NULL: knows nothing here
    uint32_t count;                // clocks that have it here
};
struct walk {
    uint32_t *common, nslots;
    const struct det_strand **owner; // by slot: who lives there, or NULL
    struct det_clock *waiting;       // clocks of strands that wait in a join: what they will know
    uint32_t nwaiting;
};
struct branches { // a set, as a hash table with open addressing, and a list
    struct branch *at;
    uint32_t n, cap; // cap: a power of two
    uint32_t *table; // 2 * cap: index + 1
};
static void branches_make(struct branches *b, uint32_t most)
{
    uint32_t cap = 4;
    while (cap < most) cap *= 2;
    *b = (struct branches){
        .at = base_alloc(cap * sizeof *b->at), .cap = cap, .table = base_alloc(2 * cap * sizeof *b->table)};
}
static void branches_free(struct branches *b)
{
    base_free(b->at, b->cap * sizeof *b->at);
    base_free(b->table, 2 * b->cap * sizeof *b->table);
}
static void branches_add(struct branches *b, const struct clock_node *node, uint32_t count)
{
    const uint32_t mask = 2 * b->cap - 1;
    uint32_t i = (uint32_t)((uintptr_t)node * 0x9E3779B97F4A7C15u >> 32) & mask;
    while (b->table[i] && b->at[b->table[i] - 1].node != node) i = (i + 1) & mask;
    if (!b->table[i]) {
        b->at[b->n] = (struct branch){.node = node};
        b->table[i] = ++b->n;
    }
    b->at[b->table[i] - 1].count += count;
}
// A tree is only as tall as it must be: above its root it is the leftmost child.
static const struct clock_node *kid(const struct clock_node *n, uint32_t level, uint32_t i)
{
    if (!n || n->level < level) return i == 0 ? n : NULL;
    return n->kids[i];
}

// ---- leaves --------------------------------------------------------------------------------------------------

static const struct clock_node *leaf_of(const struct det_strand *s, uint32_t slot)
{
    const struct clock_node *n = s->clock.root;
    if (!n || slot >> ((n->level + 1) * DET_FANOUT_BITS)) return NULL;
    for (; n && n->level; n = n->kids[slot >> n->level * DET_FANOUT_BITS & (DET_FANOUT - 1)]) {}
    return n;
}
static uint32_t least(const struct branches *b, uint32_t i, const struct clock_node *own, bool has_own)
{
    uint32_t time = UINT32_MAX;
    for (uint32_t k = 0; k < b->n && time; k++) {
        const struct branch *x = &b->at[k];
        if (has_own && x->node == own && x->count == 1) continue;
        const uint32_t t = x->node ? x->node->times[i] : 0;
        if (t < time) time = t;
    }
    return time;
}
static void leaf(struct walk *w, const struct branches *b, uint32_t base)
{
    for (uint32_t i = 0; i < DET_FANOUT && base + i < w->nslots; i++) {
        const struct det_strand *s = w->owner[base + i];
        w->common[base + i] = least(b, i, s ? leaf_of(s, base + i) : NULL, s != NULL);
    }
}

// ---- the walk ------------------------------------------------------------------------------------------------

// True when two clocks have nothing there.
static bool gather(const struct branches *from, uint32_t level, uint32_t i, struct branches *to)
{
    uint32_t without = 0;
    for (uint32_t k = 0; k < from->n; k++) {
        const struct clock_node *n = kid(from->at[k].node, level, i);
        if (!n && (without += from->at[k].count) > 1) return true;
        branches_add(to, n, from->at[k].count);
    }
    return false;
}
static bool hopeless(const struct branches *from, uint32_t level, uint32_t i)
{
    uint32_t without = 0;
    for (uint32_t k = 0; k < from->n && without < 2; k++)
        if (!kid(from->at[k].node, level, i)) without += from->at[k].count;
    return without > 1;
}
static void walk(struct walk *w, const struct branches *b, uint32_t level, uint32_t base)
{
    if (level == 0) {
        leaf(w, b, base);
        return;
    }
    for (uint32_t i = 0; i < DET_FANOUT; i++) {
        const uint32_t at = base + (i << level * DET_FANOUT_BITS);
        if (at >= w->nslots) return;
        if (hopeless(b, level, i)) continue;
        struct branches kids;
        branches_make(&kids, b->n);
        if (!gather(b, level, i, &kids)) walk(w, &kids, level - 1, at);
        branches_free(&kids);
    }
}

// ---- who waits -----------------------------------------------------------------------------------------------

// A strand that is blocked in a join knows what the other does once that returns. (What a signal handler or a cancellation
// makes it do before may miss a race with what the sweep forgot: the price of not keeping everything that threads do while
// main waits for them.)
enum { AWAIT_MAX = 64 }; // joins in a row
static const struct det_strand *awaited(const struct det_strand *s)
{
    const struct det_strand *next = base_load_acquire(&s->awaits); // acquire: pairs with det_strand_await
    // Its memory may be another strand's by now, or about to be: made by a thread in no section, its record unset.
    const struct det_strand_record *r = next ? base_load_acquire(&next->record) : NULL;
    return r && r->id == s->awaits_id ? next : NULL;
}
// All that s will know, itself and those whose end it waits for included.
static void will_know(const struct det_strand *s, struct det_clock *out)
{
    for (int depth = 0; s && depth < AWAIT_MAX; depth++, s = awaited(s)) {
        if (s->finished) {
            det_clock_join(out, &s->exit.clock);
            det_clock_raise(out, s->exit.slot, s->exit.time);
            return;
        }
        det_clock_join(out, &s->clock);
        det_clock_raise(out, s->slot, UINT32_MAX); // and what a former owner did: known before it took the slot
    }
}

static void collect(struct walk *w, struct branches *roots)
{
    for (const struct det_strand *s = det_strands; s; s = s->next) {
        if (!s->light && s->carrier->idle) continue; // see det_strand_carry
        if (!awaited(s)) {
            w->owner[s->slot] = s;
            branches_add(roots, s->clock.root, 1);
            continue;
        }
        struct det_clock *c = &w->waiting[w->nwaiting++];
        will_know(s, c);
        branches_add(roots, c->root, 1);
    }
}
void det_common_compute(uint32_t *common, uint32_t nslots)
{
    uint32_t live = 0;
    for (const struct det_strand *s = det_strands; s; s = s->next) live++;
    struct walk w = {.common = common, .nslots = nslots, .owner = base_alloc(nslots * sizeof *w.owner)};
    w.waiting = base_alloc(live * sizeof *w.waiting);
    struct branches roots;
    branches_make(&roots, live);
    collect(&w, &roots);
    uint32_t level = 0;
    while ((nslots - 1) >> ((level + 1) * DET_FANOUT_BITS)) level++;
    if (live) walk(&w, &roots, level, 0);
    branches_free(&roots);
    for (uint32_t i = 0; i < w.nwaiting; i++) det_clock_drop(&w.waiting[i]);
    base_free(w.waiting, live * sizeof *w.waiting);
    base_free(w.owner, nslots * sizeof *w.owner);
}
