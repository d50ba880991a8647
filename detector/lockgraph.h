// detector/lockgraph.h: which lock was wanted while which others were held, and the cycles in that.
//
// An edge leads from a held set to the lock that was wanted with it. It stands for an edge from each lock of the set,
// without being stored once for each: vertices are locks and chain nodes; a lock leads to the chain nodes that end
// in it, a chain node leads to those that continue it and to the locks that were wanted with it. So there is a way
// from lock to lock exactly where some strand wanted the second (or a way to it) while it held the first, and
// 10,000 locks held at once are 10,000 edges.
//
// Vertices are kept in a topological order that every new edge mends where it breaks it (Pearce, Kelly, JEA 2007).
//   (1) Vertices that reach one another form a component; the others are components of their own.
//   (2) order(component of u) < order(component of v) for every edge u -> v between different components.
// Thus an edge inside a component is the only kind that a cycle may go through, and only new labels on such edges
// are searched. Taking edges out leaves both true, if (1) is read as "at most".
//
// A label of an edge says that a strand made that request at that epoch, with that must clock. Labels of the
// same strand on the same edge stand in for one another where no cycle can tell them apart:
//   same must clock            the later one is unordered with all that the earlier one is, so it takes its place;
//   nothing must-published     nobody can ever know the one and not the other, and the earlier one knows less,
//   since the earlier one      so it stays.
//
// A row of labels l1 .. lk is a feasible cycle when each wants a lock that the next one holds, the last one a lock of
// the first, all strands differ, the modes exclude each other wherever one wants what another holds, no two hold a lock
// in modes that exclude each other, and no request is ordered before another by the must clock: then, and only
// then, all those requests can wait at once.
#ifndef DETECTOR_LOCKGRAPH_H
#define DETECTOR_LOCKGRAPH_H

#include "detector/lockname.h"
#include "detector/strand.h"

struct det_want {          // a request that may wait
    uint32_t chain, sites; // what is held, and where it was taken
    uint32_t lock, stack;  // what is wanted, and where
    bool read;
};
struct det_cycle_edge {
    uint32_t from, to; // locks
    bool from_read, to_read;
    struct det_strand_record *strand;
    uint32_t from_stack, to_stack;
};
struct det_cycle {
    struct det_cycle *next;
    struct det_report report; // see det_cycle_describe
    uint32_t n;
    struct det_cycle_edge edge[];
};
// Takes note of the request. Returns the feasible cycles that it closes and that were not returned before: for
// each lock that s holds at most one, a shortest one. s is in a section. The caller frees them.
struct det_cycle *det_lockgraph_want(struct det_strand *s, const struct det_want *w);
// Fills in the report; no name in it is looked up afterwards. In the section that found the cycle.
void det_cycle_describe(struct det_cycle *c);
void det_cycle_free(struct det_cycle *c);
// The lock is no more, and no cycle goes through it any more.
void det_lockgraph_gone(uint32_t lock);
// Different cycles of that class (by their edges); feasible ones are those returned.
uint64_t det_lockgraph_cycles(enum det_cycle_class class);
struct det_lockgraph_stats {
    uint64_t vertices, edges, labels; // there are
    uint64_t searches, exhausted;     // exhausted: given up for their length; a cycle may have been missed
    uint64_t forgotten;               // labels dropped because there were too many of their kind
};
void det_lockgraph_stats(struct det_lockgraph_stats *out);
void det_lockgraph_check(void); // every invariant, by CHECK
void det_lockgraph_reset(void); // tests only

// ---- between lockgraph.c, lockorder.c and lockcycle.c; guarded by the graph's lock ----------------------------

struct graph_label {
    struct graph_label *next, *prev; // of the edge, newest first
    struct graph_label *older;       // of the same strand, edge and mode
    struct det_strand_record *strand;
    struct det_clock must;
    uint32_t edge;
    uint32_t slot, time;
    uint32_t published; // the strand's must_published then
    uint32_t sites, stack;
    bool read;
};
struct graph_edge { // (chain vertex, lock vertex), which are in graph_edge_pairs
    struct graph_label *labels;
    uint32_t nlabels, trim_at;                     // when nlabels reaches it, old ones are trimmed
    uint32_t out_next, out_prev, in_next, in_prev; // of the chain vertex; of the lock vertex
};
struct graph_vertex {
    uint32_t order;       // of the component; in its representative
    uint32_t rep, member; // of the component; next member, 0 ends
    uint32_t name;        // lock, or chain node
    bool is_lock;
    uint32_t edges;  // lock: in; chain: out
    uint32_t kids;   // lock: chain vertices that end in it; chain: those that continue it
    uint32_t parent; // chain: what it continues, or 0
    uint32_t next_kid, prev_kid;
    uint32_t lock; // chain: the lock that it ends in, or 0 when that is gone
    uint32_t next_of_lock, prev_of_lock;
    uint32_t next_fading, prev_fading; // of those in the list of fading vertices
    bool fading;                       // chain: some of its locks are gone, some not, and it has edges
    uint32_t mark, dist, tag;          // scratch of searches
};
extern struct graph_vertex *graph_vertices;
extern struct graph_edge *graph_edges;
extern struct det_pairs graph_edge_pairs; // (chain vertex, lock vertex)
extern uint32_t graph_used;               // vertices from 1 to graph_used - 1 exist or are free (rep is 0)
static inline uint32_t graph_edge_chain(uint32_t edge) { return graph_edge_pairs.at[edge].a; }
static inline uint32_t graph_edge_lock(uint32_t edge) { return graph_edge_pairs.at[edge].b; }

// Searches for cycles through the label; those found go in front of *found.
void graph_search(const struct graph_label *l, struct det_cycle **found);
void graph_search_reset(void);
void graph_search_stats(struct det_lockgraph_stats *out);

// n marks in a row that no vertex has; the last one is returned.
uint32_t graph_marks_new(uint32_t n);
// A place in the order behind all others.
uint32_t graph_order_last(void);
void graph_order_reset(void);
// The edge x -> y was added: mends the order, and merges the components that are on one cycle now.
void graph_order_insert(uint32_t x, uint32_t y);
// v, which has no edges any more, is taken out of its component.
void graph_order_leave(uint32_t v);

// A growing array of numbers.
struct graph_list {
    uint32_t *at, n, cap;
};
void graph_list_push(struct graph_list *l, uint32_t v);

#endif
