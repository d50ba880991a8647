// detector/sweep.c: forgets what can no longer race.
//
// A stamp that every live strand knows is ordered before everything that will ever happen (a new strand knows what its
// creator does), so it can be forgotten. A sweep stops the world (strand.h), computes for every slot the least time
// known to all (common.c), goes through the dirty shadow pages, drops such stamps from the cells and moves the others, at first
// sight, to fresh numbers: a copying collection of the stamp and record tables. Pages that end up all zero go back.
// Strands lose their caches and begin as in a new epoch.
//
// A strand asks for a sweep when a table passes its limit, and whoever enters a section next performs it.
#include "detector/sweep.h"
#include "base/arena.h"
#include "base/sys.h"
#include "detector/access.h"
#include "detector/common.h"
#include "detector/owner.h"
#include "detector/stamp.h"

static struct base_lock sweep_lock;
static uint64_t count, total_ns; // guarded by sweep_lock
static uint32_t *common;         // of the sweep under way: least time of each slot that all live strands know
static uint32_t *named; // of the sweep under way: first time of each slot that a stamp or a lock edge still names
static uint32_t nslots;

uint64_t det_sweeps(void) { return base_load_relaxed(&count); }
uint64_t det_sweep_ns(void) { return base_load_relaxed(&total_ns); }
void det_sweep_reset(void) { count = total_ns = 0; }
void det_sweep_ask(void)
{
    base_or_relaxed(&det_stopping, (uint32_t)DET_SWEEP_WANTED);
} // relaxed: a request; seen at some later entry

static bool anybody_inside(const struct det_strand *self)
{
    for (const struct det_carrier *c = det_carriers; c; c = c->next) {
        const struct det_strand *s = base_load_acquire(&c->strand), *t = c->thread;
        // acquire: pairs with det_leave; what its section did is visible
        if (s != self && (base_load_acquire(&s->in) & (DET_REPORTING - 1)) != 0) return true;
        if (t != self && (base_load_acquire(&t->in) & (DET_REPORTING - 1)) != 0) return true;
    }
    return false;
}
static void stop_world(struct det_strand *self)
{
    base_or_relaxed(&det_stopping, (uint32_t)DET_STOP);
    sys_membarrier();
    base_fence_seq_cst();
    // Who is in a section may be waiting for the list's lock, so it is given back between looks. Once nobody is, it is
    // held until the world goes on: nobody is born meanwhile, and whoever enters sees DET_STOP.
    for (int spins = 0;; spins++) {
        base_lock(&det_strands_lock);
        if (!anybody_inside(self)) return;
        base_unlock(&det_strands_lock);
        if (spins > 100)
            sys_yield();
        else
            base_pause();
    }
}
static void start_world(void)
{
    base_unlock(&det_strands_lock);
    __atomic_store_n(&det_stopping, 0, __ATOMIC_RELEASE); // release: the sweep's work is visible to whoever enters
    sys_futex_wake(&det_stopping, INT32_MAX);
}

// ---- what all know -------------------------------------------------------------------------------------------

static bool keep(uint32_t slot, uint32_t time)
{
    if (time <= common[slot]) return false;
    if (time < named[slot]) named[slot] = time;
    return true;
}
static void name_slot(uint32_t slot, uint32_t time, void *ctx)
{
    (void)ctx;
    if (time < named[slot]) named[slot] = time;
}

// ---- the shadow ----------------------------------------------------------------------------------------------

static void sweep_page(struct det_chunk *c, uintptr_t page)
{
    uint64_t *cell = &c->cells[page * (SHADOW_PAGE / 8)];
    bool any = false;
    uint64_t last = 0, last_to = 0; // neighbours are mostly alike
    for (int i = 0; i < SHADOW_PAGE / 8; i++) {
        const uint64_t old = cell[i];
        if (!old) continue;
        if (old != last) {
            last_to = det_cell_forward(old, keep);
            last = old;
        }
        base_store_relaxed(&cell[i],
                           last_to); // relaxed: the inlined path may read meanwhile; old and new numbers differ
        any |= last_to != 0;
    }
    // All zero: given back if it has been so since the last sweep. A page in use is often empty for a moment, and
    // taking it away costs a page fault.
    if (any) {
        c->dirty[page] = DIRTY;
    } else if (c->dirty[page] == DIRTY) {
        c->dirty[page] = EMPTY;
    } else {
        c->dirty[page] = 0;
        c->owner[page] = DET_OWNER_NONE; // nobody is in a window
        det_dirty_pages--;
        sys_zap(cell, SHADOW_PAGE);
    }
}
static void sweep_chunk(struct det_chunk *c, void *ctx)
{
    (void)ctx;
    for (uintptr_t first = 0; first < CHUNK_PAGES; first += 8) {
        uint64_t any;
        __builtin_memcpy(&any, &c->dirty[first], sizeof any);
        for (uintptr_t page = first; any && page < first + 8; page++)
            if (c->dirty[page]) sweep_page(c, page);
    }
    for (uintptr_t page = 0; page < CHUNK_PAGES; page++) {
        if (page % SUMMED == 0 && !c->summed[page / SUMMED])
            page += SUMMED - 1;
        else if (c->summary[page])
            c->summary[page] = det_cell_forward(c->summary[page], keep);
    }
}
static void forget_epoch(struct det_strand *s)
{
    s->run_next = s->run_end = s->other_next = s->other_end = 0;
    det_hot_set(&s->hot, s->hot.lo, 0); // lo stays: s may be in the middle of the inlined test
    det_seen_forget(&s->hot);
    s->other_lo = s->other_n = 0;
}
static void forget_caches(struct det_carrier *c)
{
    det_record_maker_forget(&c->records);
    for (int i = 0; i < DET_STAMP_CACHE; i++) c->stamps[i] = (struct det_stamp_key){0};
    for (int i = 0; i < DET_MEMO_CACHE; i++) c->memo[i] = (struct det_memo){0};
    for (int i = 0; i < DET_MOSAIC_CACHE; i++) c->mosaics[i] = 0;
    for (int i = 0; i < DET_SEEN_CACHE; i++) c->seen[0][i] = c->seen[1][i] = 0;
}
static void sweep_stopped(void)
{
    nslots = det_slots_count();
    common = base_alloc(nslots * sizeof *common);
    named = base_alloc(nslots * sizeof *named);
    for (uint32_t i = 0; i < nslots; i++) named[i] = UINT32_MAX;
    det_common_compute(common, nslots);
    det_stamp_begin_sweep();
    det_locks_begin_sweep();
    det_chunk_each(sweep_chunk, NULL);
    uint64_t in_epochs = 0, live = 0;
    for (struct det_strand *s = det_strands; s; s = s->next) {
        if (s->hot.n > s->epoch_size) s->epoch_size = s->hot.n;
        in_epochs += s->epoch_size;
        live++;
        forget_epoch(s);
    }
    for (struct det_carrier *c = det_carriers; c; c = c->next) forget_caches(c);
    det_stamp_end_sweep(in_epochs + 16 * live); // a sweep looks at every strand, so it must free stamps in proportion
    det_locks_end_sweep();
    det_locks_each_epoch(name_slot, NULL);
    det_slots_mark(named, nslots);
    base_free(common, nslots * sizeof *common);
    base_free(named, nslots * sizeof *named);
}

void det_enter_slow(struct det_strand *s)
{
    while (base_load_acquire(&det_stopping)) {
        // Outside while waiting (release as in det_leave), but closed to a signal handler, which would wait here for
        // the sweep that it interrupted.
        base_store_release(&s->in, (uint32_t)DET_REPORTING);
        if (base_trylock(&sweep_lock)) {
            if (base_load_acquire(&det_stopping)) {
                const uint64_t start = sys_now_ns();
                stop_world(s);
                sweep_stopped();
                count++;
                total_ns += sys_now_ns() - start;
                start_world();
            }
            base_unlock(&sweep_lock);
        } else {
            const uint32_t seen = base_load_relaxed(&det_stopping);
            if (seen & DET_STOP)
                sys_futex_wait(&det_stopping, seen);
            else
                base_pause();
        }
        base_store_relaxed(&s->in, 1u);
        if (det_need_fence) base_fence_seq_cst();
        base_compiler_barrier();
    }
}
