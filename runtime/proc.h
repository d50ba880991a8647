// proc.h: what proc.c and find.c share: the queues as both see them, and a goroutine's arrival in an M.
#ifndef RUNTIME_PROC_H
#define RUNTIME_PROC_H

#include "runtime/feed.h"
#include "runtime/sched.h"

enum { RV__GLOBAL_EVERY = 61 }; // turns of a P between two looks at the global queue

// global.c: one to run, and up to most - 1 others into the P's queue; NULL: none. fresh: those that have not begun, too.
struct rv__g *rv__global_get(struct rv__p *p, uint32_t most, bool fresh);
void rv__put_by_age(struct rv__p *p, struct rv__g *g);     // behind the others: in the ring, or on the stack
void rv__queue_list(struct rv__p *p, struct rv__glist *l); // all of l; wakes nobody but plain threads
void rv__wake_for_ring(struct rv__p *p);                   // there is more in p's queue than its M will run at once
void rv__wake_learn(bool found);                           // an M that looked for work found some, or did not
COLD void rv__first_stack(struct rv__p *p, struct rv__g *g);

// m is on another stack than before: whoever waits for the one that it has left may have it.
static inline void rv__arrive(struct rv__m *m)
{
    base_store_release(m->left, 0u); // release: its context is saved; pairs with the acquire in rv__may_run
}
static inline bool rv__may_run(const struct rv__g *g)
{
    return base_load_acquire(&g->on_cpu) == 0; // acquire: its context
}
// g is about to run in m.
static inline void rv__bring(struct rv__m *m, struct rv__p *p, struct rv__g *g)
{
    base_store_relaxed(&g->on_cpu, 1u);         // relaxed: g is ours
    base_store_relaxed(&g->state, RV__RUNNING); // relaxed: for dumps
    g->m = m;
    base_store_relaxed(&m->g, g); // relaxed: for sysmon
    base_store_relaxed(&p->tick, p->tick + 1);
    if (g->context.pc == 0) {
        if (g->stack.lo == 0) rv__first_stack(p, g);
        rv__context_init(&g->context, g->stack.hi);
        rv__fiber_begin(&g->fiber, g->stack.lo, g->stack.hi);
    }
    rv__feed_carry(g->strand);
}

#endif
