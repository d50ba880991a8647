// detector/heap.c: the life of memory. A block counts as written by its allocation and by its free. The block's entry
// stays, marked freed, until its memory is handed out again, so that a late access can be told from where it came.
#include "detector/access.h"
#include "detector/objects.h"
#include "detector/stack.h"
#include "detector/sweep.h"

void det_alloc(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size)
{
    if (!size || !det_enter(s)) return;
    // An allocator mostly hands out what it has just taken back, so the block's entry is used again.
    det_objects_forget(addr, size, DET_KEEP_FIRST);
    const uint32_t stamp = det_stamp_get(s, pc, det_what(DET_WRITE, DET_BY_MALLOC, 0));
    struct det_heap *h = det_object_get(addr, DET_OBJ_HEAP, NULL);
    if (h) {
        h->size = size;
        h->allocated = stamp ? det_stamp_at(stamp)->site : 0;
        h->freed = false;
        h->strand = s->record->id;
    }
    det_access_overwrite(s, addr, size, det_cfg.report_races && !s->ignore ? stamp : 0);
    det_leave(s);
}
bool det_free(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    if (!det_enter(s)) return true;
    struct det_heap *h = det_object_find(addr, DET_OBJ_HEAP);
    const bool known = h && !h->freed;
    if (known) {
        const size_t size = h->size;
        h->freed = true;
        if (det_cfg.report_races && !s->ignore) {
            const struct det_current now = {pc, addr, size, DET_WRITE, DET_BY_FREE};
            const uint32_t stamp = det_stamp_get(s, pc, det_what(DET_WRITE, DET_BY_FREE, 0));
            struct det_pending p;
            det_pending_init(&p);
            if (stamp)
                det_access_cells(s, addr, size, stamp, &p);
            else
                det_give_up();
            if (unlikely(p.n)) det_races_report(s, &now, &p);
        }
        det_objects_forget(addr, size, DET_KEEP_BLOCKS);
    }
    det_leave(s);
    return known;
}
void det_memory_forget(struct det_strand *s, uintptr_t addr, size_t size)
{
    det_objects_forget(addr, size, DET_KEEP_NOTHING);
    det_access_overwrite(s, addr, size, 0);
}
void det_unmap(struct det_strand *s, uintptr_t addr, size_t size)
{
    if (!size || !det_enter(s)) return;
    det_memory_forget(s, addr, size);
    det_leave(s);
}

// ---- for reports: which block an address is in -----------------------------------------------------------------

enum { LOOK_BACK = 1 << 30 }; // bytes before the address in which its block may start
struct search {
    uintptr_t addr;
    struct det_heap *best;
};
static void consider(struct det_object *o, void *ctx)
{
    struct search *q = ctx;
    struct det_heap *h = (struct det_heap *)o;
    if (o->type == DET_OBJ_HEAP && q->addr - o->addr < h->size && (!q->best || o->addr > q->best->object.addr))
        q->best = h;
}
bool det_location_find(uintptr_t addr, struct det_location *out, uint32_t *who)
{
    struct search q = {addr, NULL};
    *out = (struct det_location){.where = DET_WHERE_UNKNOWN};
    for (uintptr_t back = 1 << 16; !q.best && back <= LOOK_BACK && back <= addr; back <<= 7)
        det_object_each_in(addr - back + 1, back, consider, &q);
    if (q.best) {
        out->where = DET_WHERE_HEAP;
        out->addr = q.best->object.addr;
        out->size = q.best->size;
        out->freed = q.best->freed;
        *who = q.best->strand;
        det_stack_read(q.best->allocated, &out->allocated);
        return true;
    }
    uintptr_t lo, hi;
    if (!det_strand_at(addr, who, &lo, &hi)) return false;
    out->where = DET_WHERE_STACK;
    out->addr = lo;
    out->size = hi - lo;
    return true;
}
