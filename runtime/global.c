// global.c: the global run queue: what no P keeps in its own.
//
// It has four parts. In `urgent` and `global` goroutines are linked one by one; `spilled` and `fresh` are chunks of what full
// rings and full stacks (runq.c) had no room for. Two orders are kept:
//   (1) urgent ones come before `global`, but for one time in four, unless sysmon has just made room for them (sched.serve).
//   (2) The two of them, `spilled` and `fresh` are served in turn: a part that is never empty, such as `global` while somebody yields
//       alone, keeps no other waiting. Who looks for begun ones only, and who looks for all, each have a turn of their own: or
//       the former could always take the latter's.
// All of it is guarded by rv__sched.lock; its lengths, global_n and begun_n, are read as hints without.
#include "runtime/proc.h"
#include "runtime/seeded.h"

static void grew_locked(uint32_t n, bool begun)
{
    if (begun) base_store_relaxed(&rv__sched.begun_n, rv__sched.begun_n + n);
    base_store_relaxed(&rv__sched.global_n, rv__sched.global_n + n); // relaxed: a hint; who acts on it takes the lock
}
void rv__global_put(struct rv__g *g)
{
    rv__lock(&rv__sched.lock);
    rv__glist_push(&rv__sched.global, g);
    grew_locked(1, true);
    rv__unlock(&rv__sched.lock);
}
void rv__global_put_list(struct rv__glist *l)
{
    if (!l->head) return;
    rv__lock(&rv__sched.lock);
    struct rv__glist *q = &rv__sched.global;
    if (q->tail)
        q->tail->next = l->head;
    else
        q->head = l->head;
    q->tail = l->tail;
    base_store_relaxed(&q->n, q->n + l->n); // relaxed: a hint
    grew_locked(l->n, true);
    rv__unlock(&rv__sched.lock);
    *l = (struct rv__glist){0};
}
void rv__global_put_chunk(struct rv__chunk *c, bool fresh)
{
    struct rv__chunks *q = fresh ? &rv__sched.fresh : &rv__sched.spilled;
    rv__lock(&rv__sched.lock);
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
    grew_locked(c->n, !fresh);
    rv__unlock(&rv__sched.lock);
}
void rv__urgent_put(struct rv__g *g)
{
    const int64_t now = rv__now();
    rv__lock(&rv__sched.lock);
    if (rv__sched.urgent.n == 0) base_store_relaxed(&rv__sched.urgent_since, now); // relaxed: sysmon's, roughly
    rv__glist_push(&rv__sched.urgent, g);
    grew_locked(1, true);
    rv__unlock(&rv__sched.lock);
}

// ---- taking ----------------------------------------------------------------------------------------------------------

static void took_locked(uint32_t n, bool begun)
{
    if (begun) base_store_relaxed(&rv__sched.begun_n, rv__sched.begun_n - n);
    base_store_relaxed(&rv__sched.global_n, rv__sched.global_n - n); // relaxed: as in grew_locked
}
static struct rv__glist *list_locked(void) // (1)
{
    const bool others = ++rv__sched.turn % 4 == 0 && rv__sched.global.n && !base_load_relaxed(&rv__sched.serve);
    return rv__sched.urgent.n && !others ? &rv__sched.urgent : &rv__sched.global;
}
static struct rv__g *from_list_locked(struct rv__p *p, uint32_t most)
{
    struct rv__glist *q = list_locked();
    const uint32_t share = q->n / (uint32_t)base_load_relaxed(&rv__sched.procs) + 1, had = q->n;
    struct rv__g *g = rv__glist_pop(q);
    if (most > share) most = share;
    // Off the list first: a thief may have it as soon as it is in the ring, and run it, and it may park in another list.
    while (--most && q->head && !rv__runq_full(&p->runq)) rv__runq_put(&p->runq, rv__glist_pop(q));
    took_locked(had - q->n, true);
    return g;
}
struct rv__m *rv__owner_of_next(struct rv__p *p)
{
    if (base_load_relaxed(&rv__sched.global_n) == 0 || !rv__runq_empty(&p->runq)) return NULL; // relaxed: a hint
    if (unlikely(rv__seeded_on())) return NULL; // who is next is drawn, on g0
    rv__lock(&rv__sched.lock);
    struct rv__glist *q = list_locked();
    struct rv__m *owner = q->head ? q->head->locked : NULL;
    if (owner) {
        rv__glist_pop(q);
        took_locked(1, true);
    }
    rv__unlock(&rv__sched.lock);
    return owner;
}
// The first chunk of q: one of it, or all of it. *empty: the chunk, if nothing is left in it.
static struct rv__g *from_chunk_locked(struct rv__p *p, struct rv__chunks *q, uint32_t most, struct rv__chunk **empty)
{
    struct rv__chunk *c = q->first;
    const uint32_t at = c->at;
    struct rv__g *g = c->gs[c->at++];
    while (--most && c->at < c->n && (g->context.pc ? rv__runq_put : rv__runq_push)(&p->runq, c->gs[c->at])) c->at++;
    took_locked(c->at - at, q == &rv__sched.spilled);
    if (c->at < c->n) return g;
    *empty = c;
    q->first = c->next;
    if (!c->next) q->last = NULL;
    return g;
}
enum part { LISTS, SPILLED, FRESH, PARTS };
static bool has_locked(enum part part)
{
    if (part == LISTS) return rv__sched.urgent.n || rv__sched.global.n;
    return (part == SPILLED ? &rv__sched.spilled : &rv__sched.fresh)->first != NULL;
}
// (2). PARTS: there is nothing.
static enum part part_locked(bool fresh)
{
    static uint32_t turns[2];
    if (rv__sched.urgent.n && base_load_relaxed(&rv__sched.serve)) return LISTS;
    for (uint32_t k = 0; k < PARTS; k++) {
        const enum part part = (turns[fresh] + k) % PARTS;
        if ((part == FRESH && !fresh) || !has_locked(part)) continue;
        turns[fresh] = part + 1;
        return part;
    }
    return PARTS;
}
struct rv__g *rv__global_get(struct rv__p *p, uint32_t most, bool fresh)
{
    if (base_load_relaxed(fresh ? &rv__sched.global_n : &rv__sched.begun_n) == 0) return NULL;
    struct rv__chunk *empty = NULL;
    struct rv__g *g = NULL;
    rv__lock(&rv__sched.lock);
    const enum part part = part_locked(fresh);
    if (part == LISTS)
        g = from_list_locked(p, most);
    else if (part != PARTS)
        g = from_chunk_locked(p, part == SPILLED ? &rv__sched.spilled : &rv__sched.fresh, most, &empty);
    rv__unlock(&rv__sched.lock);
    if (empty) rv__small_put(&p->small, empty, sizeof *empty);
    return g;
}
