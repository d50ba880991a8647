// detector/lockcycle.c: looks for a feasible cycle through a label (what that is says lockgraph.h), and reports it.
//
// For each lock h that the label's strand held: first the distance to h of every lock of the component, breadth
// first and backwards; then a depth-first search forwards from the wanted lock, over labels that fit together, that
// goes only where h is still in reach, for cycles of the least length, then of the next (iterative deepening). So
// the cycle found is a shortest one. Every step costs some of a budget; the search is given up when it is spent.
// All here is guarded by the graph's lock, except the reporting.
#include "base/arena.h"
#include "detector/creators.h"
#include "detector/lockgraph.h"
#include "detector/stack.h"

// Steps (some 2 to 5 ns each) that one search may take: plenty while all searches together took few, then less, so
// that a program in which every lock is on some cycle still gets on.
enum { SEARCH_PLENTY = 2000000, SEARCH_LEAST = 20000 };
static const uint64_t ALL_PLENTY = 200000000;

enum { ON_PATH = 1u << 31 }; // in graph_vertex.dist
static const uint32_t NO_BOUND = UINT32_MAX;

struct step { // a label of the path, and how far the search for the next one has come
    const struct graph_label *label;
    bool from_read;           // how it holds what the step before it wants
    uint32_t wants;           // lock vertex
    uint32_t top, node, edge; // where: chain vertex that ends in `wants`, one under it, its edge, its label
    const struct graph_label *next;
    bool begun;
};
static struct search {
    const struct graph_label *start;
    uint32_t target; // h
    bool target_read;
    uint32_t mark;        // of vertices whose dist is valid
    uint32_t bound, over; // edges that the cycle may have; the least number that it would have had to have
    bool any;             // take any labels, whether they fit or not
    bool known;           // a feasible cycle was met that had been returned before
    int64_t left;         // of the budget
    struct step *path;
    uint32_t n, cap;
} q;
static uint64_t searches, exhausted, steps;
static uint64_t cycles[DET_CYCLE_READ_READ + 1];
static struct det_pairs seen[DET_CYCLE_READ_READ + 1]; // hashes of cycles counted, by class

static struct graph_vertex *at(uint32_t v) { return &graph_vertices[v]; }
static bool spend(uint32_t n) { return (q.left -= n) >= 0; }
static bool inside(uint32_t v) { return v && at(v)->rep == at(q.target)->rep; }
static uint32_t chain_of(const struct graph_label *l) { return at(graph_edge_chain(l->edge))->name; }

// ---- do labels fit together? ---------------------------------------------------------------------------------

static bool ordered(const struct graph_label *a, const struct graph_label *b)
{
    return det_clock_get(&b->must, a->slot) >= a->time || det_clock_get(&a->must, b->slot) >= b->time;
}
// The gates of the path: of each lock, twice the number of labels that hold it shared, plus one if one has it for itself.
static void gates_add(const struct graph_label *l)
{
    for (uint32_t c = chain_of(l); c; c = det_chain_below(c))
        det_lock_names[det_chain_lock(c)].gate += det_chain_is_read(c) ? 2 : 1;
}
static void gates_remove(const struct graph_label *l)
{
    for (uint32_t c = chain_of(l); c; c = det_chain_below(c))
        det_lock_names[det_chain_lock(c)].gate -= det_chain_is_read(c) ? 2 : 1;
}
static bool gates_block(const struct graph_label *l)
{
    for (uint32_t c = chain_of(l); c; c = det_chain_below(c)) {
        const uint32_t gate = det_lock_names[det_chain_lock(c)].gate;
        if (det_chain_is_read(c) ? gate & 1 : gate != 0) return true;
        if (!spend(1)) return true;
    }
    return false;
}
static bool fits(const struct graph_label *l)
{
    if (q.any) return true;
    for (uint32_t i = 0; i < q.n; i++) {
        const struct graph_label *p = q.path[i].label;
        if (p->strand == l->strand || ordered(p, l) || !spend(1)) return false;
    }
    return !gates_block(l);
}

// ---- the path ------------------------------------------------------------------------------------------------

static void path_push(const struct graph_label *l, bool from_read)
{
    if (q.n == q.cap) {
        const uint32_t cap = q.cap ? 2 * q.cap : 16;
        struct step *grown = base_alloc(cap * sizeof *grown);
        for (uint32_t i = 0; i < q.n; i++) grown[i] = q.path[i];
        base_free(q.path, q.cap * sizeof *grown);
        q.path = grown;
        q.cap = cap;
    }
    const uint32_t wants = graph_edge_lock(l->edge);
    q.path[q.n++] = (struct step){.label = l, .from_read = from_read, .wants = wants};
    at(wants)->dist |= ON_PATH;
    if (!q.any) gates_add(l);
}
static void path_pop(void)
{
    const struct step *p = &q.path[--q.n];
    at(p->wants)->dist &= ~ON_PATH;
    if (!q.any) gates_remove(p->label);
}
// The vertex after v under top, parents first; only what is inside, and what is not has nothing inside under it.
static uint32_t under_top(uint32_t v, uint32_t top)
{
    uint32_t next = at(v)->kids;
    for (;;) {
        for (; next; next = at(next)->next_kid) {
            if (inside(next)) return next;
            if (!spend(1)) return 0;
        }
        if (v == top) return 0;
        next = at(v)->next_kid;
        v = at(v)->parent;
    }
}
static bool waits_for(const struct step *p, uint32_t top)
{
    return inside(top) && (q.any || !(p->label->read && det_chain_is_read(at(top)->name)));
}
// Can a label on the edge be next on a path that may still become a cycle within the bound?
static bool leads_on(uint32_t edge)
{
    const struct graph_vertex *z = at(graph_edge_lock(edge));
    if (z->mark != q.mark || z->dist & ON_PATH) return false;
    const uint32_t length = q.n + 1 + z->dist;
    if (length <= q.bound) return true;
    if (length < q.over) q.over = length;
    return false;
}
// The next label that holds what p wants, in a mode that makes p wait. NULL: no more, or the budget is spent.
static const struct graph_label *next_holder(struct step *p)
{
    while (!p->next) {
        if (!spend(1)) return NULL;
        if (p->edge) {
            if (leads_on(p->edge)) p->next = graph_edges[p->edge].labels;
            p->edge = graph_edges[p->edge].out_next;
            continue;
        }
        if (p->node) p->node = under_top(p->node, p->top);
        if (!p->node) {
            p->top = p->begun ? at(p->top)->next_of_lock : at(p->wants)->kids;
            p->begun = true;
            if (!p->top) return NULL;
            if (!waits_for(p, p->top)) continue;
            p->node = p->top;
        }
        p->edge = at(p->node)->edges;
    }
    const struct graph_label *l = p->next;
    p->next = l->next;
    return l;
}

// ---- what was found ------------------------------------------------------------------------------------------

static uint32_t step_from(uint32_t i) { return i ? q.path[i - 1].wants : q.target; }
// True the first time that a cycle with these edges is met in that class.
static bool first_met(enum det_cycle_class class)
{
    uint64_t key = 0; // a sum: the same from whichever edge one starts
    for (uint32_t i = 0; i < q.n; i++) key += det_pairs_hash(at(step_from(i))->name, at(q.path[i].wants)->name);
    bool made;
    det_pairs_intern(&seen[class], (uint32_t)(key >> 32), (uint32_t)key, &made);
    cycles[class] += made;
    return made;
}
// Where the label's strand took the lock.
static uint32_t taken_at(const struct graph_label *l, uint32_t name)
{
    uint32_t sites = l->sites;
    for (uint32_t c = chain_of(l); c && sites; c = det_chain_below(c), sites = det_site_chain_below(sites))
        if (det_chain_lock(c) == name) return det_site_chain_stack(sites);
    return 0;
}
static struct det_cycle *collect(void)
{
    struct det_cycle *c = base_alloc(sizeof *c + q.n * sizeof c->edge[0]);
    c->n = q.n;
    for (uint32_t i = 0; i < q.n; i++) {
        const struct graph_label *l = q.path[i].label;
        const uint32_t from = at(step_from(i))->name;
        c->edge[i] = (struct det_cycle_edge){.from = from,
                                             .to = at(q.path[i].wants)->name,
                                             .from_read = q.path[i].from_read,
                                             .to_read = l->read,
                                             .strand = l->strand,
                                             .from_stack = taken_at(l, from),
                                             .to_stack = l->stack};
    }
    return c;
}
// Why a cycle of any labels is not feasible.
static enum det_cycle_class classify(void)
{
    for (uint32_t i = 0; i < q.n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (q.path[i].label->strand == q.path[j].label->strand) return DET_CYCLE_SINGLE_STRAND;
    for (uint32_t i = 0; i < q.n; i++)
        if (q.path[i].label->read && q.path[(i + 1) % q.n].from_read) return DET_CYCLE_READ_READ;
    bool guarded = false;
    for (uint32_t i = 0; i < q.n; i++) {
        guarded |= gates_block(q.path[i].label);
        gates_add(q.path[i].label);
    }
    for (uint32_t i = 0; i < q.n; i++) gates_remove(q.path[i].label);
    return guarded ? DET_CYCLE_GUARDED : DET_CYCLE_ORDERED;
}

// ---- the search ----------------------------------------------------------------------------------------------

// The last label leads back to the target. It becomes the path's last step if that makes a cycle to be returned.
static bool close(const struct graph_label *l, bool from_read)
{
    if (!q.any && l->read && q.target_read) return false;
    path_push(l, from_read);
    if (q.any || first_met(DET_CYCLE_FEASIBLE)) return true;
    path_pop();
    q.known = true;
    return false;
}
// Leaves the cycle in the path. False: there is none of that length.
static bool deepen(void)
{
    path_push(q.start, q.target_read);
    while (q.n) {
        struct step *p = &q.path[q.n - 1];
        const struct graph_label *l = next_holder(p);
        if (!l) {
            path_pop();
            continue;
        }
        if (!fits(l)) continue;
        const bool from_read = det_chain_is_read(at(p->top)->name);
        if (graph_edge_lock(l->edge) != q.target)
            path_push(l, from_read);
        else if (close(l, from_read))
            return true;
    }
    return false;
}
static bool find_cycle(bool any)
{
    q.any = any;
    q.bound = at(graph_edge_lock(q.start->edge))->dist + 1;
    for (;;) {
        q.over = NO_BOUND;
        if (deepen()) return true;
        if (any || q.over == NO_BOUND || q.left < 0) return false;
        q.bound = q.over;
    }
}
static void path_clear(void)
{
    while (q.n) path_pop();
}
// One step back: all locks that some label held while it wanted the lock v.
static void measure_from(uint32_t v, struct graph_list *queue)
{
    for (uint32_t e = at(v)->edges; e; e = graph_edges[e].in_next) {
        if (!inside(graph_edge_chain(e))) continue;
        for (uint32_t c = graph_edge_chain(e); c && at(c)->mark != q.mark && spend(1); c = at(c)->parent) {
            at(c)->mark = q.mark;
            const uint32_t l = at(c)->lock;
            if (!inside(l) || at(l)->mark == q.mark) continue;
            at(l)->mark = q.mark;
            at(l)->dist = at(v)->dist + 1;
            graph_list_push(queue, l);
        }
    }
}
// How many edges from each lock inside to the target.
static void measure(void)
{
    static struct graph_list queue;
    queue.n = 0;
    q.mark = graph_marks_new(1);
    at(q.target)->mark = q.mark;
    at(q.target)->dist = 0;
    graph_list_push(&queue, q.target);
    for (uint32_t i = 0; i < queue.n && q.left >= 0; i++) measure_from(queue.at[i], &queue);
}
static void search_to(uint32_t target, bool target_read, struct det_cycle **found)
{
    q.target = target;
    q.target_read = target_read;
    q.known = false;
    measure();
    if (at(graph_edge_lock(q.start->edge))->mark != q.mark) return;
    if (find_cycle(false)) {
        struct det_cycle *c = collect();
        c->next = *found;
        *found = c;
    } else if (!q.known && q.left >= 0 && find_cycle(true)) {
        first_met(classify());
    }
    path_clear();
}
void graph_search(const struct graph_label *l, struct det_cycle **found)
{
    const int64_t budget = steps < ALL_PLENTY ? SEARCH_PLENTY : SEARCH_LEAST;
    q.start = l;
    q.left = budget;
    const uint32_t rep = at(graph_edge_lock(l->edge))->rep;
    for (uint32_t v = graph_edge_chain(l->edge); v && q.left >= 0; v = at(v)->parent) {
        const uint32_t h = at(v)->lock;
        if (h && at(h)->rep == rep) search_to(h, det_chain_is_read(at(v)->name), found);
    }
    searches++;
    exhausted += q.left < 0;
    steps += (uint64_t)(budget - q.left);
}
void graph_search_stats(struct det_lockgraph_stats *out)
{
    out->searches = searches;
    out->exhausted = exhausted;
}
uint64_t det_lockgraph_cycles(enum det_cycle_class class) { return base_load_relaxed(&cycles[class]); }
uint64_t det_locks_cycles(void) { return det_lockgraph_cycles(DET_CYCLE_FEASIBLE); }
void graph_search_reset(void)
{
    base_free(q.path, q.cap * sizeof *q.path);
    q = (struct search){0};
    searches = exhausted = steps = 0;
    for (int i = 0; i <= DET_CYCLE_READ_READ; i++) {
        cycles[i] = 0;
        det_pairs_reset(&seen[i]);
    }
}

// ---- the report ----------------------------------------------------------------------------------------------

// Locks come as the edges' from, so each is there once: the one of edge i is locks[i].
static void fill_edge(struct det_report *r, const struct det_cycle *c, uint32_t i)
{
    const struct det_cycle_edge *from = &c->edge[i];
    struct det_edge *to = &r->edges[i];
    det_locks_info(from->from - 1, &r->locks[i]);
    to->from = i;
    to->to = (i + 1) % c->n;
    to->from_read = from->from_read;
    to->to_read = from->to_read;
    to->strand = det_report_strand(r, from->strand->id);
    det_stack_read(from->from_stack, &to->from_stack);
    det_stack_read(from->to_stack, &to->to_stack);
}
static uint32_t room(const struct det_cycle *c) { return c->n + DET_CREATORS_MAX; } // for strands
void det_cycle_describe(struct det_cycle *c)
{
    struct det_report *r = &c->report;
    *r = (struct det_report){.kind = DET_REPORT_LOCK_CYCLE, .cycle_class = DET_CYCLE_FEASIBLE};
    r->nedges = r->nlocks = c->n;
    r->edges = base_alloc(c->n * sizeof *r->edges);
    r->locks = base_alloc(c->n * sizeof *r->locks);
    r->strands = base_alloc(room(c) * sizeof *r->strands);
    for (uint32_t i = 0; i < c->n; i++) fill_edge(r, c, i);
    det_report_creators(r, room(c));
}
void det_cycle_free(struct det_cycle *c)
{
    struct det_report *r = &c->report;
    base_free(r->edges, c->n * sizeof *r->edges);
    base_free(r->locks, c->n * sizeof *r->locks);
    base_free(r->strands, room(c) * sizeof *r->strands);
    base_free(c, sizeof *c + c->n * sizeof c->edge[0]);
}
