// cycles.h: decides lock-order cycles by trying them all.
//
// An edge is one request of a lock that may wait (not a try) by a strand that holds another one: from what it
// holds, to what it wants. A cycle is a row of edges, each ending at the lock where the next begins, the last at
// the lock of the first. It could deadlock, and so must be reported, when all its requests could be pending at once:
//   - every edge is another strand's;
//   - at every lock the request and the holding next to it exclude each other (they are not both shared);
//   - no two edges' strands hold a common lock, exclusively at least on one side (a gate);
//   - no request is ordered before another one by the must edges (oracle.h);
//   - no lock of the cycle has been destroyed or has lost its memory since.
#ifndef ORACLE_CYCLES_H
#define ORACLE_CYCLES_H

#include "feed.h"
#include "oracle.h"

struct order_held {
    uint32_t lock;
    bool read;
};
struct order_edge {
    uint32_t from, to; // numbers of locks; a lock made anew at the same address is another one
    bool from_read, to_read;
    uint16_t strand;
    uint32_t event, nheld;
    struct order_held held[MAX_HELD]; // from included
};
struct cycles {
    uint32_t nlocks, nedges;
    struct {
        uintptr_t addr;
        bool alive;
    } lock[MAX_EVENTS];
    struct order_edge edge[2 * MAX_EVENTS];
};

void cycles_init(struct cycles *c);
// Takes the next event; w is the world before it, o has taken it. True: the event closes a cycle.
bool cycles_step(struct cycles *c, const struct oracle *o, const struct world *w, const struct event *e);
// Is the reported cycle, whose last request was made just now, one that could deadlock?
bool cycles_explain(const struct cycles *c, const struct oracle *o, const struct found *f);

#endif
