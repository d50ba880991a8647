// detector/lockorder.c: the topological order of the lock-order graph's components (lockgraph.h: (1) and (2)).
//
// An edge x -> y against the order concerns only the components between y and x: those that reach x and those that y
// reaches. They share out the places they have: first who reaches x, last whom y reaches (Pearce, Kelly, JEA 2007). Who
// does both is on a cycle with the new edge, and all of those become one component, in between.
// Everything here is guarded by the graph's lock.
#include "base/arena.h"
#include "detector/lockgraph.h"

static struct graph_vertex *at(uint32_t v) { return &graph_vertices[v]; }
static uint32_t rep(uint32_t v) { return at(v)->rep; }
static uint32_t last_mark, last_place, renumber_at;

#ifdef RAVEL_TINY
static const uint32_t MARKS = 200, PLACES = 60; // they run out, and are given anew, all the time
#else
static const uint32_t MARKS = UINT32_MAX, PLACES = UINT32_MAX;
#endif

void graph_list_push(struct graph_list *l, uint32_t v)
{
    if (l->n == l->cap) {
        const uint32_t cap = l->cap ? 2 * l->cap : 64;
        uint32_t *grown = base_alloc(cap * sizeof *grown);
        for (uint32_t i = 0; i < l->n; i++) grown[i] = l->at[i];
        base_free(l->at, l->cap * sizeof *grown);
        l->at = grown;
        l->cap = cap;
    }
    l->at[l->n++] = v;
}

struct neighbours { // visits what a component leads to, or what leads to it
    uint32_t mark;
    struct graph_list *found; // components, each once
};
static void meet(struct neighbours *n, uint32_t v)
{
    if (!v || at(rep(v))->mark == n->mark) return;
    at(rep(v))->mark = n->mark;
    graph_list_push(n->found, rep(v));
}
static void meet_after(struct neighbours *n, uint32_t v)
{
    for (uint32_t k = at(v)->kids; k; k = at(v)->is_lock ? at(k)->next_of_lock : at(k)->next_kid) meet(n, k);
    if (at(v)->is_lock) return;
    for (uint32_t e = at(v)->edges; e; e = graph_edges[e].out_next) meet(n, graph_edge_lock(e));
}
static void meet_before(struct neighbours *n, uint32_t v)
{
    meet(n, at(v)->parent);
    meet(n, at(v)->lock);
    if (!at(v)->is_lock) return;
    for (uint32_t e = at(v)->edges; e; e = graph_edges[e].in_next) meet(n, graph_edge_chain(e));
}
// The components reached from component `start` forwards (backwards) that are not after (before) the limit, into *out.
static void reach(uint32_t start, uint32_t limit, bool forwards, struct graph_list *out)
{
    static struct graph_list met; // guarded by lock
    struct neighbours n = {graph_marks_new(1), &met};
    met.n = out->n = 0;
    meet(&n, start);
    while (met.n) {
        const uint32_t r = met.at[--met.n];
        if (forwards ? at(r)->order > limit : at(r)->order < limit) continue;
        graph_list_push(out, r);
        for (uint32_t v = r; v; v = at(v)->member) forwards ? meet_after(&n, v) : meet_before(&n, v);
    }
}
static void sift_down(uint32_t *a, uint32_t root, uint32_t n)
{
    for (uint32_t kid; (kid = 2 * root + 1) < n; root = kid) {
        if (kid + 1 < n && at(a[kid])->order < at(a[kid + 1])->order) kid++;
        if (at(a[root])->order >= at(a[kid])->order) return;
        const uint32_t t = a[root];
        a[root] = a[kid];
        a[kid] = t;
    }
}
static void sort_by_order(struct graph_list *l)
{
    for (uint32_t i = l->n / 2; i-- > 0;) sift_down(l->at, i, l->n);
    for (uint32_t n = l->n; n-- > 1;) {
        const uint32_t t = l->at[0];
        l->at[0] = l->at[n];
        l->at[n] = t;
        sift_down(l->at, 0, n);
    }
}
// All members of component `from` become members of `into`.
static void merge(uint32_t into, uint32_t from)
{
    uint32_t v = from;
    for (;; v = at(v)->member) {
        at(v)->rep = into;
        if (!at(v)->member) break;
    }
    at(v)->member = at(into)->member;
    at(into)->member = from;
}
// Gives the concerned components their places anew: first those that only reach x, then the merged one, last those that
// y only reaches, each group in the order that it had.
static void rearrange(struct graph_list *all, uint32_t only_before, uint32_t merged)
{
    static struct graph_list places; // guarded by lock
    sort_by_order(all);
    places.n = 0;
    for (uint32_t i = 0; i < all->n; i++) graph_list_push(&places, at(all->at[i])->order);
    uint32_t first = 0, last = all->n;
    for (uint32_t i = 0; i < all->n; i++)
        if (at(all->at[i])->tag == only_before) at(all->at[i])->order = places.at[first++];
    for (uint32_t i = all->n; i-- > 0;)
        if (at(all->at[i])->tag == only_before + 2) at(all->at[i])->order = places.at[--last];
    if (merged) at(merged)->order = places.at[first];
}
// The edge x -> y was added: mends the order, and merges the components that are on one cycle now.
void graph_order_insert(uint32_t x, uint32_t y)
{
    static struct graph_list all, after; // guarded by lock
    const uint32_t rx = rep(x), ry = rep(y);
    if (rx == ry || at(rx)->order < at(ry)->order) return;
    reach(rx, at(ry)->order, false, &all);
    reach(ry, at(rx)->order, true, &after);
    // tag tells: reaches x, is reached from y, or (on a cycle) both
    const uint32_t only_after = graph_marks_new(3), both = only_after - 1, only_before = only_after - 2;
    for (uint32_t i = 0; i < all.n; i++) at(all.at[i])->tag = only_before;
    uint32_t merged = 0;
    for (uint32_t i = 0; i < after.n; i++) {
        const uint32_t r = after.at[i];
        if (at(r)->tag == only_before) {
            at(r)->tag = both;
            if (!merged) merged = r;
        } else {
            at(r)->tag = only_after;
            graph_list_push(&all, r);
        }
    }
    rearrange(&all, only_before, merged);
    for (uint32_t i = 0; i < all.n; i++)
        if (at(all.at[i])->tag == both && all.at[i] != merged) merge(merged, all.at[i]);
}
uint32_t graph_marks_new(uint32_t n)
{
    if (unlikely(last_mark >= MARKS - n)) {
        for (uint32_t v = 1; v < graph_used; v++) at(v)->mark = at(v)->tag = 0;
        last_mark = 0;
    }
    return last_mark += n;
}
// Closes the gaps between places.
static COLD void renumber(void)
{
    static struct graph_list all; // guarded by lock
    all.n = 0;
    for (uint32_t v = 1; v < graph_used; v++)
        if (rep(v) == v) graph_list_push(&all, v);
    sort_by_order(&all);
    for (uint32_t i = 0; i < all.n; i++) at(all.at[i])->order = i + 1;
    last_place = all.n;
    renumber_at = last_place > PLACES / 2 ? 2 * last_place : PLACES;
}
uint32_t graph_order_last(void)
{
    if (unlikely(last_place >= renumber_at)) renumber();
    return ++last_place;
}
void graph_order_reset(void) { last_mark = last_place = renumber_at = 0; }
// v is taken out of its component, which may be left with a representative less.
void graph_order_leave(uint32_t v)
{
    const uint32_t heir = at(v)->member;
    if (rep(v) != v) {
        uint32_t p = rep(v);
        while (at(p)->member != v) p = at(p)->member;
        at(p)->member = heir;
    } else if (heir) {
        at(heir)->order = at(v)->order;
        for (uint32_t m = heir; m; m = at(m)->member) at(m)->rep = heir;
    }
}
