#include "world.h"

#include "detector/event.h"

#include <string.h>

struct world_object *world_find(const struct world *w, enum object_kind kind, uintptr_t addr)
{
    for (uint32_t i = 0; i < w->nobjects; i++)
        if (w->object[i].kind == kind && w->object[i].addr == addr) return (struct world_object *)&w->object[i];
    return NULL;
}
static struct world_object *make(struct world *w, enum object_kind kind, uintptr_t addr)
{
    struct world_object *o = &w->object[w->nobjects++];
    *o = (struct world_object){.kind = kind, .addr = addr};
    return o;
}
static void drop(struct world *w, struct world_object *o)
{
    if (o) *o = w->object[--w->nobjects];
}
bool world_free_to_act(const struct world_strand *s)
{
    return s->state == STRAND_RUNNING && !s->wants && !s->cond && !s->barrier;
}
const struct held *world_held(const struct world_strand *s, uintptr_t lock)
{
    for (uint32_t i = 0; i < s->nheld; i++)
        if (s->held[i].lock == lock) return &s->held[i];
    return NULL;
}

static bool overlap(uintptr_t a, size_t na, uintptr_t b, size_t nb) { return a < b + nb && b < a + na; }

// May s take the lock now?
static bool available(const struct world *w, const struct world_strand *s, uintptr_t lock, bool read)
{
    const struct world_object *o = world_find(w, OBJECT_LOCK, lock);
    if (read && o && o->created && !(o->flags & DET_LOCK_RW)) return false;
    for (int i = 0; i < MAX_STRANDS; i++) {
        const struct world_strand *t = &w->strand[i];
        const struct held *h = t->state == STRAND_RUNNING ? world_held(t, lock) : NULL;
        if (!h || (read && h->read)) continue;
        const bool again = t == s && !read && !h->read && (!o || !o->created || o->flags & DET_LOCK_RECURSIVE);
        if (!again) return false;
    }
    return world_held(s, lock) || s->nheld < MAX_HELD;
}
// Does somebody hold, want or wait at something in these bytes?
static bool in_use(const struct world *w, uintptr_t addr, size_t size)
{
    for (int i = 0; i < MAX_STRANDS; i++) {
        const struct world_strand *s = &w->strand[i];
        if (s->state != STRAND_RUNNING) continue;
        for (uint32_t j = 0; j < s->nheld; j++)
            if (overlap(s->held[j].lock, 1, addr, size)) return true;
        if (overlap(s->wants, 1, addr, size) || overlap(s->cond, 1, addr, size) || overlap(s->mutex, 1, addr, size) ||
            overlap(s->barrier, 1, addr, size))
            return true;
    }
    return false;
}
// No live block may overlap, unless it lies wholly inside and `inside` allows that.
static bool clear_of_blocks(const struct world *w, uintptr_t addr, size_t size, bool inside)
{
    for (uint32_t i = 0; i < w->nobjects; i++) {
        const struct world_object *o = &w->object[i];
        if (o->kind != OBJECT_BLOCK || !overlap(o->addr, o->size, addr, size)) continue;
        if (!inside || o->addr < addr || o->addr + o->size > addr + size) return false;
    }
    return true;
}

static bool lock_legal(const struct world *w, const struct world_strand *s, const struct event *e)
{
    const bool read = e->flags & DET_LOCK_READ, try = e->flags & DET_LOCK_TRY;
    const struct world_object *o = world_find(w, OBJECT_LOCK, e->addr);
    const struct held *h = world_held(s, e->addr);
    switch (e->op) {
    case OP_LOCK_CREATE: return !o && w->nobjects < 4 * MAX_OBJECTS;
    case OP_LOCK_DESTROY: return o && !in_use(w, e->addr, 1);
    case OP_REQUEST: // a strand never waits for what it holds itself, unless it will get it
        if (w->nobjects == 4 * MAX_OBJECTS) return false;
        return try || (h ? available(w, s, e->addr, read) : s->nheld < MAX_HELD);
    case OP_LOCK:
        return available(w, s, e->addr, read) && w->nobjects < 4 * MAX_OBJECTS &&
               (try ? !s->wants : s->wants == e->addr && s->wants_read == read);
    case OP_UNLOCK: return h && h->read == read;
    default: return false;
    }
}
static bool wait_legal(const struct world *w, const struct world_strand *s, const struct event *e)
{
    const struct held *h = world_held(s, e->mutex);
    const struct world_object *b = world_find(w, OBJECT_BARRIER, e->addr);
    switch (e->op) {
    case OP_WAIT_BEGIN: return h && !h->read && h->count == 1 && w->nobjects < 4 * MAX_OBJECTS;
    case OP_WAIT_END: return s->cond == e->addr && s->mutex == e->mutex && available(w, s, e->mutex, false);
    case OP_SIGNAL: return true;
    case OP_COND_DESTROY: return !in_use(w, e->addr, 1);
    case OP_BARRIER_INIT: return !b && e->size > 0 && w->nobjects < 4 * MAX_OBJECTS;
    case OP_BARRIER_ENTER: return b != NULL;
    case OP_BARRIER_LEAVE: return b && s->barrier == e->addr && s->round != b->round;
    case OP_BARRIER_DESTROY: return b && !b->inside;
    default: return false;
    }
}
static bool life_legal(const struct world *w, const struct world_strand *s, const struct event *e)
{
    const struct world_strand *child = &w->strand[e->other];
    switch (e->op) {
    case OP_CREATE: return child->state == STRAND_UNBORN;
    case OP_FINISH: return s->nheld == 0;
    case OP_JOIN: return child->state == STRAND_FINISHED && !child->detached;
    case OP_DETACH:
        return child != s && !child->detached &&
               (child->state == STRAND_CREATED || child->state == STRAND_RUNNING || child->state == STRAND_FINISHED);
    case OP_ABANDON: return child->state == STRAND_CREATED && !child->detached;
    default: return false;
    }
}
bool world_legal(const struct world *w, const struct event *e)
{
    const struct world_strand *s = &w->strand[e->strand];
    if (e->op == OP_ROOT) return s->state == STRAND_UNBORN;
    if (e->op == OP_START) return s->state == STRAND_CREATED;
    if (s->state != STRAND_RUNNING) return false;
    if (s->cond) return e->op == OP_WAIT_END && wait_legal(w, s, e);
    if (s->barrier) return e->op == OP_BARRIER_LEAVE && wait_legal(w, s, e);
    if (s->wants) return e->op == OP_LOCK && lock_legal(w, s, e);
    switch (e->op) {
    case OP_CREATE ... OP_ABANDON: return life_legal(w, s, e);
    case OP_LOCK_CREATE ... OP_UNLOCK: return lock_legal(w, s, e);
    case OP_WAIT_BEGIN ... OP_BARRIER_DESTROY: return wait_legal(w, s, e);
    case OP_ENTER: return s->depth < MAX_DEPTH && (!s->depth || e->addr < s->frame_sp[s->depth - 1]);
    case OP_EXIT: return s->depth > 0;
    case OP_UNIGNORE: return s->ignore > 0;
    case OP_ALLOC:
        return e->size && clear_of_blocks(w, e->addr, e->size, false) && !in_use(w, e->addr, e->size) &&
               w->nobjects < 4 * MAX_OBJECTS;
    case OP_FREE: {
        const struct world_object *o = world_find(w, OBJECT_BLOCK, e->addr);
        return !o || !in_use(w, o->addr, o->size);
    }
    case OP_UNMAP: return clear_of_blocks(w, e->addr, e->size, true) && !in_use(w, e->addr, e->size);
    default: return true;
    }
}

static void take(struct world *w, struct world_strand *s, uintptr_t lock, bool read)
{
    if (!world_find(w, OBJECT_LOCK, lock)) make(w, OBJECT_LOCK, lock);
    struct held *h = (struct held *)world_held(s, lock);
    if (h)
        h->count++;
    else
        s->held[s->nheld++] = (struct held){lock, 1, read};
    s->wants = 0;
}
static void let_go(struct world_strand *s, uintptr_t lock)
{
    struct held *h = (struct held *)world_held(s, lock);
    if (--h->count == 0) *h = s->held[--s->nheld];
}
static void forget(struct world *w, uintptr_t addr, size_t size)
{
    for (uint32_t i = w->nobjects; i-- > 0;)
        if (overlap(w->object[i].addr, 1, addr, size)) drop(w, &w->object[i]);
}
static void enter_barrier(struct world_strand *s, struct world_object *b)
{
    s->barrier = b->addr;
    s->round = b->round;
    b->inside++;
    if (++b->here == b->count) {
        b->here = 0;
        b->round++;
    }
}
static void apply_life(struct world *w, struct world_strand *s, const struct event *e)
{
    struct world_strand *child = &w->strand[e->other];
    switch (e->op) {
    case OP_CREATE: child->state = STRAND_CREATED; break;
    case OP_ROOT: s->state = STRAND_CREATED; break;
    case OP_START:
        s->state = STRAND_RUNNING;
        w->running++;
        break;
    case OP_FINISH:
        s->state = s->detached ? STRAND_GONE : STRAND_FINISHED;
        w->running--;
        break;
    case OP_DETACH:
        child->detached = true;
        if (child->state == STRAND_FINISHED) child->state = STRAND_GONE;
        break;
    default: child->state = STRAND_GONE; break; // joined or abandoned
    }
}
void world_apply(struct world *w, const struct event *e)
{
    struct world_strand *s = &w->strand[e->strand];
    struct world_object *b = world_find(w, OBJECT_BARRIER, e->addr);
    switch (e->op) {
    case OP_CREATE ... OP_ABANDON: apply_life(w, s, e); break;
    case OP_ENTER:
        s->frame_pc[s->depth] = e->pc;
        s->frame_sp[s->depth++] = e->addr;
        break;
    case OP_EXIT: s->depth--; break;
    case OP_UNWIND:
        while (s->depth && s->frame_sp[s->depth - 1] < e->addr) s->depth--;
        break;
    case OP_IGNORE: s->ignore++; break;
    case OP_UNIGNORE: s->ignore--; break;
    case OP_LOCK_CREATE: {
        struct world_object *o = make(w, OBJECT_LOCK, e->addr);
        o->created = true;
        o->flags = e->flags;
        break;
    }
    case OP_LOCK_DESTROY: drop(w, world_find(w, OBJECT_LOCK, e->addr)); break;
    case OP_REQUEST:
        if (e->flags & DET_LOCK_TRY) break;
        s->wants = e->addr;
        s->wants_read = e->flags & DET_LOCK_READ;
        break;
    case OP_LOCK: take(w, s, e->addr, e->flags & DET_LOCK_READ); break;
    case OP_UNLOCK: let_go(s, e->addr); break;
    case OP_WAIT_BEGIN:
        let_go(s, e->mutex);
        s->cond = e->addr;
        s->mutex = e->mutex;
        break;
    case OP_WAIT_END:
        take(w, s, e->mutex, false);
        s->cond = s->mutex = 0;
        break;
    case OP_BARRIER_INIT: make(w, OBJECT_BARRIER, e->addr)->count = (uint32_t)e->size; break;
    case OP_BARRIER_ENTER: enter_barrier(s, b); break;
    case OP_BARRIER_LEAVE:
        b->inside--;
        s->barrier = 0;
        break;
    case OP_BARRIER_DESTROY: drop(w, b); break;
    case OP_ALLOC:
        forget(w, e->addr, e->size);
        make(w, OBJECT_BLOCK, e->addr)->size = e->size;
        break;
    case OP_FREE: {
        const struct world_object *o = world_find(w, OBJECT_BLOCK, e->addr);
        if (o) forget(w, o->addr, o->size);
        break;
    }
    case OP_UNMAP: forget(w, e->addr, e->size); break;
    default: break;
    }
}
