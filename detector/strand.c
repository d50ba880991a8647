#include "detector/strand.h"
#include "base/arena.h"
#include "base/print.h"
#include "base/sys.h"
#include <sys/mman.h>

#include "detector/access.h"
#include "detector/owner.h"
#include "detector/shadow.h"
#include "detector/stack.h"
#include "detector/stamp.h"
#include "detector/sweep.h"

uint32_t det_stopping;
bool det_need_fence;
static struct det_carrier nobodys; // never written: nobody enters a section
struct det_strand det_nobody = {.in = DET_REPORTING,
                                .carrier = &nobodys}; // refuses every section, also before det_init
__thread struct det_strand *det_tls = &det_nobody;

struct base_lock det_strands_lock;
struct det_strand *det_strands;   // guarded by det_strands_lock
struct det_carrier *det_carriers; // guarded by det_strands_lock
static uint32_t next_id;          // guarded by det_strands_lock
struct thread_strand {            // a thread's
    struct det_strand strand;     // first
    struct det_carrier carrier;
    struct det_synced synced[DET_HISTORY];
};
static struct base_pool pool = {.size = sizeof(struct thread_strand)};
#ifdef RAVEL_TINY
enum { FIRST_CREDIT = 8300 }; // for two pages
#else
enum { FIRST_CREDIT = 64 << 10 }; // a worker's input was mostly made by another thread
#endif
static uint64_t dropped; // atomic counter

// ---- records -------------------------------------------------------------------------------------------------
// Found by id through a directory of pages. Threads' are kept for ever. A light strand's goes when a sweep finds it needless and
// LATEST others ended after it; where that many wait for it, a sweep is asked for.

#ifdef RAVEL_TINY
enum { ID_PAGE_BITS = 3, LATEST = 16 };
#else
enum { ID_PAGE_BITS = 10, LATEST = 64 << 10 };
#endif
enum { ID_PAGE = 1 << ID_PAGE_BITS };
struct id_page {
    uint32_t used;                         // guarded by det_strands_lock
    struct det_strand_record *at[ID_PAGE]; // atomic; NULL: not yet, or forgotten
};
static struct id_page **ids; // constant once set; entries atomic, written under det_strands_lock
static struct base_pool record_pool = {.size = sizeof(struct det_strand_record)};
static struct det_strand_record *oldest_ended, *newest_ended; // light ones that finished; guarded by det_strands_lock
static uint32_t nended, ended_limit = 2 * LATEST;             // of them; guarded by det_strands_lock

static void record_add(struct det_strand_record *r)
{
    assert_locked(&det_strands_lock);
    r->id = next_id++;
    struct id_page *p = ids[r->id >> ID_PAGE_BITS];
    if (!p) {
        p = base_alloc(sizeof *p);
        base_store_release(&ids[r->id >> ID_PAGE_BITS], p); // release: it is empty; pairs with det_strand_record
    }
    p->used++;
    base_store_release(&p->at[r->id % ID_PAGE], r); // release: it is filled in; pairs with det_strand_record
}
struct det_strand_record *det_strand_record(uint32_t id)
{
    const struct id_page *p = base_load_acquire(&ids[id >> ID_PAGE_BITS]);
    return p ? base_load_acquire(&p->at[id % ID_PAGE]) : NULL;
}
static void record_remove(struct det_strand_record *r)
{
    struct id_page **p = &ids[r->id >> ID_PAGE_BITS];
    (*p)->at[r->id % ID_PAGE] = NULL;
    if (--(*p)->used == 0 && r->id >> ID_PAGE_BITS != next_id >> ID_PAGE_BITS) {
        base_free(*p, sizeof **p);
        *p = NULL;
    }
    det_history_forget(r);
    base_pool_put(&record_pool, r);
}
static void record_ended(struct det_strand_record *r)
{
    assert_locked(&det_strands_lock);
    r->next = NULL;
    *(newest_ended ? &newest_ended->next : &oldest_ended) = r;
    newest_ended = r;
    if (++nended > ended_limit) det_sweep_ask();
}
static void records_forget(void) // world stopped
{
    uint32_t spare = nended > LATEST ? nended - LATEST : 0;
    struct det_strand_record **from = &oldest_ended, *last = NULL;
    for (struct det_strand_record *r = oldest_ended, *next; r; r = next) {
        next = r->next;
        const bool named = r->named || r->labels;
        r->named = false;
        if (spare && !named) {
            *from = next;
            record_remove(r);
            nended--;
        } else {
            last = r;
            from = &r->next;
        }
        if (spare) spare--;
    }
    newest_ended = last;
    ended_limit = 2 * (nended > LATEST ? nended : LATEST);
}

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
    uint32_t next; // slot + 1 in the list of free ones that it is in; 0 ends
    bool free;
};
static struct slot *
    slots; // constant after init; guarded by det_strands_lock; entries of a slot are stable while a section can see a stamp of it
static uint32_t nslots;
static uint32_t free_known, free_anyone; // slot + 1, freed last first: for who knows their end; that nothing names
uint32_t *det_slot_since;
enum { LOOK = 64, LOOK_LIGHT = 4 }; // free slots looked at before a new one is made

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
    t->free = false;
}
static bool has_time(const struct slot *t) { return t->last + 3 <= max_time(); }
// Out of the first `look` of a list the first that has time left and that creator (unless NULL: then any) knows to its end.
static uint32_t free_take(uint32_t *list, uint32_t look, const struct det_strand *creator)
{
    for (uint32_t *p = list, k = 0; *p && k < look; k++) {
        const uint32_t i = *p - 1;
        struct slot *t = &slots[i];
        const bool fits =
            has_time(t) && (!creator || (det_knows(creator, i, t->last) && det_knows_must(creator, i, t->last)));
        if (fits || !has_time(t)) *p = t->next; // one whose time is used up is nobody's any more
        if (fits) return i;
        if (has_time(t)) p = &t->next;
    }
    return DET_NO_SLOT;
}
// A slot for a strand whose creator knows `known` (NULL: nothing); *from is its first time.
static uint32_t slot_take(const struct det_strand *creator, struct det_strand_record *r, uint32_t *from)
{
    uint32_t i = creator ? free_take(&free_known, r->goid ? LOOK_LIGHT : LOOK, creator) : DET_NO_SLOT;
    const bool known = i != DET_NO_SLOT;
    if (!known) i = free_take(&free_anyone, LOOK, NULL);
    if (i == DET_NO_SLOT) {
        CHECK(nslots < DET_MAX_SLOT);
        *from = 1;
        slot_own(nslots, 1, r);
        return nslots++;
    }
    *from = slots[i].last + 1;
    if (!known) base_store_relaxed(&det_slot_since[i], *from); // relaxed: see det_knows_publication
    slot_own(i, *from, r);
    return i;
}
static void slot_release(uint32_t slot, uint32_t last)
{
    slots[slot].last = last;
    slots[slot].free = true;
    slots[slot].next = free_known;
    free_known = slot + 1;
}
uint32_t det_strand_who(uint32_t slot, uint32_t time)
{
    const struct slot *t = &slots[slot];
    uint32_t n = base_load_acquire(&t->n); // acquire: pairs with slot_own
    const struct owner *o = base_load_acquire(&t->owners);
    while (n > 1 && o[n - 1].from > time) n--;
    return o[n - 1].record->id;
}
// Of the owners those that had the slot from its first named time on, and the last, who may be alive.
static void owners_forget(struct slot *t, uint32_t named)
{
    uint32_t first = 0;
    while (first + 1 < t->n && t->owners[first + 1].from <= named) first++;
    for (uint32_t i = first; i < t->n; i++) t->owners[i - first] = t->owners[i];
    t->n -= first;
    const bool needed = named != UINT32_MAX || !t->free;
    for (uint32_t i = 0; needed && i < t->n; i++) t->owners[i].record->named = true; // who moved has several slots
    if (!needed) t->n = 0;                                                           // nobody asks for it
}
void det_slots_mark(const uint32_t *named, uint32_t n)
{
    free_known = free_anyone = 0;
    for (uint32_t i = n; i-- > 0;) {
        struct slot *t = &slots[i];
        owners_forget(t, named[i]);
        if (!t->free) continue;
        uint32_t *list = named[i] == UINT32_MAX ? &free_anyone : &free_known;
        t->next = *list;
        *list = i + 1;
    }
    records_forget();
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

static void link_strand(struct det_strand *s)
{
    assert_locked(&det_strands_lock);
    s->prev = NULL;
    s->next = det_strands;
    if (det_strands) det_strands->prev = s;
    det_strands = s;
    if (s->light) return;
    struct det_carrier *c = s->carrier;
    c->prev = NULL;
    c->next = det_carriers;
    if (det_carriers) det_carriers->prev = c;
    det_carriers = c;
}
static void unlink_strand(struct det_strand *s)
{
    assert_locked(&det_strands_lock);
    *(s->prev ? &s->prev->next : &det_strands) = s->next;
    if (s->next) s->next->prev = s->prev;
    if (s->light) return;
    struct det_carrier *c = s->carrier;
    *(c->prev ? &c->prev->next : &det_carriers) = c->next;
    if (c->next) c->next->prev = c->prev;
}
static void frames_map(struct det_strand *s, size_t bytes)
{
    bytes = (bytes + 4095) & ~(size_t)4095;
    s->hot.frame_lo = s->hot.frame = sys_reserve(bytes);
    s->hot.frame_end = s->hot.frame_lo ? s->hot.frame_lo + bytes / sizeof(struct det_frame) : NULL;
    s->frames_mapped = s->hot.frame_lo != NULL;
}

// A light strand lies at the start of a slab, with its ring and its shadow frames behind it: as many as fit on a stack of the
// usual size, touched as they are used. So one that does not go deep takes a page.
enum { SLAB = (64 << 10) + 4096, SLABS = 256 /* at once */ };
struct light_strand {
    struct det_strand strand; // first; its next links free ones
    struct det_synced synced[DET_HISTORY_LIGHT];
    struct det_frame frames[];
};
_Static_assert(sizeof(struct light_strand) + 64 * sizeof(struct det_frame) <= 4096, "a page, with 64 frames");
static struct det_strand *free_lights; // guarded by det_strands_lock
static char *slab_next, *slab_end;     // guarded by det_strands_lock

static struct light_strand *light_get(void)
{
    base_lock(&det_strands_lock);
    struct light_strand *l = (struct light_strand *)free_lights;
    if (l) {
        free_lights = l->strand.next;
    } else {
        if (slab_next == slab_end) {
            slab_next = sys_reserve((size_t)SLABS * SLAB);
            CHECK(slab_next && "no address space for goroutines' strands");
            sys_call3(SYS_madvise, slab_next, (size_t)SLABS * SLAB, MADV_NOHUGEPAGE);
            slab_end = slab_next + (size_t)SLABS * SLAB;
        }
        l = (struct light_strand *)slab_next;
        slab_next += SLAB;
    }
    base_unlock(&det_strands_lock);
    return l;
}
static void frames_in_slab(struct light_strand *l)
{
    l->strand.hot.frame_lo = l->strand.hot.frame = l->frames;
    l->strand.hot.frame_end = l->frames + (SLAB - sizeof *l) / sizeof(struct det_frame);
}
static void strand_free(struct det_strand *s)
{
    if (s->frames_mapped)
        sys_unmap(s->hot.frame_lo, (size_t)(s->hot.frame_end - s->hot.frame_lo) * sizeof(struct det_frame));
    det_release_drop(&s->exit);
    if (!s->light) {
        det_release_drop(&s->carrier->tls.left);
        base_pool_put(&pool, s);
        return;
    }
    base_lock(&det_strands_lock);
    s->next = free_lights;
    free_lights = s;
    base_unlock(&det_strands_lock);
}

// ---- life ----------------------------------------------------------------------------------------------------

static struct det_strand *thread_strand(void)
{
    struct thread_strand *t = base_pool_get(&pool);
    const uint32_t tag = t->carrier.tag;
    *t = (struct thread_strand){
        .strand = {.time = 1, .carrier = &t->carrier},
        .carrier = {.strand = &t->strand, .thread = &t->strand, .tag = tag, .credit = FIRST_CREDIT}};
    if (!tag) det_owner_join(&t->carrier);
    t->strand.tag = t->carrier.tag;
    return &t->strand;
}
static struct det_strand *light_strand(void)
{
    struct light_strand *l = light_get();
    l->strand = (struct det_strand){
        .time = 1, .carrier = &nobodys, .in = DET_REPORTING, .tag = DET_OWNER_PENDING, .light = true, .detached = true};
    frames_in_slab(l);
    return &l->strand;
}
// The child knows what parent did so far. That goes into parent's own trees, so that the children of one epoch share them.
static void inherit(struct det_strand *s, struct det_strand *parent, uint32_t published)
{
    const bool same = parent->clock.root == parent->must.root;
    det_clock_raise(&parent->clock, parent->slot, published);
    if (same)
        det_clock_copy(&parent->must, &parent->clock);
    else
        det_clock_raise(&parent->must, parent->slot, published);
    det_clock_copy(&s->clock, &parent->clock);
    det_clock_copy(&s->must, &parent->must);
    parent->must_published++;
}
static struct det_strand *create(struct det_strand *parent, uintptr_t pc, uint64_t goid)
{
    const bool inside = parent && det_enter(parent);
    if (parent && !inside) parent = NULL; // from a handler inside the detector: an orphan
    const uint32_t created = parent ? det_stack_of(parent, pc) : 0;
    const uint32_t published = parent ? det_publish_time(parent) : 0;
    struct det_strand *s = goid ? light_strand() : thread_strand();
    struct det_strand_record *r = base_pool_get(&record_pool);
    *r = (struct det_strand_record){
        .parent = parent ? parent->record->id : DET_NO_SLOT, .created = created, .goid = goid};
    s->record = r;
    if (parent) inherit(s, parent, published);
    base_lock(&det_strands_lock);
    record_add(r);
    s->slot = slot_take(parent, r, &s->time);
    s->learned = true;
    if (goid)
        det_history_begin(s, ((struct light_strand *)s)->synced, DET_HISTORY_LIGHT);
    else
        det_history_begin(s, ((struct thread_strand *)s)->synced, DET_HISTORY);
    link_strand(s);
    base_unlock(&det_strands_lock);
    if (parent) det_history_note(parent, DET_SYNC_CREATE, r->id, 0, created);
    if (inside) det_leave(parent);
    return s;
}
struct det_strand *det_strand_create(struct det_strand *parent, uintptr_t pc) { return create(parent, pc, 0); }
struct det_strand *det_strand_create_light(struct det_strand *parent, uintptr_t pc, uint64_t goid)
{
    return create(parent, pc, goid);
}
uint64_t det_strand_origin(struct det_strand *s, uintptr_t pc)
{
    if (!det_enter(s)) return 0;
    const uint64_t origin = (uint64_t)(s->record->id + 1) << 32 | det_stack_of(s, pc);
    det_leave(s);
    return origin;
}
void det_strand_created_by(struct det_strand *child, uint64_t origin)
{
    if (!origin) return;
    child->record->parent = (uint32_t)(origin >> 32) - 1;
    child->record->created = (uint32_t)origin;
}
void det_strand_start(struct det_strand *s, int tid, uintptr_t stack_lo, uintptr_t stack_hi)
{
    s->record->tid = tid;
    s->record->stack_lo = stack_lo;
    s->record->stack_hi = stack_hi;
    if (stack_hi) det_stack_add(s->record);
    const size_t stack = stack_hi - stack_lo;
    // The smallest instrumented frame is 16 bytes, as is a shadow frame.
    if (!s->light || stack > 65536) frames_map(s, stack < 65536 ? 65536 : stack > 64u << 20 ? 64u << 20 : stack);
}
void det_strand_name(struct det_strand *s, const char *name)
{
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof s->record->name; i++) s->record->name[i] = name[i];
    s->record->name[i] = 0;
}
bool det_strand_inside(const struct det_strand *s) { return base_load_relaxed(&s->in) != 0; } // relaxed: its own
uint32_t det_strand_id(const struct det_strand *s) { return s->record ? s->record->id : 0; }

// What the carrier remembers of one strand only.
static COLD void forget_marks(struct det_carrier *c)
{
    for (int i = 0; i < DET_SEEN_CACHE; i++) c->seen[0][i] = c->seen[1][i] = 0;
    for (int i = 0; i < DET_WANT_CACHE; i++) c->wants[i] = (struct det_want_key){0};
    c->marked = false;
}
void det_strand_carry(struct det_strand *thread, struct det_strand *s)
{
    struct det_carrier *c = thread->carrier;
    struct det_strand *const was = c->strand; // its own thread's
    c->idle = true;
    if (was == s) return;
    if (was->light) base_store_relaxed(&was->in, (uint32_t)DET_REPORTING); // relaxed: its last section ended long ago
    if (unlikely(c->marked)) forget_marks(c);
    s->carrier = c;
    s->tag = c->tag;
    base_store_release(&c->strand, s); // release: what `was` stored is there; pairs with is_in_window (owner.c)
    if (s->light) base_store_relaxed(&s->in, 0u); // relaxed: it now enters sections
}
void det_strand_thread_locals(struct det_strand *thread, uintptr_t lo, uintptr_t hi)
{
    thread->carrier->tls.lo = lo;
    thread->carrier->tls.size = hi - lo;
}

// Nothing more will be stamped in its name. Its memory remains the caller's.
static void retire_locked(struct det_strand *s)
{
    assert_locked(&det_strands_lock);
    base_store_relaxed(&s->record->finished, true); // relaxed: a word in a report
    unlink_strand(s);
    if (s->record->stack_hi) det_stack_remove(s->record);
    det_history_end(s);
    slot_release(s->slot, s->stamped ? s->time : s->time - 1);
    if (s->light) record_ended(s->record);
    s->finished = true;
}
static void drop_clocks(struct det_strand *s)
{
    det_release_drop(&s->fence);
    det_release_drop(&s->pending);
    det_clock_drop(&s->clock);
    det_clock_drop(&s->must);
}
static void forget_stack(struct det_strand *s, const struct det_strand_record *r)
{
    if (r->stack_hi) det_memory_forget(s, r->stack_lo, r->stack_hi - r->stack_lo);
}
void det_strand_finish(struct det_strand *s)
{
    if (!det_enter(s)) return;
    const bool light = s->light;
    struct det_strand_record *r = s->record;
    if (!light) det_release_publish(s, &s->exit, DET_MUST | DET_SET);
    if (light) forget_stack(s, r);
    det_locks_strand_finish(s);
    drop_clocks(s);
    base_lock(&det_strands_lock);
    retire_locked(s);
    const bool mine = s->detached;
    base_unlock(&det_strands_lock);
    // A handler finds the strand inside until here, and then the thread's: its events must not fall in between the above.
    if (light && det_tls == s) det_tls = s->carrier->thread;
    base_compiler_barrier();
    det_leave(s);
    if (light) det_strand_carry(s->carrier->thread, s->carrier->thread);
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
        det_history_note_at(s, DET_SYNC_JOIN, child->record->id, pc);
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
    const bool inside = enter_for_list(s);
    if (inside && child->light) forget_stack(s, child->record);
    det_locks_strand_finish(child);
    base_lock(&det_strands_lock);
    retire_locked(child);
    base_unlock(&det_strands_lock);
    if (inside) det_leave(s);
    drop_clocks(child);
    strand_free(child);
}
static void copy_name(char *to, const char *from, size_t cap)
{
    size_t i = 0;
    for (; from[i] && i + 1 < cap; i++) to[i] = from[i];
    to[i] = 0;
}
void det_strand_info(uint32_t id, struct det_strand_info *out)
{
    *out = (struct det_strand_info){.id = id};
    const struct det_strand_record *r = det_strand_record(id);
    out->forgotten = !r;
    if (!r) return;
    out->goid = r->goid;
    out->tid = r->tid;
    out->running = !base_load_relaxed(&r->finished);
    copy_name(out->name, r->name, sizeof out->name);
    const struct det_strand_record *p = r->parent == DET_NO_SLOT ? NULL : det_strand_record(r->parent);
    out->has_parent = p != NULL;
    if (p) {
        out->parent_id = p->id;
        out->parent_goid = p->goid;
        copy_name(out->parent_name, p->name, sizeof out->parent_name);
    }
    det_stack_read(r->created, &out->created);
}

// ---- stacks --------------------------------------------------------------------------------------------------

static uint32_t push_cached(struct det_strand *s, uint32_t parent, uintptr_t pc)
{
    struct det_node_key *k = &s->carrier->nodes[(pc ^ pc >> 7 ^ parent * 31u) % DET_NODE_CACHE];
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
    if (!ids) ids = sys_reserve(((size_t)1 << (32 - ID_PAGE_BITS)) * sizeof *ids);
    CHECK(slots && det_slot_since && ids);
}
void det_strands_reset(void)
{
    for (struct det_strand *s = det_strands, *next; s; s = next) {
        next = s->next;
        det_locks_strand_finish(s);
        drop_clocks(s);
        strand_free(s);
    }
    det_history_reset();
    det_stacks_reset();
    det_strands = NULL;
    det_carriers = NULL;
    for (uint32_t i = 0; i < nslots; i++) {
        slots[i] = (struct slot){0};
        det_slot_since[i] = 0;
    }
    nslots = free_known = free_anyone = 0;
    dropped = 0;
    det_tls = &det_nobody;
}
// Once nothing names one any more.
void det_records_reset(void)
{
    for (uint32_t i = 0; i < next_id; i += ID_PAGE) {
        struct id_page **p = &ids[i >> ID_PAGE_BITS];
        for (int k = 0; *p && k < ID_PAGE; k++)
            if ((*p)->at[k]) base_pool_put(&record_pool, (*p)->at[k]);
        base_free(*p, sizeof **p);
        *p = NULL;
    }
    oldest_ended = newest_ended = NULL;
    nended = next_id = 0;
    ended_limit = 2 * LATEST;
}
