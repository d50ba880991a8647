#include "oracle.h"

#include <stdlib.h>
#include <string.h>

// ---- sets and the graph ----------------------------------------------------------------------------------------

static uint32_t words(const struct oracle *o) { return o->now / 64 + 1; }
static bool has(const struct set *s, uint32_t node) { return s->bits[node / 64] >> (node % 64) & 1; }
static void add(struct set *s, uint32_t node) { s->bits[node / 64] |= (uint64_t)1 << (node % 64); }
static void clear(struct set *s) { memset(s, 0, sizeof *s); }
static void add_all(const struct oracle *o, struct set *into, const struct set *from)
{
    for (uint32_t i = 0; i < words(o); i++) into->bits[i] |= from->bits[i];
}
// The event being taken is ordered after node (-1: after nothing).
static void after(struct oracle *o, struct graph *g, int32_t node)
{
    if (node < 0) return;
    add_all(o, &g->before[o->now], &g->before[node]);
    add(&g->before[o->now], (uint32_t)node);
}
static void after_all(struct oracle *o, struct graph *g, const struct set *nodes)
{
    for (uint32_t i = 0; i < words(o); i++)
        for (uint64_t left = nodes->bits[i]; left; left &= left - 1)
            after(o, g, (int32_t)(i * 64 + (uint32_t)__builtin_ctzll(left)));
}
static void begin_node(struct oracle *o, uint16_t strand)
{
    o->strand_of[o->now] = strand;
    clear(&o->order.before[o->now]);
    clear(&o->must.before[o->now]);
    after(o, &o->order, o->strand[strand].last);
    after(o, &o->must, o->strand[strand].last);
}
bool oracle_must_before(const struct oracle *o, uint32_t a, uint32_t b) { return has(&o->must.before[b], a); }

// ---- what releases leave ---------------------------------------------------------------------------------------

static struct object *find(struct oracle *o, enum object_use use, uintptr_t addr, uint32_t round)
{
    for (uint32_t i = 0; i < o->nobjects; i++)
        if (o->object[i].use == use && o->object[i].addr == addr && o->object[i].round == round) return &o->object[i];
    return NULL;
}
static struct object *get(struct oracle *o, enum object_use use, uintptr_t addr, uint32_t round)
{
    struct object *obj = find(o, use, addr, round);
    if (obj) return obj;
    if (o->nobjects == sizeof o->object / sizeof *o->object) abort();
    obj = &o->object[o->nobjects++];
    *obj = (struct object){.use = use, .addr = addr, .round = round};
    return obj;
}
static void drop(struct oracle *o, struct object *obj)
{
    if (obj) *obj = o->object[--o->nobjects];
}
static void drop_objects(struct oracle *o, uintptr_t addr, size_t size)
{
    for (uint32_t i = o->nobjects; i-- > 0;)
        if (o->object[i].addr - addr < size) drop(o, &o->object[i]);
}

// ---- the edges -------------------------------------------------------------------------------------------------

static bool acquires(int order)
{
    return order == __ATOMIC_CONSUME || order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}
static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}
// A store ends the release sequences of other strands (in C20 its own strand's too).
static void end_sequences(struct oracle *o, struct object *obj, uint16_t strand)
{
    for (uint32_t i = 0; i < o->now; i++)
        if (has(&obj->from, i) && (o->c20 || o->strand_of[i] != strand))
            obj->from.bits[i / 64] &= ~((uint64_t)1 << (i % 64));
}
static void atomic(struct oracle *o, const struct event *e)
{
    struct object *obj = get(o, USE_ATOMIC, e->addr, 0);
    struct strand_state_of *s = &o->strand[e->strand];
    if (e->op != OP_STORE) {
        if (acquires(e->order))
            after_all(o, &o->order, &obj->from);
        else
            add_all(o, &s->pending, &obj->from);
    }
    if (e->op == OP_STORE) end_sequences(o, obj, e->strand);
    if (e->op == OP_LOAD) return;
    if (releases(e->order))
        add(&obj->from, o->now);
    else if (s->fence >= 0)
        add(&obj->from, (uint32_t)s->fence);
}
static void fence(struct oracle *o, const struct event *e)
{
    struct strand_state_of *s = &o->strand[e->strand];
    if (acquires(e->order)) after_all(o, &o->order, &s->pending);
    if (releases(e->order)) s->fence = (int32_t)o->now;
}
static void after_both(struct oracle *o, const struct set *nodes)
{
    after_all(o, &o->order, nodes);
    after_all(o, &o->must, nodes);
}
static void acquire(struct oracle *o, const struct event *e)
{
    const struct object *obj = get(o, USE_SYNC, e->addr, 0);
    after_all(o, &o->order, &obj->from);
    if (e->flags & DET_MUST) after_all(o, &o->must, &obj->from);
}
static void release(struct oracle *o, const struct event *e, bool replace)
{
    struct object *obj = get(o, USE_SYNC, e->addr, 0);
    if (replace) clear(&obj->from);
    add(&obj->from, o->now);
}
static void lock(struct oracle *o, const struct world_strand *s, uintptr_t addr, bool read)
{
    if (!read && world_held(s, addr)) return; // taken again
    after_all(o, &o->order, &get(o, USE_WRITERS, addr, 0)->from);
    if (!read) after_all(o, &o->order, &get(o, USE_READERS, addr, 0)->from);
}
static void unlock(struct oracle *o, const struct world_strand *s, uintptr_t addr)
{
    const struct held *h = world_held(s, addr);
    if (!h->read && h->count > 1) return;
    add(&get(o, h->read ? USE_READERS : USE_WRITERS, addr, 0)->from, o->now);
}
static void wait_end(struct oracle *o, const struct world_strand *s, const struct event *e)
{
    struct object *obj = get(o, USE_COND, e->addr, 0);
    lock(o, s, e->mutex, false);
    if (e->flags & FLAG_WOKEN) after_both(o, &obj->from);
    if (--obj->waiting == 0) clear(&obj->from);
}
static void barrier(struct oracle *o, const struct world *w, const struct event *e)
{
    if (e->op == OP_BARRIER_ENTER) {
        struct object *obj = get(o, USE_BARRIER, e->addr, world_find(w, OBJECT_BARRIER, e->addr)->round);
        add(&obj->from, o->now);
        obj->waiting++;
    } else {
        struct object *obj = get(o, USE_BARRIER, e->addr, w->strand[e->strand].round);
        after_both(o, &obj->from);
        if (--obj->waiting == 0) drop(o, obj);
    }
}
static void take_edges(struct oracle *o, const struct world *w, const struct event *e)
{
    const struct world_strand *s = &w->strand[e->strand];
    switch (e->op) {
    case OP_CREATE: o->strand[e->other].born = (int32_t)o->now; break;
    case OP_START:
        after(o, &o->order, o->strand[e->strand].born);
        after(o, &o->must, o->strand[e->strand].born);
        break;
    case OP_FINISH: o->strand[e->strand].end = (int32_t)o->now; break;
    case OP_JOIN:
        after(o, &o->order, o->strand[e->other].end);
        after(o, &o->must, o->strand[e->other].end);
        break;
    case OP_LOAD:
    case OP_STORE:
    case OP_RMW: atomic(o, e); break;
    case OP_FENCE: fence(o, e); break;
    case OP_ACQUIRE: acquire(o, e); break;
    case OP_RELEASE: release(o, e, e->flags & DET_SET); break;
    case OP_PASS:
        acquire(o, e);
        release(o, e, true);
        break;
    case OP_SYNC_DESTROY: drop(o, find(o, USE_SYNC, e->addr, 0)); break;
    case OP_LOCK: lock(o, s, e->addr, e->flags & DET_LOCK_READ); break;
    case OP_UNLOCK: unlock(o, s, e->addr); break;
    case OP_LOCK_DESTROY:
        drop(o, find(o, USE_WRITERS, e->addr, 0));
        drop(o, find(o, USE_READERS, e->addr, 0));
        break;
    case OP_WAIT_BEGIN:
        get(o, USE_COND, e->addr, 0)->waiting++;
        unlock(o, s, e->mutex);
        break;
    case OP_WAIT_END: wait_end(o, s, e); break;
    case OP_SIGNAL:
        if (get(o, USE_COND, e->addr, 0)->waiting) add(&get(o, USE_COND, e->addr, 0)->from, o->now);
        break;
    case OP_COND_DESTROY: drop(o, find(o, USE_COND, e->addr, 0)); break;
    case OP_BARRIER_ENTER:
    case OP_BARRIER_LEAVE: barrier(o, w, e); break;
    default: break;
    }
}

// ---- memory ----------------------------------------------------------------------------------------------------

uint32_t oracle_segment(const struct oracle *o, uintptr_t addr)
{
    uint32_t i = 0;
    while (i + 1 < o->nsegments && o->segment[i + 1].start <= addr) i++;
    return i;
}
// Makes a segment start at addr; returns its index.
static uint32_t split(struct oracle *o, uintptr_t addr)
{
    const uint32_t i = oracle_segment(o, addr);
    if (o->segment[i].start == addr) return i;
    if (o->nsegments == sizeof o->segment / sizeof *o->segment) abort();
    memmove(&o->segment[i + 1], &o->segment[i], (o->nsegments - i) * sizeof *o->segment);
    o->nsegments++;
    o->segment[i + 1].start = addr;
    return i + 1;
}
static void forget(struct oracle *o, uintptr_t addr, size_t size)
{
    drop_objects(o, addr, size);
    const uint32_t end = (split(o, addr), split(o, addr + size));
    for (uint32_t i = oracle_segment(o, addr); i < end; i++) {
        o->segment[i].since = o->now;
        o->segment[i].raced = 0;
    }
}
// The access that e makes; false when it makes none.
static bool make_access(const struct oracle *o, const struct world *w, const struct event *e, struct access *a)
{
    const struct world_strand *s = &w->strand[e->strand];
    *a = (struct access){.event = o->now, .strand = e->strand, .pc = e->pc, .addr = e->addr, .size = e->size};
    switch (e->op) {
    case OP_READ:
    case OP_RANGE_READ: a->kind = DET_READ; break;
    case OP_WRITE:
    case OP_RANGE_WRITE: a->kind = DET_WRITE; break;
    case OP_LOAD: a->kind = DET_ATOMIC_READ; break;
    case OP_STORE:
    case OP_RMW: a->kind = DET_ATOMIC_WRITE; break;
    case OP_ALLOC:
        a->kind = DET_WRITE;
        a->by_malloc = true;
        break;
    case OP_FREE: {
        const struct world_object *block = world_find(w, OBJECT_BLOCK, e->addr);
        if (!block) return false;
        a->kind = DET_WRITE;
        a->by_free = true;
        a->size = block->size;
        break;
    }
    default: return false;
    }
    a->nheld = s->nheld;
    memcpy(a->held, s->held, sizeof a->held);
    a->depth = s->depth;
    memcpy(a->frame_pc, s->frame_pc, sizeof a->frame_pc);
    return a->size > 0 && s->ignore == 0;
}
static bool covers(const struct access *a, uintptr_t addr) { return addr - a->addr < a->size; }
const struct access *oracle_racing(const struct oracle *o, const struct access *now, uintptr_t addr,
                                   const struct access *from)
{
    const struct segment *seg = &o->segment[oracle_segment(o, addr)];
    const struct set *before = &o->order.before[now->event];
    for (const struct access *a = from ? from + 1 : o->access; a < o->access + o->naccesses; a++)
        if (a->event >= seg->since && a->strand != now->strand && covers(a, addr) && ((a->kind | now->kind) & 1) &&
            !(a->kind & now->kind & 2) && !has(before, a->event))
            return a;
    return NULL;
}
static void mark_races(struct oracle *o, const struct access *a)
{
    const uint32_t end = (split(o, a->addr), split(o, a->addr + a->size));
    for (uint32_t i = oracle_segment(o, a->addr); i < end; i++)
        if (!o->segment[i].raced && oracle_racing(o, a, o->segment[i].start, NULL)) o->segment[i].raced = o->now + 1;
}
bool oracle_would_race(struct oracle *o, const struct world *w, const struct event *e)
{
    struct access a;
    if (!make_access(o, w, e, &a)) return false;
    begin_node(o, e->strand);
    for (uint32_t i = oracle_segment(o, a.addr); i < o->nsegments && o->segment[i].start < a.addr + a.size; i++) {
        const uintptr_t start = o->segment[i].start;
        if (oracle_racing(o, &a, start > a.addr ? start : a.addr, NULL)) return true;
    }
    return false;
}

// ---- the stream ------------------------------------------------------------------------------------------------

void oracle_init(struct oracle *o, bool c20)
{
    o->c20 = c20;
    o->now = o->nobjects = o->naccesses = 0;
    o->nsegments = 1;
    o->segment[0] = (struct segment){0};
    for (int i = 0; i < MAX_STRANDS; i++)
        o->strand[i] = (struct strand_state_of){.last = -1, .fence = -1, .born = -1, .end = -1};
}
const struct access *oracle_step(struct oracle *o, const struct world *w, const struct event *e)
{
    begin_node(o, e->strand);
    take_edges(o, w, e);
    if (e->op == OP_ALLOC || e->op == OP_UNMAP) forget(o, e->addr, e->size);
    struct access *a = &o->access[o->naccesses];
    const bool made = make_access(o, w, e, a);
    if (made) {
        mark_races(o, a);
        o->naccesses++;
    }
    if (e->op == OP_FREE) {
        const struct world_object *block = world_find(w, OBJECT_BLOCK, e->addr);
        if (block) drop_objects(o, block->addr, block->size);
    }
    // A root's creation and a child's are events of nobody or of the parent: they are not the child's own.
    if (e->op != OP_ROOT) o->strand[e->strand].last = (int32_t)o->now;
    o->now++;
    return made ? a : NULL;
}
