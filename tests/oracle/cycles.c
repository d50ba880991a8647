#include "cycles.h"

#include <stdlib.h>
#include <string.h>

void cycles_init(struct cycles *c) { c->nlocks = c->nedges = 0; }

static uint32_t number_of(struct cycles *c, uintptr_t addr)
{
    for (uint32_t i = 0; i < c->nlocks; i++)
        if (c->lock[i].alive && c->lock[i].addr == addr) return i;
    if (c->nlocks == MAX_EVENTS) abort();
    c->lock[c->nlocks].addr = addr;
    c->lock[c->nlocks].alive = true;
    return c->nlocks++;
}
static void kill(struct cycles *c, uintptr_t addr, size_t size)
{
    for (uint32_t i = 0; i < c->nlocks; i++)
        if (c->lock[i].addr - addr < size) c->lock[i].alive = false;
}

// ---- could these requests be pending at once? ------------------------------------------------------------------

static bool gated(const struct order_edge *a, const struct order_edge *b)
{
    for (uint32_t i = 0; i < a->nheld; i++)
        for (uint32_t j = 0; j < b->nheld; j++)
            if (a->held[i].lock == b->held[j].lock && !(a->held[i].read && b->held[j].read)) return true;
    return false;
}
static bool together(const struct oracle *o, const struct order_edge *a, const struct order_edge *b)
{
    return a->strand != b->strand && !gated(a, b) && a->from != b->from && !oracle_must_before(o, a->event, b->event) &&
           !oracle_must_before(o, b->event, a->event);
}
static bool follows(const struct order_edge *a, const struct order_edge *b)
{
    return a->to == b->from && !(a->to_read && b->from_read);
}
struct search {
    const struct cycles *c;
    const struct oracle *o;
    const struct found *want; // a reported cycle to follow, or NULL
    uint32_t first;           // want: which of its edges path[0] is
    uint32_t n;
    const struct order_edge *path[MAX_OBJECTS];
};
static bool wanted(const struct search *s, const struct order_edge *e)
{
    if (!s->want) return true;
    const struct found_edge *f = &s->want->edge[(s->first + s->n) % s->want->nedges];
    return s->n < s->want->nedges && s->c->lock[e->from].addr == f->from && s->c->lock[e->to].addr == f->to &&
           e->from_read == f->from_read && e->to_read == f->to_read && e->strand == f->strand;
}
static bool can_add(const struct search *s, const struct order_edge *e)
{
    if (!s->c->lock[e->from].alive || !s->c->lock[e->to].alive || !wanted(s, e)) return false;
    for (uint32_t i = 0; i < s->n; i++)
        if (!together(s->o, s->path[i], e)) return false;
    return s->n == 0 || follows(s->path[s->n - 1], e);
}
// Is there a way to go on from the path to a cycle?
static bool complete(struct search *s)
{
    if (s->n > 1 && follows(s->path[s->n - 1], s->path[0]) && (!s->want || s->n == s->want->nedges)) return true;
    if (s->n == MAX_OBJECTS) return false;
    for (uint32_t i = 0; i < s->c->nedges; i++) {
        if (!can_add(s, &s->c->edge[i])) continue;
        s->path[s->n++] = &s->c->edge[i];
        if (complete(s)) return true;
        s->n--;
    }
    return false;
}
static bool closes(const struct cycles *c, const struct oracle *o, const struct order_edge *e)
{
    struct search s = {.c = c, .o = o, .n = 1, .path = {e}};
    return complete(&s);
}
bool cycles_explain(const struct cycles *c, const struct oracle *o, const struct found *f)
{
    for (uint32_t first = 0; first < f->nedges; first++)
        for (uint32_t i = 0; i < c->nedges; i++) {
            struct search s = {.c = c, .o = o, .want = f, .first = first};
            if (c->edge[i].event + 1 != o->now || !can_add(&s, &c->edge[i])) continue;
            s.path[s.n++] = &c->edge[i];
            if (complete(&s)) return true;
        }
    return false;
}

// ---- the stream ------------------------------------------------------------------------------------------------

static bool request(struct cycles *c, const struct oracle *o, const struct world_strand *s, uintptr_t addr, bool read)
{
    bool closed = false;
    if (world_held(s, addr)) return false; // taken again: never waits
    struct order_edge e = {
        .to = number_of(c, addr), .to_read = read, .strand = o->strand_of[o->now - 1], .event = o->now - 1};
    for (uint32_t i = 0; i < s->nheld; i++)
        e.held[e.nheld++] = (struct order_held){number_of(c, s->held[i].lock), s->held[i].read};
    const uint32_t before = c->nedges;
    for (uint32_t i = 0; i < e.nheld; i++) {
        if (c->nedges == 2 * MAX_EVENTS) abort();
        e.from = e.held[i].lock;
        e.from_read = e.held[i].read;
        c->edge[c->nedges++] = e;
    }
    for (uint32_t i = before; i < c->nedges; i++) closed |= closes(c, o, &c->edge[i]);
    return closed;
}
bool cycles_step(struct cycles *c, const struct oracle *o, const struct world *w, const struct event *e)
{
    const struct world_strand *s = &w->strand[e->strand];
    switch (e->op) {
    case OP_REQUEST: return !(e->flags & DET_LOCK_TRY) && request(c, o, s, e->addr, e->flags & DET_LOCK_READ);
    case OP_WAIT_END: return request(c, o, s, e->mutex, false);
    case OP_LOCK_DESTROY: kill(c, e->addr, 1); break;
    case OP_ALLOC:
    case OP_UNMAP: kill(c, e->addr, e->size); break;
    case OP_FREE: {
        const struct world_object *block = world_find(w, OBJECT_BLOCK, e->addr);
        if (block) kill(c, block->addr, block->size);
        break;
    }
    default: break;
    }
    return false;
}
