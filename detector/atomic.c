// detector/atomic.c: atomic operations and fences, to the letter of C11 (C17 5.1.2.4, 7.17.3).
//
// The value of an atomic object carries publications (heads), one for each strand that heads a release sequence which
// the value belongs to. An operation of the strand s, with P what s publishes now, F what its last release fence did:
//     release store         heads = {s: P}
//     other store           heads = {s: s's own head (C11/C17, not C20) joined with F}, or none
//     release read-modify-write    heads + {s: P}            other    heads + {s: F}
// An acquire load learns all heads; another load keeps them for the next acquire fence. The access itself is checked
// after the acquire and stamped before the release, for it happens after the one and before the other.
//
// begin leaves the strand in its section and the object locked; end undoes both.
#include "base/arena.h"
#include "detector/access.h"
#include "detector/objects.h"

static bool is_empty(const struct det_release *r) { return !r->clock.root && r->slot == 0 && r->time == 0; }
static bool acquires(int order)
{
    return order == __ATOMIC_CONSUME || order == __ATOMIC_ACQUIRE || order >= __ATOMIC_ACQ_REL;
}
static bool releases(int order) { return order == __ATOMIC_RELEASE || order >= __ATOMIC_ACQ_REL; }

static void heads_free(struct det_sync *o)
{
    for (uint32_t i = 0; i < o->nheads; i++) det_release_drop(&o->heads[i].release);
    base_free(o->heads, o->cap * sizeof *o->heads);
    o->heads = NULL;
    o->nheads = o->cap = 0;
}
void det_sync_clear(struct det_sync *o)
{
    heads_free(o);
    det_release_drop(&o->all);
}
static struct det_head *head_find(struct det_sync *o, uint32_t strand)
{
    for (uint32_t i = 0; i < o->nheads; i++)
        if (o->heads[i].strand == strand) return &o->heads[i];
    return NULL;
}
static struct det_head *head_add(struct det_sync *o, uint32_t strand)
{
    if (o->nheads == o->cap) {
        const uint32_t cap = o->cap ? 2 * o->cap : 4;
        struct det_head *grown = base_alloc(cap * sizeof *grown);
        for (uint32_t i = 0; i < o->nheads; i++) grown[i] = o->heads[i];
        base_free(o->heads, o->cap * sizeof *grown);
        o->heads = grown;
        o->cap = cap;
    }
    o->heads[o->nheads] = (struct det_head){.strand = strand};
    return &o->heads[o->nheads++];
}
// A store that is no release, or the plain part of one that a fence makes a release: other strands' sequences end.
static void store_relaxed(struct det_strand *s, struct det_sync *o)
{
    const uint32_t me = s->record->id;
    struct det_release mine = {0};
    if (!det_cfg.memory_model_c20) {
        const struct det_head *h = head_find(o, me);
        if (h)
            det_release_copy(&mine, &h->release);
        else if (!o->nheads && o->sole_head == me)
            det_release_copy(&mine, &o->all);
    }
    if (s->fenced) det_release_merge(&mine, &s->fence);
    heads_free(o);
    det_release_copy(&o->all, &mine);
    o->sole_head = me;
    det_release_drop(&mine);
}
static void store_release(struct det_strand *s, struct det_sync *o)
{
    heads_free(o);
    det_release_publish(s, &o->all, DET_SET);
    o->sole_head = s->record->id;
}
// Adds what s contributes by a read-modify-write: from != NULL: that; else a publication.
static void rmw(struct det_strand *s, struct det_sync *o, const struct det_release *from)
{
    const uint32_t me = s->record->id;
    const bool alone = !o->nheads && (is_empty(&o->all) || o->sole_head == me);
    if (!alone) {
        if (!o->nheads) det_release_copy(&head_add(o, o->sole_head)->release, &o->all);
        struct det_head *h = head_find(o, me);
        if (!h) h = head_add(o, me);
        if (from)
            det_release_merge(&h->release, from);
        else
            det_release_publish(s, &h->release, DET_SET); // holds all that I published before
    }
    if (from)
        det_release_merge(&o->all, from);
    else
        det_release_publish(s, &o->all, 0);
    if (alone) o->sole_head = me;
}

static void object_lock(struct det_strand *s, uintptr_t addr, struct det_atomic *op)
{
    struct det_sync *o = det_object_get(addr, DET_OBJ_SYNC, NULL);
    if (o) {
        base_lock(&o->object.lock);
        op->object = o;
    } else {
        det_leave(s);
    }
}
void det_atomic_begin(struct det_strand *s, uintptr_t pc, uintptr_t addr, uint32_t size, struct det_atomic *op)
{
    *op = (struct det_atomic){NULL, pc, addr, size};
    if (!det_enter(s)) return;
    object_lock(s, addr, op);
}
// True: s has learned something.
static bool clock_before(struct det_strand *s, struct det_sync *o, enum det_op what, int order)
{
    if (what == DET_OP_STORE || is_empty(&o->all)) return false;
    if (acquires(order)) return det_release_acquire(s, &o->all, 0);
    det_release_merge(&s->pending, &o->all);
    return false;
}
static void clock_after(struct det_strand *s, struct det_sync *o, enum det_op what, int order)
{
    if (what == DET_OP_LOAD) return;
    if (what == DET_OP_STORE) {
        if (releases(order))
            store_release(s, o);
        else if (s->fenced || !is_empty(&o->all))
            store_relaxed(s, o);
    } else {
        if (releases(order))
            rmw(s, o, NULL);
        else if (s->fenced)
            rmw(s, o, &s->fence);
    }
}
void det_atomic_end(struct det_strand *s, struct det_atomic *op, enum det_op what, int order)
{
    struct det_sync *o = op->object;
    if (!o) return;
    const struct det_current now = {op->pc, op->addr, op->size,
                                    what == DET_OP_LOAD ? DET_ATOMIC_READ : DET_ATOMIC_WRITE, DET_BY_PROGRAM};
    struct det_pending p;
    det_pending_init(&p);
    const bool learned = clock_before(s, o, what, order), published = what != DET_OP_LOAD && releases(order);
    if (!s->ignore && det_cfg.report_races) {
        const uint32_t stamp = det_stamp_get(s, now.pc, det_what(now.kind, now.origin, now.size));
        if (likely(stamp))
            det_access_cells(s, now.addr, now.size, stamp, &p);
        else
            det_give_up();
    }
    clock_after(s, o, what, order);
    base_unlock(&o->object.lock);
    if (unlikely(p.n)) {
        if (!det_cfg.report_atomic_races) p.n = 0; // looked at all the same: plain accesses race with it
        det_races_report(s, &now, &p);
    }
    if (learned || published) // after the report: it was not before the access
        det_history_note_at(s, published ? DET_SYNC_ATOMIC_RELEASE : DET_SYNC_ATOMIC_ACQUIRE, op->addr, op->pc);
    det_leave(s);
}
void det_fence(struct det_strand *s, uintptr_t pc, int order)
{
    if (!det_enter(s)) return;
    bool synced = releases(order);
    if (acquires(order)) {
        synced |= det_release_acquire(s, &s->pending, 0);
        det_release_drop(&s->pending);
    }
    if (releases(order)) {
        det_release_publish(s, &s->fence, DET_SET);
        s->fenced = true;
    }
    if (synced) det_history_note_at(s, DET_SYNC_FENCE, 0, pc);
    det_leave(s);
}
