#include "detector/lockgraph.h"
#include "base/arena.h"
#include "base/sys.h"

struct graph_vertex *graph_vertices; // [0] unused
struct graph_edge *graph_edges;      // beside graph_edge_pairs
struct det_pairs graph_edge_pairs;
uint32_t graph_used;

static struct base_lock lock;    // guards all of the graph
static uint32_t free_list;       // freed vertices, linked through member
static uint32_t *chain_vertices; // by chain node
static struct base_pool label_pool = {.size = sizeof(struct graph_label)};
static uint64_t forgotten;
// The labels of one strand on one edge in one mode, by (edge, strand << 1 | read).
static struct det_pairs owners;
static struct graph_owner {
    struct graph_label *newest;
    uint32_t n;
} * owner_data; // beside owners

// How many labels one strand keeps on an edge in a mode, and how many all finished strands together: the newest. A newer
// label closes every future two-lock cycle that an older one of the same strand could.
enum { OWN_MAX = 16, FINISHED_MAX = 64 };
// How many chain vertices are kept for the edges out of them although one of their locks is gone.
enum { FADING_MAX = 4096 };
static uint32_t fading_first, fading_last, nfading; // oldest first

// ---- vertices ------------------------------------------------------------------------------------------------

static struct graph_vertex *at(uint32_t v) { return &graph_vertices[v]; }
static uint32_t rep(uint32_t v) { return at(v)->rep; }
static uint32_t order(uint32_t v) { return at(rep(v))->order; }

static bool set_up(void)
{
    if (likely(graph_vertices != NULL)) return true;
    graph_edges = sys_reserve((size_t)DET_PAIRS_MAX * sizeof *graph_edges);
    owner_data = sys_reserve((size_t)DET_PAIRS_MAX * sizeof *owner_data);
    chain_vertices = sys_reserve((size_t)DET_PAIRS_MAX * sizeof *chain_vertices);
    graph_vertices = sys_reserve((size_t)DET_PAIRS_MAX * sizeof *graph_vertices);
    const bool room = graph_edges && owner_data && chain_vertices && graph_vertices;
    CHECK(room && "no address space for the lock-order graph");
    graph_used = 1;
    return room;
}
// A fresh vertex is last in the order, so it may at once have edges in from those that exist.
static uint32_t vertex_new(uint32_t name, bool is_lock)
{
    uint32_t v = free_list;
    if (v)
        free_list = at(v)->member;
    else
        v = graph_used++;
    CHECK(v < DET_PAIRS_MAX);
    *at(v) = (struct graph_vertex){.order = graph_order_last(), .rep = v, .name = name, .is_lock = is_lock};
    return v;
}
// 0 when the lock is gone.
static uint32_t lock_vertex(uint32_t name)
{
    struct det_lock_name *n = &det_lock_names[name];
    if (name == 0 || base_load_relaxed(&n->gone)) return 0; // relaxed: also set under the graph's lock, or by its user
    if (!n->vertex) n->vertex = vertex_new(name, true);
    return n->vertex;
}
static uint32_t chain_vertex_new(uint32_t chain, uint32_t parent)
{
    const uint32_t l = lock_vertex(det_chain_lock(chain));
    const uint32_t v = vertex_new(chain, false);
    at(v)->lock = l;
    if (l) {
        at(v)->next_of_lock = at(l)->kids;
        if (at(l)->kids) at(at(l)->kids)->prev_of_lock = v;
        at(l)->kids = v;
    }
    at(v)->parent = parent;
    if (parent) {
        at(v)->next_kid = at(parent)->kids;
        if (at(parent)->kids) at(at(parent)->kids)->prev_kid = v;
        at(parent)->kids = v;
    }
    return chain_vertices[chain] = v;
}
// The vertex of the chain node; made, with those of the nodes below it.
static uint32_t chain_vertex(uint32_t chain)
{
    static struct graph_list todo; // guarded by lock
    todo.n = 0;
    uint32_t c = chain;
    for (; c && !chain_vertices[c]; c = det_chain_below(c)) graph_list_push(&todo, c);
    uint32_t v = c ? chain_vertices[c] : 0;
    while (todo.n) v = chain_vertex_new(todo.at[--todo.n], v);
    return v;
}

// ---- slots that labels name ------------------------------------------------------------------------------------

static struct slot_use {
    uint32_t labels, last; // how many; the last time that any named
} * slots;
static uint32_t slots_cap;

static void slot_named(uint32_t slot, uint32_t time)
{
    if (slot >= slots_cap) {
        uint32_t cap = slots_cap ? slots_cap : 64;
        while (cap <= slot) cap *= 2;
        struct slot_use *grown = base_alloc(cap * sizeof *grown);
        for (uint32_t i = 0; i < slots_cap; i++) grown[i] = slots[i];
        base_free(slots, slots_cap * sizeof *grown);
        slots = grown;
        slots_cap = cap;
    }
    slots[slot].labels++;
    if (slots[slot].last < time) slots[slot].last = time;
}
static void slot_unnamed(uint32_t slot) { slots[slot].labels--; }

// ---- labels --------------------------------------------------------------------------------------------------

static struct graph_owner *owner_find(const struct graph_label *l, uint32_t *index)
{
    *index = det_pairs_find(&owners, l->edge, l->strand->id << 1 | l->read);
    return &owner_data[*index];
}
static void label_remove(struct graph_label *l)
{
    l->strand->labels--;
    struct graph_edge *e = &graph_edges[l->edge];
    if (l->next) l->next->prev = l->prev;
    if (l->prev)
        l->prev->next = l->next;
    else
        e->labels = l->next;
    e->nlabels--;
    uint32_t index;
    struct graph_owner *o = owner_find(l, &index);
    struct graph_label **p = &o->newest;
    while (*p != l) p = &(*p)->older;
    *p = l->older;
    if (--o->n == 0) det_pairs_remove(&owners, index);
    slot_unnamed(l->slot);
    det_clock_drop(&l->must);
    base_pool_put(&label_pool, l);
}
static void label_add(struct graph_label *l, struct graph_owner *o)
{
    struct graph_edge *e = &graph_edges[l->edge];
    l->next = e->labels;
    if (l->next) l->next->prev = l;
    e->labels = l;
    e->nlabels++;
    l->older = o->newest;
    o->newest = l;
    o->n++;
    l->strand->labels++;
}
static void trim_own(const struct graph_owner *o)
{
    if (o->n <= OWN_MAX) return;
    struct graph_label *oldest = o->newest;
    while (oldest->older) oldest = oldest->older;
    label_remove(oldest);
    forgotten++;
}
static void trim_finished(struct graph_edge *e)
{
    if (e->nlabels < e->trim_at) return;
    uint32_t finished = 0;
    for (struct graph_label *l = e->labels, *next; l; l = next) {
        next = l->next;
        if (!base_load_relaxed(&l->strand->finished) || ++finished <= FINISHED_MAX) continue; // relaxed: only a limit
        label_remove(l);
        forgotten++;
    }
    e->trim_at = 2 * (e->nlabels + FINISHED_MAX);
}
// The label of this request; NULL when the graph knows all of it already.
static const struct graph_label *label_note(struct det_strand *s, const struct det_want *w, uint32_t edge)
{
    bool made;
    const uint32_t index = det_pairs_intern(&owners, edge, s->record->id << 1 | w->read, &made);
    if (!index) return NULL;
    struct graph_owner *o = &owner_data[index];
    if (made) *o = (struct graph_owner){0};
    struct graph_label *l = o->newest;
    if (l && l->published == s->must_published) return NULL;
    slot_named(s->slot, s->time);
    if (l && l->must.root == s->must.root) {
        slot_unnamed(l->slot);
    } else {
        l = base_pool_get(&label_pool);
        *l = (struct graph_label){
            .strand = s->record, .edge = edge, .sites = w->sites, .stack = w->stack, .read = w->read};
        det_clock_copy(&l->must, &s->must);
        label_add(l, o);
        trim_own(o);
        trim_finished(&graph_edges[edge]);
    }
    l->slot = s->slot;
    l->time = s->time;
    l->published = s->must_published;
    det_stamped(s);
    return l;
}

// ---- edges ---------------------------------------------------------------------------------------------------

static uint32_t edge_get(uint32_t chain, uint32_t name)
{
    const uint32_t x = chain_vertex(chain), y = lock_vertex(name);
    if (!x || !y) return 0;
    bool made;
    const uint32_t e = det_pairs_intern(&graph_edge_pairs, x, y, &made);
    if (!made) return e;
    struct graph_edge *d = &graph_edges[e];
    *d = (struct graph_edge){.trim_at = 2 * FINISHED_MAX, .out_next = at(x)->edges, .in_next = at(y)->edges};
    if (d->out_next) graph_edges[d->out_next].out_prev = e;
    if (d->in_next) graph_edges[d->in_next].in_prev = e;
    at(x)->edges = at(y)->edges = e;
    graph_order_insert(x, y);
    return e;
}
static void edge_remove(uint32_t e)
{
    struct graph_edge *d = &graph_edges[e];
    while (d->labels) label_remove(d->labels);
    if (d->out_next) graph_edges[d->out_next].out_prev = d->out_prev;
    if (d->in_next) graph_edges[d->in_next].in_prev = d->in_prev;
    if (d->out_prev)
        graph_edges[d->out_prev].out_next = d->out_next;
    else
        at(graph_edge_chain(e))->edges = d->out_next;
    if (d->in_prev)
        graph_edges[d->in_prev].in_next = d->in_next;
    else
        at(graph_edge_lock(e))->edges = d->in_next;
    det_pairs_remove(&graph_edge_pairs, e);
}

// ---- locks that go --------------------------------------------------------------------------------------------
// An edge into a lock that is gone, or out of a set all of whose locks are gone, is on no cycle any more. If only
// some of the set are gone, the edges from the others still count. A program that makes, takes and destroys locks
// without end while it holds another one leaves such sets without end; so the oldest of them are given up.

static void vertex_free(uint32_t v)
{
    graph_order_leave(v);
    *at(v) = (struct graph_vertex){.member = free_list};
    free_list = v;
}
static void fading_remove(uint32_t v)
{
    const uint32_t next = at(v)->next_fading, prev = at(v)->prev_fading;
    *(next ? &at(next)->prev_fading : &fading_last) = prev;
    *(prev ? &at(prev)->next_fading : &fading_first) = next;
    at(v)->fading = false;
    nfading--;
}
static void fading_add(uint32_t v)
{
    at(v)->fading = true;
    at(v)->next_fading = 0;
    at(v)->prev_fading = fading_last;
    *(fading_last ? &at(fading_last)->next_fading : &fading_first) = v;
    fading_last = v;
    nfading++;
}
// Frees the chain vertex, and then those that it continued, if nothing needs it.
static void chain_vertex_prune(uint32_t v)
{
    for (uint32_t parent; v && !at(v)->kids && !at(v)->edges; v = parent) {
        struct graph_vertex *c = at(v);
        parent = c->parent;
        if (c->next_kid) at(c->next_kid)->prev_kid = c->prev_kid;
        if (c->next_of_lock) at(c->next_of_lock)->prev_of_lock = c->prev_of_lock;
        if (c->prev_kid)
            at(c->prev_kid)->next_kid = c->next_kid;
        else if (parent)
            at(parent)->kids = c->next_kid;
        if (c->prev_of_lock)
            at(c->prev_of_lock)->next_of_lock = c->next_of_lock;
        else if (c->lock)
            at(c->lock)->kids = c->next_of_lock;
        if (c->fading) fading_remove(v);
        chain_vertices[c->name] = 0;
        vertex_free(v);
    }
}
static void chain_vertex_clear(uint32_t v)
{
    if (at(v)->fading) fading_remove(v);
    while (at(v)->edges) edge_remove(at(v)->edges);
    chain_vertex_prune(v);
}
static bool any_lock_left(uint32_t chain_vertex)
{
    for (uint32_t v = chain_vertex; v; v = at(v)->parent)
        if (at(v)->lock) return true;
    return false;
}
// All chain vertices that continue v, and v, parents first.
static void subtree(uint32_t v, struct graph_list *out)
{
    out->n = 0;
    graph_list_push(out, v);
    for (uint32_t i = 0; i < out->n; i++)
        for (uint32_t k = at(out->at[i])->kids; k; k = at(k)->next_kid) graph_list_push(out, k);
}
// One of the locks of the chain vertex is gone.
static void fade(uint32_t v)
{
    if (!at(v)->rep || !at(v)->edges) return;
    if (!any_lock_left(v))
        chain_vertex_clear(v);
    else if (!at(v)->fading)
        fading_add(v);
}
static void lock_vertex_remove(uint32_t v)
{
    static struct graph_list concerned; // guarded by lock
    while (at(v)->edges) {
        const uint32_t c = graph_edge_chain(at(v)->edges);
        edge_remove(at(v)->edges);
        chain_vertex_prune(c);
    }
    for (uint32_t k; (k = at(v)->kids) != 0;) {
        at(v)->kids = at(k)->next_of_lock;
        at(k)->lock = at(k)->next_of_lock = at(k)->prev_of_lock = 0;
        if (at(v)->kids) at(at(v)->kids)->prev_of_lock = 0;
        subtree(k, &concerned);
        for (uint32_t i = concerned.n; i-- > 0;) fade(concerned.at[i]);
    }
    vertex_free(v);
    while (nfading > FADING_MAX) {
        const uint32_t oldest = fading_first;
        for (uint32_t e = at(oldest)->edges; e; e = graph_edges[e].out_next) forgotten += graph_edges[e].nlabels;
        chain_vertex_clear(oldest);
    }
}

// ---- what locks.c calls --------------------------------------------------------------------------------------

struct det_cycle *det_lockgraph_want(struct det_strand *s, const struct det_want *w)
{
    struct det_cycle *found = NULL;
    base_lock(&lock);
    const uint32_t e = set_up() ? edge_get(w->chain, w->lock) : 0;
    const struct graph_label *l = e ? label_note(s, w, e) : NULL;
    if (l && rep(graph_edge_chain(e)) == rep(graph_edge_lock(e))) graph_search(l, &found);
#ifdef RAVEL_DEEP
    det_lockgraph_check();
#endif
    base_unlock(&lock);
    return found;
}
void det_lockgraph_gone(uint32_t name)
{
    struct det_lock_name *n = &det_lock_names[name];
    base_store_relaxed(&n->gone, true);         // relaxed: who still asks for it races with its destruction
    if (!base_load_relaxed(&n->vertex)) return; // relaxed: as above; most locks are never taken with another one
    base_lock(&lock);
    lock_vertex_remove(n->vertex);
    n->vertex = 0;
#ifdef RAVEL_DEEP
    det_lockgraph_check();
#endif
    base_unlock(&lock);
}
void det_locks_each_epoch(void (*fn)(uint32_t slot, uint32_t time, void *ctx), void *ctx)
{
    for (uint32_t i = 0; i < slots_cap; i++)
        if (slots[i].labels) fn(i, slots[i].last, ctx);
}
void det_lockgraph_mark(void)
{
    for (uint32_t v = 1; v < graph_used; v++)
        if (at(v)->rep && !at(v)->is_lock) det_locks_mark(at(v)->name);
}
void det_lockgraph_stats(struct det_lockgraph_stats *out)
{
    base_lock(&lock);
    *out =
        (struct det_lockgraph_stats){.edges = graph_edge_pairs.live, .labels = label_pool.live, .forgotten = forgotten};
    for (uint32_t v = 1; v < graph_used; v++) out->vertices += at(v)->rep != 0;
    graph_search_stats(out);
    base_unlock(&lock);
}
static void check_edge(uint32_t u, uint32_t v) { CHECK(rep(u) == rep(v) || order(u) < order(v)); }
void det_lockgraph_check(void)
{
    for (uint32_t v = 1; v < graph_used; v++) {
        if (!at(v)->rep) continue;
        CHECK(rep(rep(v)) == rep(v));
        CHECK(at(v)->is_lock || at(v)->kids || at(v)->edges);
        if (at(v)->parent) check_edge(at(v)->parent, v);
        if (at(v)->lock) check_edge(at(v)->lock, v);
        if (at(v)->is_lock)
            for (uint32_t e = at(v)->edges; e; e = graph_edges[e].in_next) check_edge(graph_edge_chain(e), v);
    }
}
void det_lockgraph_reset(void)
{
    for (uint32_t e = 1; e < graph_edge_pairs.used; e++)
        while (graph_edges[e].labels) label_remove(graph_edges[e].labels);
    if (graph_vertices) {
        sys_unmap(graph_edges, (size_t)DET_PAIRS_MAX * sizeof *graph_edges);
        sys_unmap(owner_data, (size_t)DET_PAIRS_MAX * sizeof *owner_data);
        sys_unmap(chain_vertices, (size_t)DET_PAIRS_MAX * sizeof *chain_vertices);
        sys_unmap(graph_vertices, (size_t)DET_PAIRS_MAX * sizeof *graph_vertices);
    }
    graph_vertices = NULL;
    base_free(slots, slots_cap * sizeof *slots);
    slots = NULL;
    slots_cap = 0;
    det_pairs_reset(&graph_edge_pairs);
    det_pairs_reset(&owners);
    graph_used = free_list = 0;
    graph_order_reset();
    fading_first = fading_last = nfading = 0;
    forgotten = 0;
    graph_search_reset();
}
