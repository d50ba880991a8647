#include "detector/sync.h"
#include "base/arena.h"
#include "base/sys.h"
#include "detector/objects.h"
#include "detector/shadow.h"
#include "detector/strand.h"

// ---- releases ------------------------------------------------------------------------------------------------

void det_release_drop(struct det_release *r)
{
    det_clock_drop(&r->clock);
    det_clock_drop(&r->must);
    det_clock_drop(&r->joined);
    det_clock_drop(&r->must_joined);
    r->slot = r->time = 0;
    r->must_too = false;
}
static bool learn(struct det_strand *s, const struct det_release *r)
{
    if (r->slot == DET_NO_SLOT) return det_clock_join(&s->clock, &r->clock);
    if (det_knows_publication(s, r->slot, r->time)) return false;
    det_clock_learn(&s->clock, &r->clock, r->slot, r->time);
    return true;
}
static bool learn_must(struct det_strand *s, const struct det_release *r)
{
    if (!r->must_too) return det_clock_join(&s->must, &r->must);
    if (det_knows_must_publication(s, r->slot, r->time)) return false;
    det_clock_learn(&s->must, &r->must, r->slot, r->time);
    return true;
}
bool det_release_acquire(struct det_strand *s, const struct det_release *r, int flags)
{
    const bool same =
        s->clock.root == s->must.root && r->clock.root == r->must.root && (r->must_too || r->slot == DET_NO_SLOT);
    bool learned = learn(s, r);
    if (flags & DET_MUST && same)
        det_clock_copy(&s->must, &s->clock);
    else if (flags & DET_MUST)
        learned |= learn_must(s, r);
    if (learned) s->learned = true;
    return learned;
}

// Everything goes into the trees, for another publication to join it.
static void spread(struct det_release *r)
{
    if (r->slot != DET_NO_SLOT) {
        det_clock_copy(&r->joined, &r->clock);
        det_clock_raise(&r->clock, r->slot, r->time);
    }
    if (r->must_too) {
        det_clock_copy(&r->must_joined, &r->must);
        det_clock_raise(&r->must, r->slot, r->time);
    }
    r->slot = DET_NO_SLOT;
    r->time = 0;
    r->must_too = false;
}
static void join(struct det_clock *into, struct det_clock *joined, const struct det_clock *tree, uint32_t slot,
                 uint32_t time)
{
    if (tree->root != joined->root) {
        det_clock_join_more(into, tree, joined);
        det_clock_copy(joined, tree);
    }
    det_clock_raise(into, slot, time);
}
// The clock and the must clock of s hold all that r does.
static bool holds_all(const struct det_strand *s, const struct det_release *r, bool must)
{
    if (r->slot == DET_NO_SLOT || !det_knows_publication(s, r->slot, r->time)) return false;
    if (!r->must_too) return !r->must.root || (must && r->must.root == s->must.root);
    return must && det_knows_must_publication(s, r->slot, r->time);
}
static void replace(struct det_strand *s, struct det_release *r, uint32_t time, bool must)
{
    det_clock_copy(&r->clock, &s->clock);
    if (must)
        det_clock_copy(&r->must, &s->must);
    else
        det_clock_drop(&r->must);
    if (unlikely(r->joined.root != NULL)) det_clock_drop(&r->joined);
    if (unlikely(r->must_joined.root != NULL)) det_clock_drop(&r->must_joined);
    r->slot = s->slot;
    r->time = time;
    r->must_too = must;
}
void det_release_publish(struct det_strand *s, struct det_release *r, int flags)
{
    const uint32_t time = det_publish_time(s);
    const bool must = flags & DET_MUST;
    if (must) s->must_published++;
    if (flags & DET_SET || holds_all(s, r, must)) {
        replace(s, r, time, must);
        return;
    }
    spread(r);
    const bool same =
        must && s->clock.root == s->must.root && r->clock.root == r->must.root && r->joined.root == r->must_joined.root;
    if (same) { // once for both, and so that nodes need no copy
        det_clock_drop(&r->must);
        det_clock_drop(&r->must_joined);
    }
    join(&r->clock, &r->joined, &s->clock, s->slot, time);
    if (same) {
        det_clock_copy(&r->must, &r->clock);
        det_clock_copy(&r->must_joined, &r->joined);
    } else if (must) {
        join(&r->must, &r->must_joined, &s->must, s->slot, time);
    }
}
// Two releases that nobody need have acquired from one another: both, joined.
void det_release_merge(struct det_release *into, const struct det_release *from)
{
    if (!from->clock.root && from->slot == 0 && from->time == 0) return; // empty
    if (!into->clock.root && into->slot == 0 && into->time == 0) {
        det_release_copy(into, from);
        return;
    }
    if (into->slot == from->slot && into->time == from->time && into->clock.root == from->clock.root) return;
    spread(into);
    det_clock_join(&into->clock, &from->clock);
    det_clock_join(&into->must, &from->must);
    if (from->slot != DET_NO_SLOT) det_clock_raise(&into->clock, from->slot, from->time);
    if (from->must_too) det_clock_raise(&into->must, from->slot, from->time);
}
void det_release_copy(struct det_release *into, const struct det_release *from)
{
    det_clock_copy(&into->clock, &from->clock);
    det_clock_copy(&into->must, &from->must);
    det_clock_copy(&into->joined, &from->joined);
    det_clock_copy(&into->must_joined, &from->must_joined);
    into->slot = from->slot;
    into->time = from->time;
    into->must_too = from->must_too;
}

// ---- objects -------------------------------------------------------------------------------------------------

enum { STRIPES = 1024, TYPE_SHIFT = 29, MAX_OBJECTS = 1 << 26 };
static const uint32_t sizes[DET_OBJ_TYPES] = {
    [DET_OBJ_SYNC] = sizeof(struct det_sync), [DET_OBJ_LOCK] = DET_LOCK_SIZE,
    [DET_OBJ_COND] = sizeof(struct det_cond), [DET_OBJ_BARRIER] = sizeof(struct det_barrier),
    [DET_OBJ_HEAP] = sizeof(struct det_heap),
};
static struct table {
    struct base_lock lock;
    char *base;    // constant once set
    uint32_t next; // guarded by lock; number 0 is never used
    uint32_t free; // guarded by lock: list through det_object.next
    uint32_t live;
} tables[DET_OBJ_TYPES];
static struct base_lock stripes[STRIPES];

static struct base_lock *stripe_of(uintptr_t addr) { return &stripes[(addr >> 3 ^ addr >> 13) % STRIPES]; }
static struct det_object *object_at(uint32_t index)
{
    const uint32_t type = index >> TYPE_SHIFT;
    return (struct det_object *)(tables[type].base + (size_t)(index & ((1u << TYPE_SHIFT) - 1)) * sizes[type]);
}
static struct det_object *object_new(uintptr_t addr, enum det_object_type type)
{
    struct table *t = &tables[type];
    base_lock(&t->lock);
    if (!t->base) {
        t->base = sys_reserve((size_t)MAX_OBJECTS * sizes[type]);
        t->next = 1;
        CHECK(t->base);
    }
    struct det_object *o;
    uint32_t index = t->free;
    if (index) {
        o = object_at(index);
        t->free = o->next;
        char *p = (char *)o;
        for (size_t i = sizeof *o; i < sizes[type]; i++) p[i] = 0;
    } else {
        CHECK(t->next < MAX_OBJECTS);
        index = (uint32_t)type << TYPE_SHIFT | t->next++;
        o = object_at(index);
    }
    t->live++;
    base_unlock(&t->lock);
    o->index = index;
    o->type = (uint8_t)type;
    o->addr = addr;
    return o;
}
static void object_free(struct det_object *o)
{
    struct table *t = &tables[o->type];
    base_lock(&t->lock);
    base_store_relaxed(&o->addr, 0u); // relaxed: a reader without the stripe lock compares and retries under it
    o->next = t->free;
    t->free = o->index;
    t->live--;
    base_unlock(&t->lock);
}
static uint32_t *head_of(const struct det_chunk *c, uintptr_t addr) { return &c->objects[(addr - c->base) >> 3]; }

static struct det_object *chain_find(uint32_t index, uintptr_t addr, enum det_object_type type)
{
    for (; index; index = object_at(index)->next)
        if (object_at(index)->addr == addr && object_at(index)->type == type) return object_at(index);
    return NULL;
}
// The head of the chain, without its lock: a match is the object, whatever else changes meanwhile; no match says nothing.
static struct det_object *peek(const struct det_chunk *c, uintptr_t addr, enum det_object_type type)
{
    const uint32_t index = base_load_acquire(head_of(c, addr)); // acquire: pairs with the release that linked it
    if (!index) return NULL;
    struct det_object *o = object_at(index);
    return base_load_relaxed(&o->addr) == addr && o->type == type ? o : NULL;
}
void *det_object_find(uintptr_t addr, enum det_object_type type)
{
    struct det_chunk c;
    if (!det_chunk_find(addr, &c)) return NULL;
    struct det_object *o = peek(&c, addr, type);
    if (o || !base_load_relaxed(head_of(&c, addr))) return o;
    base_lock(stripe_of(addr));
    o = chain_find(*head_of(&c, addr), addr, type);
    base_unlock(stripe_of(addr));
    return o;
}
void *det_object_get(uintptr_t addr, enum det_object_type type, bool *made)
{
    struct det_chunk c;
    if (made) *made = false;
    if (!det_chunk_make(addr, &c)) return NULL;
    struct det_object *o = peek(&c, addr, type);
    if (likely(o != NULL)) return o;
    struct base_lock *l = stripe_of(addr);
    base_lock(l);
    uint32_t *head = head_of(&c, addr);
    o = chain_find(*head, addr, type);
    if (!o) {
        o = object_new(addr, type);
        o->next = *head;
        c.occupied[(addr - c.base) / OBJECT_PAGE_SPAN] = 1;
        base_store_release(head, o->index); // release: the object is filled in; pairs with peek
        if (made) *made = true;
    }
    base_unlock(l);
    return o;
}
void det_object_remove(void *object)
{
    struct det_object *o = object;
    struct det_chunk c;
    if (!det_chunk_find(o->addr, &c)) return;
    struct base_lock *l = stripe_of(o->addr);
    base_lock(l);
    for (uint32_t *p = head_of(&c, o->addr); *p; p = &object_at(*p)->next)
        if (*p == o->index) {
            base_store_release(p, o->next);
            object_free(o);
            break;
        }
    base_unlock(l);
}
void det_object_each_in(uintptr_t addr, size_t size, void (*fn)(struct det_object *o, void *ctx), void *ctx)
{
    const uintptr_t end = addr + size;
    struct det_chunk c = {0};
    for (uintptr_t a = addr & ~(uintptr_t)7; a < end;) {
        if ((!c.cells || a - c.base >= CHUNK_BYTES) && !det_chunk_find(a, &c)) {
            a = (a | (CHUNK_BYTES - 1)) + 1;
            continue;
        }
        const uintptr_t span_end = (a | (OBJECT_PAGE_SPAN - 1)) + 1;
        if (!c.occupied[(a - c.base) / OBJECT_PAGE_SPAN]) {
            a = span_end;
            continue;
        }
        for (const uintptr_t stop = span_end < end ? span_end : end; a < stop; a += 8) {
            if (a % 16 == 0 && base_load_relaxed((const uint64_t *)head_of(&c, a)) == 0) { // two heads: mostly nothing
                a += 8;
                continue;
            }
            for (uint32_t i = base_load_acquire(head_of(&c, a)), next; i; i = next) {
                struct det_object *o = object_at(i);
                next = o->next;
                if (o->addr >= addr && o->addr < end) fn(o, ctx);
            }
        }
    }
}
uint64_t det_objects_count(enum det_object_type type) { return tables[type].live; }

static void empty(struct det_object *o)
{
    switch ((enum det_object_type)o->type) {
    case DET_OBJ_SYNC: det_sync_clear((struct det_sync *)o); break;
    case DET_OBJ_COND: det_release_drop(&((struct det_cond *)o)->signals); break;
    case DET_OBJ_BARRIER: det_barrier_clear((struct det_barrier *)o); break;
    case DET_OBJ_LOCK: // only at a reset; else locks.c empties it
        det_release_drop(&((struct det_lock *)o)->writes);
        det_release_drop(&((struct det_lock *)o)->reads);
        break;
    case DET_OBJ_HEAP:
    case DET_OBJ_TYPES: break;
    }
}
struct keep {
    enum det_keep what;
    uintptr_t addr;
};
static void gone(struct det_object *o, void *ctx)
{
    const struct keep *keep = ctx;
    if (o->type == DET_OBJ_HEAP && (keep->what == DET_KEEP_BLOCKS || (keep->what && o->addr == keep->addr))) return;
    if (o->type == DET_OBJ_LOCK)
        det_locks_object_gone(o); // removes it itself
    else {
        empty(o);
        det_object_remove(o);
    }
}
void det_objects_forget(uintptr_t addr, size_t size, enum det_keep what)
{
    det_object_each_in(addr, size, gone, &(struct keep){what, addr});
}
void det_objects_reset(void)
{
    for (int t = 0; t < DET_OBJ_TYPES; t++) {
        for (uint32_t i = 1; i < tables[t].next; i++) {
            struct det_object *o = object_at((uint32_t)t << TYPE_SHIFT | i);
            if (o->addr) empty(o);
        }
        if (tables[t].base) sys_unmap(tables[t].base, (size_t)MAX_OBJECTS * sizes[t]);
        tables[t] = (struct table){0};
    }
}

// ---- acquire and release on any address ----------------------------------------------------------------------

void det_acquire(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    if (!det_enter(s)) return;
    struct det_sync *o = det_object_find(addr, DET_OBJ_SYNC);
    if (o) {
        base_lock(&o->object.lock);
        det_release_acquire(s, &o->all, flags);
        base_unlock(&o->object.lock);
        det_history_note_at(s, DET_SYNC_ACQUIRE, addr, pc);
    }
    if (unlikely(s->carrier->idle) && !s->light) s->carrier->idle = false; // see det_strand_carry
    det_leave(s);
}
void det_release(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    if (!det_enter(s)) return;
    struct det_sync *o = det_object_get(addr, DET_OBJ_SYNC, NULL);
    if (o) {
        base_lock(&o->object.lock);
        det_release_publish(s, &o->all, flags);
        base_unlock(&o->object.lock);
        det_history_note_at(s, DET_SYNC_RELEASE, addr, pc);
    }
    det_leave(s);
}
void det_pass(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    if (!det_enter(s)) return;
    struct det_sync *o = det_object_get(addr, DET_OBJ_SYNC, NULL);
    if (o) {
        base_lock(&o->object.lock);
        det_release_acquire(s, &o->all, flags);
        det_release_publish(s, &o->all, flags | DET_SET);
        base_unlock(&o->object.lock);
        det_history_note_at(s, DET_SYNC_RELEASE, addr, pc); // nothing comes between the two
    }
    if (unlikely(s->carrier->idle) && !s->light) s->carrier->idle = false; // as in det_acquire
    det_leave(s);
}
static void destroy(struct det_strand *s, uintptr_t addr, enum det_object_type type)
{
    if (!det_enter(s)) return;
    struct det_object *o = det_object_find(addr, type);
    if (o) {
        empty(o);
        det_object_remove(o);
    }
    det_leave(s);
}
void det_sync_destroy(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    (void)pc;
    destroy(s, addr, DET_OBJ_SYNC);
}

// ---- condition variables: a clock joined by signals while somebody waits, emptied when the last waiter leaves -----

void det_cond_wait_begin(struct det_strand *s, uintptr_t pc, uintptr_t cond)
{
    (void)pc;
    if (!det_enter(s)) return;
    struct det_cond *c = det_object_get(cond, DET_OBJ_COND, NULL);
    if (c) {
        base_lock(&c->object.lock);
        c->waiters++;
        base_unlock(&c->object.lock);
    }
    det_leave(s);
}
void det_cond_wait_end(struct det_strand *s, uintptr_t pc, uintptr_t cond, bool woken)
{
    if (!det_enter(s)) return;
    struct det_cond *c = det_object_find(cond, DET_OBJ_COND);
    if (c) {
        base_lock(&c->object.lock);
        if (woken) det_release_acquire(s, &c->signals, DET_MUST);
        if (c->waiters && --c->waiters == 0) det_release_drop(&c->signals);
        base_unlock(&c->object.lock);
        if (woken) det_history_note_at(s, DET_SYNC_WAIT, cond, pc);
    }
    det_leave(s);
}
void det_cond_signal(struct det_strand *s, uintptr_t pc, uintptr_t cond, bool all)
{
    if (!det_enter(s)) return;
    struct det_cond *c = det_object_find(cond, DET_OBJ_COND);
    if (c) {
        base_lock(&c->object.lock);
        const bool heard = c->waiters != 0;
        if (heard) det_release_publish(s, &c->signals, DET_MUST);
        base_unlock(&c->object.lock);
        if (heard) det_history_note_at(s, all ? DET_SYNC_BROADCAST : DET_SYNC_SIGNAL, cond, pc);
    }
    det_leave(s);
}
void det_cond_destroy(struct det_strand *s, uintptr_t pc, uintptr_t cond)
{
    (void)pc;
    destroy(s, cond, DET_OBJ_COND);
}

// ---- barriers ------------------------------------------------------------------------------------------------
// The clock of a generation fills while strands enter. It is complete when the count-th has entered; those who leave
// learn it. Generation g + 1 may fill, and even complete when more strands than count use the barrier, before all of
// g have left; so complete clocks are kept until their last strand has left, in a list of generations.

static struct det_generation *generation(struct det_barrier *b, uint64_t number)
{
    for (struct det_generation *g = b->generations; g; g = g->next)
        if (g->number == number) return g;
    struct det_generation *g = base_alloc(sizeof *g);
    g->number = number;
    g->next = b->generations;
    return b->generations = g;
}
static void generation_free(struct det_barrier *b, struct det_generation *g)
{
    struct det_generation **p = &b->generations;
    while (*p != g) p = &(*p)->next;
    *p = g->next;
    det_release_drop(&g->release);
    base_free(g, sizeof *g);
}
void det_barrier_clear(struct det_barrier *b)
{
    while (b->generations) generation_free(b, b->generations);
}
void det_barrier_init(struct det_strand *s, uintptr_t pc, uintptr_t addr, uint32_t count)
{
    (void)pc;
    if (!det_enter(s)) return;
    struct det_barrier *b = det_object_get(addr, DET_OBJ_BARRIER, NULL);
    if (b) {
        base_lock(&b->object.lock);
        det_barrier_clear(b);
        b->count = count;
        b->filling = 0;
        base_unlock(&b->object.lock);
    }
    det_leave(s);
}
uint64_t det_barrier_enter(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    if (!det_enter(s)) return 0;
    uint64_t token = 0;
    struct det_barrier *b = det_object_get(addr, DET_OBJ_BARRIER, NULL);
    if (b) {
        base_lock(&b->object.lock);
        struct det_generation *g = generation(b, b->filling);
        det_release_publish(s, &g->release, DET_MUST);
        if (++g->entered == b->count) b->filling++;
        token = g->number + 1;
        base_unlock(&b->object.lock);
        det_history_note_at(s, DET_SYNC_BARRIER, addr, pc);
    }
    det_leave(s);
    return token;
}
void det_barrier_leave(struct det_strand *s, uintptr_t pc, uintptr_t addr, uint64_t token)
{
    if (!token || !det_enter(s)) return;
    struct det_barrier *b = det_object_find(addr, DET_OBJ_BARRIER);
    if (b) {
        base_lock(&b->object.lock);
        struct det_generation *g = generation(b, token - 1);
        det_release_acquire(s, &g->release, DET_MUST);
        if (++g->left >= g->entered && g->number < b->filling) generation_free(b, g);
        base_unlock(&b->object.lock);
        det_history_note_at(s, DET_SYNC_BARRIER, addr, pc);
    }
    det_leave(s);
}
void det_barrier_destroy(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    (void)pc;
    destroy(s, addr, DET_OBJ_BARRIER);
}
