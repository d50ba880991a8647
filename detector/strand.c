#include "detector/strand.h"
#include "base/arena.h"
#include "base/print.h"
#include "detector/owner.h"
#include "detector/shadow.h"
#include "detector/stack.h"
#include "detector/stamp.h"
#include "detector/sweep.h"

uint32_t det_stopping;
bool det_need_fence;
struct det_strand det_nobody = {.in = DET_REPORTING}; // refuses every section, also before det_init
__thread struct det_strand *det_tls = &det_nobody;

struct base_lock det_strands_lock;
struct det_strand *det_strands;           // guarded by det_strands_lock
static struct det_strand_record *records; // guarded by det_strands_lock
static uint32_t next_id;                  // guarded by det_strands_lock
static struct base_pool pool = {.size = sizeof(struct det_strand)};
#ifdef RAVEL_TINY
enum { FIRST_CREDIT = 8300 }; // for two pages
#else
enum { FIRST_CREDIT = 64 << 10 }; // a worker's input was mostly made by another thread
#endif
static uint64_t dropped; // atomic counter

// ---- slots ---------------------------------------------------------------------------------------------------
// A slot's owners in order: who had it from which time on. A free slot may be taken by a child whose creator knows
// the last time used, or, once a sweep has found that nothing names it, by anyone. Its time continues.

struct owner {
    uint32_t from;
    struct det_strand_record *record;
};
struct slot {
    struct owner *owners;
    uint32_t n, cap;
    uint32_t last; // last time used, once free
    bool free;
    bool anyone; // free, and nothing names it
};
static struct slot *
    slots; // constant after init; guarded by det_strands_lock; entries of a slot are stable while a section can see a stamp of it
static uint32_t nslots;
uint32_t *det_slot_since;
enum { LOOK = 64 }; // free slots looked at before a new one is made

static uint32_t max_time(void) { return det_cfg.max_time ? det_cfg.max_time : UINT32_MAX - 1; }

static void slot_own(uint32_t slot, uint32_t from, struct det_strand_record *r)
{
    struct slot *t = &slots[slot];
    if (t->n == t->cap) {
        const uint32_t cap = t->cap ? 2 * t->cap : 2;
        struct owner *grown = base_alloc(cap * sizeof *grown);
        for (uint32_t i = 0; i < t->n; i++) grown[i] = t->owners[i];
        // The old array is left to readers that may still look at it: they hold no lock (det_strand_who).
        base_store_release(&t->owners, grown); // release: pairs with the acquire in det_strand_who
        t->cap = cap;
    }
    t->owners[t->n] = (struct owner){from, r};
    base_store_release(&t->n, t->n + 1); // release: the entry is there
    t->free = t->anyone = false;
}
// A slot for a strand whose creator knows `known` (NULL: nothing); *from is its first time.
static uint32_t slot_take(const struct det_strand *creator, struct det_strand_record *r, uint32_t *from)
{
    const uint32_t limit = nslots < LOOK ? nslots : LOOK;
    static uint32_t cursor;
    for (uint32_t k = 0; k < limit; k++) {
        const uint32_t i = cursor++ % nslots;
        struct slot *t = &slots[i];
        if (!t->free || t->last + 3 > max_time()) continue;
        if (!t->anyone && !(creator && det_knows(creator, i, t->last) && det_knows_must(creator, i, t->last))) continue;
        *from = t->last + 1;
        if (t->anyone) base_store_relaxed(&det_slot_since[i], *from); // relaxed: see det_knows_publication
        slot_own(i, *from, r);
        return i;
    }
    CHECK(nslots < DET_MAX_SLOT);
    *from = 1;
    slot_own(nslots, 1, r);
    return nslots++;
}
static void slot_release(uint32_t slot, uint32_t last)
{
    slots[slot].last = last;
    slots[slot].free = true;
}
struct det_strand_record *det_strand_who(uint32_t slot, uint32_t time)
{
    const struct slot *t = &slots[slot];
    uint32_t n = base_load_acquire(&t->n); // acquire: pairs with slot_own
    const struct owner *o = base_load_acquire(&t->owners);
    while (n > 1 && o[n - 1].from > time) n--;
    return o[n - 1].record;
}
void det_slots_mark(const uint8_t *named, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (slots[i].free) slots[i].anyone = !named[i];
}
uint32_t det_slots_count(void) { return nslots; }

// ---- time ----------------------------------------------------------------------------------------------------

static void slot_move(struct det_strand *s)
{
    base_lock(&det_strands_lock);
    uint32_t from;
    const uint32_t old = s->slot, old_time = s->time;
    det_clock_raise(&s->clock, old, old_time);
    det_clock_raise(&s->must, old, old_time);
    const uint32_t fresh = slot_take(s, s->record, &from);
    slot_release(old, old_time);
    s->slot = fresh;
    det_history_moved(s);
    s->time = from; // the caller ticks past it: what is published under `from` carries the old slot in its tree
    base_unlock(&det_strands_lock);
}
static void tick(struct det_strand *s)
{
    if (unlikely(s->time + 1 > max_time())) slot_move(s);
    s->time++;
    s->stamped = s->learned = false;
    det_stamp_new_epoch(s);
}
uint32_t det_publish_time(struct det_strand *s)
{
    if (s->stamped || s->learned) tick(s);
    return s->time - 1;
}

// ---- life ----------------------------------------------------------------------------------------------------

static void unlink_strand(struct det_strand *s)
{
    assert_locked(&det_strands_lock);
    if (s->prev)
        s->prev->next = s->next;
    else
        det_strands = s->next;
    if (s->next) s->next->prev = s->prev;
}
static void frames_map(struct det_strand *s, size_t bytes)
{
    bytes = (bytes + 4095) & ~(size_t)4095;
    s->hot.frame_lo = s->hot.frame = sys_reserve(bytes);
    s->hot.frame_end = s->hot.frame_lo ? s->hot.frame_lo + bytes / sizeof(struct det_frame) : NULL;
}
static void strand_free(struct det_strand *s)
{
    if (s->hot.frame_lo)
        sys_unmap(s->hot.frame_lo, (size_t)(s->hot.frame_end - s->hot.frame_lo) * sizeof(struct det_frame));
    det_release_drop(&s->exit);
    base_pool_put(&pool, s);
}

struct det_strand *det_strand_create(struct det_strand *parent, uintptr_t pc)
{
    const bool inside = parent && det_enter(parent);
    if (parent && !inside) parent = NULL; // from a handler inside the detector: an orphan
    const uint32_t created = parent ? det_stack_of(parent, pc) : 0;
    const uint32_t published = parent ? det_publish_time(parent) : 0;
    struct det_strand *s = base_pool_get(&pool);
    *s = (struct det_strand){.time = 1, .tag = s->tag, .credit = FIRST_CREDIT};
    if (!s->tag) det_owner_join(s);
    struct det_strand_record *r = base_arena_alloc(sizeof *r);
    *r = (struct det_strand_record){.parent = parent ? parent->record->id : DET_NO_SLOT, .created = created};
    s->record = r;
    if (parent) {
        det_clock_copy(&s->clock, &parent->clock);
        det_clock_raise(&s->clock, parent->slot, published);
        det_clock_copy(&s->must, &parent->must);
        det_clock_raise(&s->must, parent->slot, published);
        parent->must_published++;
    }
    base_lock(&det_strands_lock);
    r->id = next_id++;
    r->next = records;
    base_store_release(&records, r); // release: pairs with det_strand_at
    s->slot = slot_take(parent, r, &s->time);
    s->learned = true;
    det_history_begin(s);
    s->next = det_strands;
    if (det_strands) det_strands->prev = s;
    det_strands = s;
    base_unlock(&det_strands_lock);
    if (parent) det_history_note(parent, DET_SYNC_CREATE, (uintptr_t)r, 0, created);
    if (inside) det_leave(parent);
    return s;
}
void det_strand_start(struct det_strand *s, int tid, uintptr_t stack_lo, uintptr_t stack_hi)
{
    s->record->tid = tid;
    s->record->stack_lo = stack_lo;
    s->record->stack_hi = stack_hi;
    const size_t stack = stack_hi - stack_lo;
    // The smallest instrumented frame is 16 bytes, as is a shadow frame.
    frames_map(s, stack < 65536 ? 65536 : stack > 64u << 20 ? 64u << 20 : stack);
}
void det_strand_name(struct det_strand *s, const char *name)
{
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof s->record->name; i++) s->record->name[i] = name[i];
    s->record->name[i] = 0;
}
uint32_t det_strand_id(const struct det_strand *s) { return s->record ? s->record->id : 0; }

void det_strand_finish(struct det_strand *s)
{
    if (!det_enter(s)) return;
    det_release_publish(s, &s->exit, DET_MUST | DET_SET);
    det_locks_strand_finish(s);
    det_release_drop(&s->fence);
    det_release_drop(&s->pending);
    det_clock_drop(&s->clock);
    det_clock_drop(&s->must);
    base_store_relaxed(&s->record->finished, true); // relaxed: a word in a report
    base_lock(&det_strands_lock);
    unlink_strand(s);
    det_history_end(s);
    slot_release(s->slot, s->time - 1);
    s->finished = true;
    const bool mine = s->detached;
    base_unlock(&det_strands_lock);
    det_leave(s);
    if (mine) strand_free(s);
}
void det_strand_await(struct det_strand *s, struct det_strand *child)
{
    s->awaits_id = child ? child->record->id : 0;
    base_store_release(&s->awaits, child); // release: the id is there; pairs with compute_common
}
void det_strand_join(struct det_strand *s, uintptr_t pc, struct det_strand *child)
{
    det_strand_await(s, NULL);
    if (det_enter(s)) {
        det_release_acquire(s, &child->exit, DET_MUST);
        det_history_note_at(s, DET_SYNC_JOIN, (uintptr_t)child->record, pc);
        det_leave(s);
    }
    strand_free(child);
}
// A signal handler must not sweep or report while its thread holds the lock of the list, which both take.
static bool enter_for_list(struct det_strand *s) { return s->in == 0 && det_enter(s); }
void det_strand_detach(struct det_strand *s, struct det_strand *child)
{
    const bool inside = enter_for_list(s);
    base_lock(&det_strands_lock);
    const bool mine = child->finished;
    child->detached = true;
    base_unlock(&det_strands_lock);
    if (inside) det_leave(s);
    if (mine) strand_free(child);
}
void det_strand_abandon(struct det_strand *s, struct det_strand *child)
{
    base_store_relaxed(&child->record->finished, true); // relaxed: a word in a report
    const bool inside = enter_for_list(s);
    base_lock(&det_strands_lock);
    unlink_strand(child);
    child->record->history = NULL;
    slot_release(child->slot, child->time - 1);
    base_unlock(&det_strands_lock);
    if (inside) det_leave(s);
    det_clock_drop(&child->clock);
    det_clock_drop(&child->must);
    strand_free(child);
}
struct det_strand_record *det_strand_at(uintptr_t addr)
{
    struct det_strand_record *r = base_load_acquire(&records); // acquire: pairs with det_strand_create
    for (; r; r = r->next)
        if (!base_load_relaxed(&r->finished) && addr >= r->stack_lo && addr < r->stack_hi) return r;
    return NULL;
}
static struct det_strand_record *record_by_id(uint32_t id)
{
    struct det_strand_record *r = base_load_acquire(&records);
    while (r && r->id != id) r = r->next;
    return r;
}
static void copy_name(char *to, const char *from, size_t cap)
{
    size_t i = 0;
    for (; from[i] && i + 1 < cap; i++) to[i] = from[i];
    to[i] = 0;
}
void det_strand_info(const struct det_strand_record *r, struct det_strand_info *out)
{
    *out = (struct det_strand_info){.id = r->id, .tid = r->tid, .running = !base_load_relaxed(&r->finished)};
    copy_name(out->name, r->name, sizeof out->name);
    const struct det_strand_record *p = r->parent == DET_NO_SLOT ? NULL : record_by_id(r->parent);
    out->has_parent = p != NULL;
    if (p) {
        out->parent_id = p->id;
        copy_name(out->parent_name, p->name, sizeof out->parent_name);
    }
    det_stack_read(r->created, &out->created);
}

// ---- stacks --------------------------------------------------------------------------------------------------

static uint32_t push_cached(struct det_strand *s, uint32_t parent, uintptr_t pc)
{
    struct det_node_key *k = &s->nodes[(pc ^ pc >> 7 ^ parent * 31u) % DET_NODE_CACHE];
    if (k->pc == pc && k->parent == parent && k->node) return k->node;
    *k = (struct det_node_key){pc, parent, det_stack_push(parent, pc)};
    return k->node;
}
uint32_t det_current_node_slow(struct det_strand *s)
{
    struct det_frame *f = s->hot.frame;
    if (f == s->hot.frame_lo) return s->base_node;
    while (f > s->hot.frame_lo && f[-1].node == 0) f--;
    uint32_t node = f > s->hot.frame_lo ? f[-1].node : s->base_node;
    for (; f < s->hot.frame; f++) f->node = node = push_cached(s, node, f->pc);
    return node;
}
uint32_t det_site_of(struct det_strand *s, uintptr_t pc, uint32_t *node)
{
    *node = det_current_node(s);
    return push_cached(s, *node, pc);
}
uint32_t det_stack_of(struct det_strand *s, uintptr_t pc)
{
    if (s->hot.frame == s->hot.frame_lo && det_tls == s) return det_stack_unwind(pc);
    return push_cached(s, det_current_node(s), pc);
}
void det_func_unwind(struct det_strand *s, uintptr_t sp)
{
    struct det_strand_hot *h = &s->hot;
    h->depth_lost = 0;
    // The stack grows down: a frame entered at a lower address than sp is gone. 32 bits of sp / 16 cover 64 GiB.
    while (h->frame > h->frame_lo && (int32_t)(h->frame[-1].sp - (uint32_t)(sp >> 4)) < 0) h->frame--;
}

// ---- sections ------------------------------------------------------------------------------------------------

bool det_enter_refused(struct det_strand *s)
{
    if (s != &det_nobody) base_add_relaxed(&dropped, 1u); // relaxed: a counter
    return false;
}
uint64_t det_strands_count(void) { return base_load_relaxed(&next_id); } // relaxed: a figure for stats
uint64_t det_dropped(void) { return base_load_relaxed(&dropped); }

void det_ignore_begin(struct det_strand *s) { s->ignore++; }
void det_ignore_end(struct det_strand *s)
{
    if (s->ignore) s->ignore--;
}

void det_strands_init(void)
{
    det_nobody.in = DET_REPORTING; // refuses every section
    if (!slots) slots = sys_reserve((size_t)DET_MAX_SLOT * sizeof *slots);
    if (!det_slot_since) det_slot_since = sys_reserve((size_t)DET_MAX_SLOT * sizeof *det_slot_since);
    CHECK(slots && det_slot_since);
}
void det_strands_reset(void)
{
    for (struct det_strand *s = det_strands, *next; s; s = next) {
        next = s->next;
        det_locks_strand_finish(s);
        det_release_drop(&s->fence);
        det_release_drop(&s->pending);
        det_clock_drop(&s->clock);
        det_clock_drop(&s->must);
        strand_free(s);
    }
    det_history_reset();
    det_strands = NULL;
    records = NULL;
    next_id = 0;
    for (uint32_t i = 0; i < nslots; i++) {
        slots[i] = (struct slot){0};
        det_slot_since[i] = 0;
    }
    nslots = 0;
    dropped = 0;
    det_tls = &det_nobody;
}
