// detector/access.c: decides races. One event against the history in its cells.
//
// For each cell: the words there are expanded into entries (mask, stamp); each entry that shares bytes with the
// access and conflicts with it must be ordered before it, else the two race. Then the access takes its place:
//   an earlier entry that happened before is replaced, byte by byte, if everything that conflicts with it conflicts
//     with the new access too (an atomic never replaces a plain access, a read never replaces a write);
//   bytes that the same strand already touched in this epoch, by an access with which at least as much conflicts, need
//     no new entry;
//   the strand's entries of one epoch and kind at several sites become one mosaic;
//   what does not fit one write and one read word becomes a record.
// The step (cell, stamp, mask) -> cell is a pure function as long as it finds no race and the strand's clock only
// grows, so it is remembered per strand (det_memo): a million cells in one situation cost one computation.
//
// The cell changes by compare-and-swap against the value that was checked, or by a plain store where no other strand may
// touch it meanwhile (owner.h). So of two simultaneous accesses one always sees the other.
#include "detector/access.h"
#include "base/arena.h"
#include "detector/owner.h"
#include "detector/sweep.h"

static uint64_t races_found, given_up; // atomic counters
uint64_t det_dirty_pages;              // atomic counter; the sweep takes off what it gave back

uint64_t det_races_found(void) { return base_load_relaxed(&races_found); }
uint64_t det_given_up(void) { return base_load_relaxed(&given_up); }
void det_give_up(void) { base_add_relaxed(&given_up, 1u); }
void det_access_reset(void) { races_found = given_up = det_dirty_pages = 0; }

static bool conflicts(uint32_t a, uint32_t b) { return ((a | b) & DET_WRITE) && !(a & b & DET_ATOMIC_READ); }
// Everything that conflicts with `old` conflicts with `new_` too. Rows new_, columns old: R W AR AW.
static bool subsumes(uint32_t new_, uint32_t old)
{
    static const uint8_t row[4] = {
        [DET_READ] = 1 << DET_READ | 1 << DET_ATOMIC_READ,
        [DET_WRITE] = 15,
        [DET_ATOMIC_READ] = 1 << DET_ATOMIC_READ,
        [DET_ATOMIC_WRITE] = 1 << DET_ATOMIC_READ | 1 << DET_ATOMIC_WRITE,
    };
    return row[new_] >> old & 1;
}

// ---- races found ---------------------------------------------------------------------------------------------

static void pending_free(struct det_pending *p)
{
    if (p->race != p->few) base_free(p->race, p->cap * sizeof *p->race);
}
static void pending_grow(struct det_pending *p)
{
    struct det_race *grown = base_alloc(2 * p->cap * sizeof *grown);
    for (uint32_t i = 0; i < p->n; i++) grown[i] = p->race[i];
    pending_free(p);
    p->race = grown;
    p->cap *= 2;
}
static void pend(struct det_pending *p, const struct det_stamp *earlier, uintptr_t cell_addr, uint32_t mask)
{
    const uint32_t at = (uint32_t)(earlier - det_stamps), number = at >= det_stamps_fresh ? at : 0;
    while (mask) { // one stretch of bytes after another
        const uint32_t lo = (uint32_t)__builtin_ctz(mask);
        uint32_t n = 0;
        while (mask >> (lo + n) & 1) n++;
        mask &= ~(((1u << n) - 1) << lo);
        const uintptr_t addr = cell_addr + lo;
        bool joined = false;
        for (uint32_t i = 0; i < p->n && !joined; i++) {
            struct det_race *r = &p->race[i];
            if (__builtin_memcmp(&r->earlier, earlier, sizeof *earlier) != 0) continue;
            joined = addr >= r->addr && addr + n <= r->addr + r->size; // pended before a lost compare-and-swap
            if (r->addr + r->size == addr) {
                r->size += n;
                joined = true;
            }
        }
        if (joined) continue;
        if (p->n == p->cap) pending_grow(p);
        p->race[p->n++] = (struct det_race){*earlier, det_strand_who(earlier->slot, earlier->time), number, addr, n};
    }
}
static void pend_word(struct det_pending *p, const struct det_stamp *st, uintptr_t cell_addr, uint32_t mask)
{
    if (!st->mosaic) {
        pend(p, st, cell_addr, mask);
        return;
    }
    for (int i = 0; i < 4; i++) {
        const uint32_t w = det_mosaic_words(st)[i];
        if (word_mask(w) & mask) pend(p, det_stamp_at(word_index(w)), cell_addr, word_mask(w) & mask);
    }
}

// ---- the step ------------------------------------------------------------------------------------------------

enum { FEW = 16 };
struct entries {
    uint32_t *words, n;
    uint32_t rest; // segments that are left as they are
    uint32_t few[FEW];
    uint32_t cap;
};
static void entries_init(struct entries *e, uint32_t need)
{
    e->n = 0;
    e->cap = need > FEW ? need : FEW;
    e->words = need > FEW ? base_alloc(need * sizeof *e->words) : e->few;
}
static void entries_free(struct entries *e)
{
    if (e->words != e->few) base_free(e->words, e->cap * sizeof *e->words);
}
static const struct det_record *rest_of(const struct det_record *r) { return r->rest ? det_record_at(r->rest) : NULL; }
// Nothing in the segments from rest down conflicts with an access of that kind.
static bool may_stay(uint32_t rest, uint32_t kind)
{
    uint32_t against = 0;
    for (uint32_t k = 0; k < 4; k++) against |= (uint32_t)conflicts(kind, k) << k;
    return !(det_record_at(rest)->kinds & against);
}
// The words of a cell, but for what is in segments that do not matter to an access of that kind (a write: all).
static void expand(uint64_t cell, uint32_t kind, struct entries *e)
{
    const struct det_record *const first = cell_has_record(cell) ? det_record_at(cell_w(cell)) : NULL;
    e->rest = first && first->rest && may_stay(first->rest, kind) ? first->rest : 0;
    uint32_t need = 4;
    for (const struct det_record *r = first; r; r = e->rest ? NULL : rest_of(r)) need += r->n;
    entries_init(e, need);
    for (const struct det_record *r = first; r; r = e->rest ? NULL : rest_of(r))
        for (uint32_t i = 0; i < r->n; i++) e->words[e->n++] = r->words[i];
    if (unlikely(first && first->rest && !e->rest)) e->n = det_words_latest(e->words, e->n);
    if (!first && cell_w(cell)) e->words[e->n++] = cell_w(cell);
    if (cell_r(cell)) e->words[e->n++] = cell_r(cell);
}
// My entries of this epoch and kind lie in one word.
static void add_mine(struct det_strand *s, struct entries *e, uint32_t mine, uint32_t mask)
{
    const struct det_stamp *me = det_stamp_at(mine);
    for (uint32_t i = 0; i < e->n; i++) {
        const uint32_t w = e->words[i];
        const struct det_stamp *st = det_stamp_at(word_index(w));
        if (st->slot != me->slot || st->time != me->time || st->kind != me->kind || st->origin != me->origin) continue;
        if (word_index(w) == mine) {
            e->words[i] = w | word_make(0, mask);
            return;
        }
        if (me->kind >= DET_ATOMIC_READ || me->origin != DET_BY_PROGRAM) continue; // those stay out of [lo, lo + n)
        const uint32_t both = det_stamp_mosaic(s, w, word_make(mine, mask));
        if (both) {
            e->words[i] = word_make(both, word_mask(w) | mask);
            return;
        }
    }
    e->words[e->n++] = word_make(mine, mask);
}
// The bytes that words of a segment hold by stamps of [lo, lo + n), by accesses with which at least as much conflicts.
static uint32_t held_by(const struct det_record *r, uint32_t lo, uint32_t n, uint32_t kind)
{
    uint32_t from = 0, to = r->n, bytes = 0;
    while (from < to) {
        const uint32_t mid = from + (to - from) / 2;
        if (word_index(r->words[mid]) < lo)
            from = mid + 1;
        else
            to = mid;
    }
    for (; from < r->n && word_index(r->words[from]) - lo < n; from++)
        if (subsumes(det_stamp_at(word_index(r->words[from]))->kind, kind)) bytes |= word_mask(r->words[from]);
    return bytes;
}
// The bytes that the program itself touched so in this epoch, by the segments from rest down.
static uint32_t held_below(const struct det_strand *s, uint32_t rest, uint32_t kind)
{
    uint32_t bytes = 0;
    for (const struct det_record *r = rest ? det_record_at(rest) : NULL; r; r = rest_of(r))
        bytes |= held_by(r, s->hot.lo, s->hot.n, kind) | held_by(r, s->other_lo, s->other_n, kind);
    return bytes;
}
enum { TELL_MAX = 4 }; // a cell's earlier sides that one access reports, beyond one for each byte
static uint64_t step(struct det_strand *s, uint64_t old, uint32_t mine, uint32_t mask, uintptr_t cell_addr,
                     struct det_pending *p, bool *raced)
{
    const struct det_stamp me = *det_stamp_at(mine);
    struct entries e;
    expand(old, me.kind, &e);
    uint32_t kept = 0, to_add = mask, told = 0, ntold = 0;
    bool changed = false;
    if (unlikely(e.rest && me.origin == DET_BY_PROGRAM)) to_add &= ~held_below(s, e.rest, me.kind);
    for (uint32_t i = 0; i < e.n; i++) {
        const uint32_t w = e.words[i], shared = word_mask(w) & mask;
        const struct det_stamp *st = det_stamp_at(word_index(w));
        uint32_t left = word_mask(w);
        if (shared) {
            const bool mine_now = st->slot == me.slot && st->time == me.time;
            const bool races = conflicts(me.kind, st->kind) && !det_knows(s, st->slot, st->time);
            if (races) {
                *raced = true;
                if (ntold < TELL_MAX || (shared & ~told)) pend_word(p, st, cell_addr, shared);
                told |= shared;
                ntold++;
            }
            // An allocation stands for nobody's line of code: what the program does to the block is recorded beside it.
            // Nor does what lies outside of the run of stamps that hit (a new run, or a sweep, came since): it would miss for ever.
            const bool covered =
                mine_now && st->origin == DET_BY_PROGRAM && me.origin == DET_BY_PROGRAM && is_current(s, word_index(w));
            if (covered && subsumes(st->kind, me.kind))
                to_add &= ~shared;
            else if (subsumes(me.kind, st->kind) && (races || det_knows(s, st->slot, st->time)))
                left &= ~mask;
        }
        changed |= left != word_mask(w);
        if (left) e.words[kept++] = word_make(word_index(w), left);
    }
    e.n = kept;
    uint64_t new_ = old;
    if (!changed && to_add && cell_has_record(old) && !cell_r(old) && !(me.kind & DET_WRITE)) {
        new_ = cell_make(cell_w(old), word_make(mine, to_add)); // beside the record, where my next read hits it
    } else if (changed || to_add) {
        if (to_add) add_mine(s, &e, mine, to_add);
        new_ = det_cell_pack(s, e.words, e.n, e.rest);
    }
    entries_free(&e);
    return new_;
}
// What an earlier word means for the access `me` of the bytes `mask`, in the plain cases.
enum fate { REPLACED, KEPT, UNCLEAR };

// From the word's run alone: its stamp was written by another core and is seldom needed. side: the kinds that the word
// may have by its place (a write on the write side; on the read side a full mask is a read).
static enum fate fate_by_run(const struct det_strand *s, uint32_t me_kind, uint32_t w, uint32_t shared, uint32_t side)
{
    const uint64_t run = base_load_relaxed(run_of(word_index(w))); // relaxed: published with the stamp
    const bool before =
        run_slot(run) == s->slot ? run_time(run) < s->time : det_clock_get(&s->clock, run_slot(run)) >= run_time(run);
    if (!run || !before) return UNCLEAR;
    if (!shared) return KEPT;
    const uint32_t kinds = run_kinds(run) & side;
    uint32_t replaceable = 0;
    for (uint32_t k = 0; k < 4; k++) replaceable |= (uint32_t)subsumes(me_kind, k) << k;
    if ((kinds & ~replaceable) == 0) return word_mask(w) == shared ? REPLACED : UNCLEAR;
    return (kinds & replaceable) == 0 ? KEPT : UNCLEAR;
}
static enum fate fate_by_stamp(const struct det_strand *s, const struct det_stamp *me, uint32_t w, uint32_t shared)
{
    const struct det_stamp *st = det_stamp_at(word_index(w));
    const bool replaced = shared && subsumes(me->kind, st->kind);
    if (st->slot == me->slot) { // mine, of this epoch: merges, except that my write covers my read
        if (st->time == me->time && !(replaced && st->kind == DET_READ && me->kind == DET_WRITE)) return UNCLEAR;
    } else if (shared && det_clock_get(&s->clock, st->slot) < st->time) {
        return UNCLEAR;
    }
    if (!replaced) return KEPT;
    return word_mask(w) == shared ? REPLACED : UNCLEAR;
}
// The common case of step, without its arrays: no record, nothing of mine to merge with, every word that shares bytes
// with the access is ordered before it, and either replaced whole or kept whole, and at most one is kept.
static bool step_quick(const struct det_strand *s, uint64_t old, uint32_t mine, uint32_t mask, uint64_t *new_)
{
    enum { WRITES = 1 << DET_WRITE | 1 << DET_ATOMIC_WRITE, READS = 1 << DET_READ | 1 << DET_ATOMIC_READ };
    if (cell_has_record(old)) return false;
    const struct det_stamp *me = det_stamp_at(mine);
    uint32_t kept = 0;
    for (int i = 0; i < 2; i++) {
        const uint32_t w = i ? cell_r(old) : cell_w(old), shared = word_mask(w) & mask;
        if (!w) continue;
        const uint32_t side = i == 0 ? WRITES : word_mask(w) == 15 ? READS : 15;
        enum fate f = fate_by_run(s, me->kind, w, shared, side);
        if (f == UNCLEAR) f = fate_by_stamp(s, me, w, shared);
        if (f == REPLACED) continue;
        if (f == UNCLEAR || kept || ((me->kind & DET_WRITE) && shared)) return false;
        kept = w;
    }
    const uint32_t word = word_make(mine, mask);
    if (me->kind & DET_WRITE)
        *new_ = cell_make(word, kept); // of two that write, mine is the later one
    else if (!kept)
        *new_ = cell_make(0, word);
    else if (kept == cell_w(old))
        *new_ = cell_make(kept, word);
    else
        return false;
    return true;
}
static NOINLINE uint64_t step_new(struct det_strand *s, uint64_t old, uint32_t mine, uint32_t mask, uintptr_t cell_addr,
                                  struct det_pending *p, struct det_memo *m)
{
    bool raced = false;
    uint64_t new_;
    if (!step_quick(s, old, mine, mask, &new_)) new_ = step(s, old, mine, mask, cell_addr, p, &raced);
    if (!raced) *m = (struct det_memo){old, new_, mine, mask};
    return new_;
}
ALWAYS_INLINE struct det_memo *memo_place(struct det_strand *s, uint64_t old, uint32_t mine, uint32_t mask)
{
    const uint64_t h = (old ^ old >> 29 ^ (uint64_t)mine << 5 ^ mask) * 0x9E3779B97F4A7C15u;
    return &s->carrier->memo[h >> 40 & (DET_MEMO_CACHE - 1)];
}
ALWAYS_INLINE bool memo_is(const struct det_memo *m, uint64_t old, uint32_t mine, uint32_t mask)
{
    return likely(m->old == old && m->stamp == mine && m->mask == mask);
}
ALWAYS_INLINE uint64_t step_cached(struct det_strand *s, uint64_t old, uint32_t mine, uint32_t mask,
                                   uintptr_t cell_addr, struct det_pending *p)
{
    struct det_memo *m = memo_place(s, old, mine, mask);
    return memo_is(m, old, mine, mask) ? m->new_ : step_new(s, old, mine, mask, cell_addr, p, m);
}

// ---- records that hold me already ----------------------------------------------------------------------------
// A cell with a record misses the inlined test, although the record may hold what I do there, again and again in one
// epoch. So each strand remembers, by kind, (time, bytes, record) of what it found unchanged: an access that finds its
// record there has nothing to do. One look, no section: a sweep gives records numbers that no strand remembers.

static uint64_t seen_entry(const struct det_strand *s, uint32_t record, uint32_t mask)
{
    return (uint64_t)s->time << 32 | word_make(record, mask);
}
ALWAYS_INLINE uint64_t *seen_place(struct det_strand *s, uint32_t record, enum det_kind kind)
{
    return &s->carrier->seen[kind][record * 0x9E3779B1u >> 20 & (DET_SEEN_CACHE - 1)];
}
static void seen_add(struct det_strand *s, uint64_t cell, uint32_t mask, enum det_kind kind)
{
    const uint32_t record = cell_w(cell);
    uint64_t *e = seen_place(s, record, kind);
    if ((*e ^ seen_entry(s, record, 0)) & ~((uint64_t)15 << DET_INDEX_BITS))
        *e = seen_entry(s, record, mask);
    else
        *e |= (uint64_t)mask << DET_INDEX_BITS;
    s->carrier->marked = true;
    if (kind == DET_READ && word_mask((uint32_t)*e) == 15) *det_seen_place(&s->hot, cell) = ~cell;
}
ALWAYS_INLINE bool seen_has(struct det_strand *s, uint64_t cell, uint32_t mask, enum det_kind kind)
{
    const uint64_t want = seen_entry(s, cell_w(cell), mask);
    const uint64_t have = *seen_place(s, cell_w(cell), kind), left = have ^ want;
    // Everything but the mask equal, and no wanted bit of the mask missing.
    if (left & (~((uint64_t)15 << DET_INDEX_BITS) | (uint64_t)mask << DET_INDEX_BITS)) return false;
    if (kind == DET_READ && word_mask((uint32_t)have) == 15) *det_seen_place(&s->hot, cell) = ~cell; // sooner next time
    return true;
}
static bool word_mine(const struct det_strand *s, uint32_t word, uint32_t mask)
{
    return word_index(word - s->hot.lo) < s->hot.n && (word_mask(word) & mask) == mask;
}
// Is everything there mine already? A plain access of up to 16 bytes within one chunk.
ALWAYS_INLINE bool nothing_to_do(struct det_strand *s, uintptr_t addr, size_t size, enum det_kind kind)
{
    const uint64_t *cells = (const uint64_t *)det_cell(addr);
    if (unlikely(!cells)) return false;
    uint32_t bytes = ((1u << size) - 1) << (addr & 3);
    for (; bytes; bytes >>= 4, cells++) {
        const uint64_t c = base_load_relaxed(cells); // relaxed: compared with what this strand saw itself
        const uint32_t mask = bytes & 15;
        if (!mask) continue;
        const bool hit = word_mine(s, cell_w(c), mask) || (kind == DET_READ && word_mine(s, cell_r(c), mask)) ||
                         (cell_has_record(c) && seen_has(s, c, mask, kind));
        if (!hit) return false;
    }
    return true;
}

// ---- cells ---------------------------------------------------------------------------------------------------

static COLD void page_dirty(const struct det_chunk *c, uintptr_t page)
{
    base_add_relaxed(&det_dirty_pages, 1u);              // relaxed: a figure for stats and the sweep's limit
    base_store_seq_cst(&c->dirty[page], (uint8_t)DIRTY); // (1) here, (2) the summary is read (again): meets whole_page
}
ALWAYS_INLINE void one_cell(struct det_strand *s, const struct det_chunk *c, uintptr_t addr, uint32_t mask,
                            uint32_t stamp, struct det_pending *p)
{
    const uintptr_t page = det_page_of(c, addr);
    const bool own = det_page_open(s, c, page);
    uint64_t *cell = det_cell_of(c, addr);
    uint64_t seen = base_load_acquire(cell); // acquire: the stamps it names are written; pairs with the cas below
    for (;;) {
        uint64_t old = seen;
        if (unlikely(!seen)) { // the page's first cell, or the summary's word on it
            if (!base_load_relaxed(&c->dirty[page])) page_dirty(c, page);
            old = base_load_seq_cst(&c->summary[page]);
        }
        const uint64_t new_ = step_cached(s, old, stamp, mask, addr, p);
        if (new_ == seen) {
            const uint32_t kind = det_stamp_at(stamp)->kind;
            if (cell_has_record(seen) && kind <= DET_WRITE) seen_add(s, seen, mask, (enum det_kind)kind);
            return;
        }
        if (own) {
            base_store_release(cell, new_); // release: publishes my stamp
            return;
        }
        // acq_rel: publishes my stamp; a failure shows another's. What was pended before a failure stays true.
        if (likely(base_cas_acq_rel(cell, &seen, new_))) return;
    }
}
// A whole page that nobody touched yet is dealt with in its summary. False: cell by cell, please (again).
// The StoreLoad pair: here the summary is written (1), then dirty is read (2); in one_cell dirty is written (1), then the
// summary is read (2). Both seq_cst, so at least one side sees the other.
static bool whole_page(struct det_strand *s, const struct det_chunk *c, uintptr_t addr, uint32_t stamp)
{
    const uintptr_t page = det_page_of(c, addr);
    if (base_load_relaxed(&c->dirty[page])) return false;
    uint64_t seen = base_load_acquire(&c->summary[page]);
    struct det_pending p;
    det_pending_init(&p);
    const uint64_t new_ = step_cached(s, seen, stamp, 15, addr, &p);
    base_store_relaxed(&c->summed[page / SUMMED], (uint8_t)1); // read by a sweep, world stopped
    if (p.n) {                                                 // races are told byte by byte
        pending_free(&p);
        return false;
    }
    if (new_ != seen &&
        !__atomic_compare_exchange_n(&c->summary[page], &seen, new_, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        return false;
    return base_load_seq_cst(&c->dirty[page]) == 0;
}
static uint32_t mask_in_cell(uintptr_t cell, uintptr_t addr, uintptr_t end)
{
    const uint32_t lo = addr > cell ? (uint32_t)(addr - cell) : 0;
    const uint32_t hi = end < cell + 4 ? (uint32_t)(end - cell) : 4;
    return (15u << lo) & (15u >> (4 - hi));
}
static bool cas_two(uint64_t *cells, const uint64_t old[2], const uint64_t new_[2])
{
    bool done;
    uint64_t lo = old[0], hi = old[1];
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(done), "+m"(*(unsigned __int128 *)cells), "+a"(lo), "+d"(hi)
                     : "b"(new_[0]), "c"(new_[1])
                     : "memory");
    return done;
}
// Both cells of an aligned 8, all bytes, in one step: if what comes of either is remembered. False: one by one.
ALWAYS_INLINE bool two_cells(struct det_strand *s, const struct det_chunk *c, uintptr_t addr, uint32_t stamp)
{
    const bool own = det_page_open(s, c, det_page_of(c, addr));
    uint64_t *cells = det_cell_of(c, addr);
    const uint64_t old[2] = {base_load_acquire(&cells[0]), base_load_acquire(&cells[1])}; // acquire: as in one_cell
    if (!old[0] || !old[1]) return false;
    const struct det_memo *m = memo_place(s, old[0], stamp, 15);
    if (!memo_is(m, old[0], stamp, 15)) return false;
    uint64_t new_[2] = {m->new_, m->new_};
    if (old[1] != old[0]) {
        m = memo_place(s, old[1], stamp, 15);
        if (!memo_is(m, old[1], stamp, 15)) return false;
        new_[1] = m->new_;
    }
    if (new_[0] == old[0] || new_[1] == old[1]) return false;
    if (!own) return cas_two(cells, old, new_); // a full barrier: as the cas of one_cell
    base_store_release(&cells[0], new_[0]);     // release: as in one_cell
    base_store_release(&cells[1], new_[1]);
    return true;
}
// At most 8 bytes inside an aligned 8: one or two cells of one chunk.
ALWAYS_INLINE void few_bytes(struct det_strand *s, const struct det_chunk *c, uintptr_t addr, size_t size,
                             uint32_t stamp, struct det_pending *p)
{
    const uint32_t bytes = ((1u << size) - 1) << (addr & 7);
    const uintptr_t a = addr & ~(uintptr_t)7;
    if (bytes == 255 && two_cells(s, c, a, stamp)) return;
    if (bytes & 15) one_cell(s, c, a, bytes & 15, stamp, p);
    if (bytes >> 4) one_cell(s, c, a + 4, bytes >> 4, stamp, p);
}
// Whole cells from a on, up to end and inside one page, as long as the page is mine and this strand has made the same step
// before. Returns how many bytes were dealt with.
static size_t run_of_cells(struct det_strand *s, const struct det_chunk *c, uintptr_t a, uintptr_t end, uint32_t stamp)
{
    if (base_load_relaxed(&c->owner[det_page_of(c, a)]) != s->tag) return 0; // relaxed: owner.h
    const uintptr_t page_end = (a | (APP_PAGE - 1)) + 1;
    uint64_t *const first = det_cell_of(c, a), *const stop = first + ((end < page_end ? end : page_end) - a) / 4;
    uint64_t *cell = first, last = 0, last_to = 0;
    for (; cell < stop; cell++) {
        const uint64_t old = base_load_relaxed(cell); // relaxed: as in touch
        if (old != last || !old) {
            const struct det_memo *m = memo_place(s, old, stamp, 15);
            if (!old || !memo_is(m, old, stamp, 15) || m->new_ == old) break;
            last = old;
            last_to = m->new_;
        }
        base_store_release(cell, last_to); // release: publishes my stamp
    }
    s->carrier->credit += (uint32_t)(cell - first);
    return (size_t)(cell - first) * 4;
}
void det_access_cells(struct det_strand *s, uintptr_t addr, size_t size, uint32_t stamp, struct det_pending *p)
{
    const uintptr_t end = addr + size;
    struct det_chunk c;
    if (unlikely(!det_chunk_find(addr, &c)) && !det_chunk_make(addr, &c)) {
        det_give_up();
        return;
    }
    if (likely((addr & 7) + size <= 8)) {
        few_bytes(s, &c, addr, size, stamp, p);
        return;
    }
    for (uintptr_t a = addr & ~(uintptr_t)3; a < end; a += 4) {
        if (unlikely(a - c.base >= CHUNK_BYTES) && !det_chunk_make(a, &c)) {
            det_give_up();
            return;
        }
        if (a % APP_PAGE == 0 && end - a >= APP_PAGE && a >= addr && whole_page(s, &c, a, stamp)) {
            a += APP_PAGE - 4;
            continue;
        }
        const size_t done = a >= addr && end - a >= 8 ? run_of_cells(s, &c, a, end, stamp) : 0;
        if (done)
            a += done - 4;
        else if (a % 8 == 0 && a >= addr && end - a >= 8 && two_cells(s, &c, a, stamp))
            a += 4;
        else
            one_cell(s, &c, a, mask_in_cell(a, addr, end), stamp, p);
    }
}
// Takes the bytes of mask out of a cell.
static uint64_t without(struct det_strand *s, uint64_t cell, uint32_t mask)
{
    struct entries e;
    expand(cell, DET_WRITE, &e);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < e.n; i++) {
        const uint32_t left = word_mask(e.words[i]) & ~mask;
        if (left) e.words[kept++] = word_make(word_index(e.words[i]), left);
    }
    e.n = kept;
    const uint64_t new_ = det_cell_pack(s, e.words, e.n, e.rest);
    entries_free(&e);
    return new_;
}
static uint64_t with(struct det_strand *s, uint64_t cell, uint32_t stamp, uint32_t mask)
{
    if (!stamp) return cell;
    struct entries e;
    expand(cell, DET_WRITE, &e);
    e.words[e.n++] = word_make(stamp, mask);
    const uint64_t new_ = det_cell_pack(s, e.words, e.n, e.rest);
    entries_free(&e);
    return new_;
}
// A plain store: the block is the caller's alone, by the allocator's word; whoever still touches it uses it after
// its free, and that race was found at the free or is found at the next access.
enum { LONG = 64 }; // cells from which on the string instruction is the faster one
static void overwrite_whole(const struct det_chunk *c, uintptr_t addr, size_t n, uint32_t stamp)
{
    const uint64_t new_ = stamp ? cell_make(word_make(stamp, 15), 0) : 0;
    const uintptr_t page = det_page_of(c, addr);
    if (new_ && !c->dirty[page]) page_dirty(c, page);
    uint64_t *cell = det_cell_of(c, addr);
    if (n >= LONG)
        // What it stores comes after all that was stored before, each cell at once.
        __asm__ volatile("rep stosq" : "+D"(cell), "+c"(n) : "a"(new_) : "memory");
    else
        for (size_t i = 0; i < n; i++) base_store_release(&cell[i], new_);
}
// The bytes of mask, which are not all of the cell.
static void overwrite_part(struct det_strand *s, const struct det_chunk *c, uintptr_t addr, uint32_t mask,
                           uint32_t stamp)
{
    uint64_t *cell = det_cell_of(c, addr);
    const uintptr_t page = det_page_of(c, addr);
    const uint64_t seen = base_load_relaxed(cell);
    const uint64_t new_ = with(s, without(s, seen ? seen : c->summary[page], mask), stamp, mask);
    if (new_ && !c->dirty[page]) page_dirty(c, page);
    base_store_release(cell, new_);
}
// The summary of a page says nothing any more: cells that are not overwritten spell it out.
static void spell_out(struct det_strand *s, const struct det_chunk *c, uintptr_t page)
{
    const uint64_t summary = c->summary[page];
    if (!summary) return;
    det_page_open(s, c, page);
    uint64_t *cell = &c->cells[page * (SHADOW_PAGE / 8)];
    for (int i = 0; i < SHADOW_PAGE / 8; i++) {
        uint64_t zero = 0;
        base_cas_acq_rel(&cell[i], &zero,
                         summary); // other bytes of the page are others', who may be about to touch them
    }
    if (!c->dirty[page]) page_dirty(c, page);
    c->summary[page] = 0;
}
void det_access_overwrite(struct det_strand *s, uintptr_t addr, size_t size, uint32_t stamp)
{
    const uintptr_t end = addr + size;
    struct det_chunk c = {0};
    for (uintptr_t a = addr & ~(uintptr_t)3; a < end;) {
        if (!c.cells || a - c.base >= CHUNK_BYTES) {
            if (!stamp && !det_chunk_find(a, &c)) { // nothing is known there: nothing to forget
                a = (a | (CHUNK_BYTES - 1)) + 1;
                continue;
            }
            if (stamp && !det_chunk_make(a, &c)) {
                det_give_up();
                return;
            }
        }
        const uintptr_t page = det_page_of(&c, a);
        if (a % APP_PAGE == 0 && end - a >= APP_PAGE && !c.dirty[page]) { // untouched: the summary says it all
            const uint64_t summary = stamp ? cell_make(word_make(stamp, 15), 0) : 0;
            if (summary) c.summed[page / SUMMED] = 1;
            if (c.summed[page / SUMMED]) base_store_relaxed(&c.summary[page], summary);
            a += APP_PAGE;
            continue;
        }
        spell_out(s, &c, page);
        const uintptr_t stop = (a | (APP_PAGE - 1)) + 1 < end ? (a | (APP_PAGE - 1)) + 1 : end;
        while (a < stop) {
            const size_t whole = a >= addr ? (stop - a) / 4 : 0;
            if (whole)
                overwrite_whole(&c, a, whole, stamp);
            else
                overwrite_part(s, &c, a, mask_in_cell(a, addr, end), stamp);
            a += whole ? whole * 4 : 4;
        }
    }
}

// ---- events --------------------------------------------------------------------------------------------------

static NOINLINE void access_event(struct det_strand *s, const struct det_current *now, uint32_t stamp)
{
    struct det_pending p;
    det_pending_init(&p);
    det_access_cells(s, now->addr, now->size, stamp, &p);
    if (unlikely(p.n)) det_races_report(s, now, &p);
}
// The common case: the cells lie in a page that is mine, and all are in states from which this strand has made the same
// step before. False: not so; what was done to some of the cells stays true.
ALWAYS_INLINE bool touch(struct det_strand *s, uintptr_t addr, size_t size, uint32_t stamp)
{
    struct det_chunk c;
    if (unlikely(size > 16 || addr % APP_PAGE + size > APP_PAGE || !det_chunk_find(addr, &c))) return false;
    if (base_load_relaxed(&c.owner[det_page_of(&c, addr)]) != s->tag) return false; // relaxed: owner.h
    uint64_t *cell = det_cell_of(&c, addr), last = 0, last_to = 0;
    uint32_t last_mask = 0;
    for (uint32_t bytes = ((1u << size) - 1) << (addr & 3); bytes; bytes >>= 4, cell++) {
        const uint32_t mask = bytes & 15;
        const uint64_t old =
            base_load_relaxed(cell); // relaxed: what it names was looked at when the step was remembered
        if (old != last || mask != last_mask) {
            const struct det_memo *m = memo_place(s, old, stamp, mask);
            if (!old || !memo_is(m, old, stamp, mask)) return false;
            last = old;
            last_mask = mask;
            last_to = m->new_;
        }
        if (unlikely(last_to == old)) return false; // a record of mine is yet to be remembered, perhaps
        base_store_release(cell, last_to);          // release: publishes my stamp
    }
    s->carrier->credit++;
    return true;
}
// Does a record stand there that holds this access already?
ALWAYS_INLINE bool in_records(struct det_strand *s, uintptr_t addr, size_t size, enum det_kind kind)
{
    const uint64_t *cell = (const uint64_t *)det_cell(addr);
    return cell && cell_has_record(base_load_relaxed(cell)) && size <= 16 && (addr & 63) + size <= 64 &&
           nothing_to_do(s, addr, size, kind);
}
// In the thread-local variables of the thread that carries s (strand.h): it comes after those of the strands before. The epoch
// ends with it, so that the next one comes here again.
static NOINLINE void thread_local_access(struct det_strand *s, const struct det_current *now)
{
    struct det_release *left = &s->carrier->tls.left;
    if (det_release_acquire(s, left, 0)) det_history_note_at(s, DET_SYNC_ACQUIRE, now->addr, now->pc);
    const uint32_t stamp = det_stamp_get(s, now->pc, det_what(now->kind, now->origin, now->size));
    if (stamp)
        access_event(s, now, stamp);
    else
        det_give_up();
    det_release_publish(s, left, DET_SET);
    det_history_note_at(s, DET_SYNC_RELEASE, now->addr, now->pc);
}
void det_access_slow(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    if (in_records(s, addr, size, kind)) return;
    if (unlikely(s->ignore || !det_cfg.report_races || !det_enter(s))) return;
    if (unlikely(addr - s->carrier->tls.lo < s->carrier->tls.size)) {
        thread_local_access(s, &(struct det_current){pc, addr, size, kind, DET_BY_PROGRAM});
        det_leave(s);
        return;
    }
    const uint32_t stamp = det_stamp_get(s, pc, det_what(kind, DET_BY_PROGRAM, size));
    if (likely(stamp && touch(s, addr, size, stamp))) {
        det_leave(s);
        return;
    }
    if (likely(stamp))
        access_event(s, &(struct det_current){pc, addr, size, kind, DET_BY_PROGRAM}, stamp);
    else
        det_give_up();
    det_leave(s);
}
void det_range(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    if (unlikely(!size)) return;
    det_access_slow(s, pc, addr, size, kind);
}
void det_races_report(struct det_strand *s, const struct det_current *now, struct det_pending *p)
{
    const uint64_t swept = det_sweeps();
    for (uint32_t i = 0; i < p->n; i++) {
        base_add_relaxed(&races_found, 1u); // relaxed: a counter
        if (det_sweeps() != swept) p->race[i].number = 0;
        det_race_deliver(s, now, &p->race[i]);
    }
    pending_free(p);
}
