#include "detector/history.h"
#include "base/arena.h"
#include "detector/stamp.h"
#include "detector/sweep.h"

enum { KEPT_MAX = 1 << 20 };          // bytes
struct kept {                         // of a strand that has finished
    struct det_history history;       // first
    struct det_strand_record *record; // NULL: it is forgotten
    struct kept *next;                // the one that finished after it
    size_t bytes;
    struct det_synced entries[];
};
_Static_assert(sizeof(struct kept) + (DET_HISTORY_KEPT + 1) * sizeof(struct det_synced) <= 4096,
               "a block is a power of two");
static struct kept *oldest, *newest; // guarded by det_strands_lock
static size_t kept_bytes;            // guarded by det_strands_lock

// ---- looking -------------------------------------------------------------------------------------------------

bool det_history_read(const struct det_history *h, uint64_t k, struct det_synced *out)
{
    const struct det_synced *e = &h->entries[k % h->size];
    out->time = base_load_relaxed(&e->time);
    out->what = base_load_relaxed(&e->what);
    out->plain = base_load_relaxed(&e->plain);
    out->other = base_load_relaxed(&e->other);
    out->chain = base_load_relaxed(&e->chain);
    out->node = base_load_relaxed(&e->node);
    out->pc = base_load_relaxed(&e->pc);
    out->object = base_load_relaxed(&e->object);
    base_fence_acquire(); // (3) before (4), see history.h
    return base_load_relaxed(&h->n) < k + h->size;
}
static bool is_plain(const struct det_stamp *st)
{
    return !(st->kind & DET_ATOMIC_READ) && st->origin == DET_BY_PROGRAM;
}

// From the newest entry back. Every one of the epoch that has the stamp's held set is a candidate, until one that was
// there before the stamp: then this is it, or nothing.
bool det_history_find_in(const struct det_history *h, const struct det_stamp *st, uint32_t number,
                         struct det_synced *out, bool *or_later)
{
    bool found = false;
    *or_later = false;
    for (uint64_t k = base_load_acquire(&h->n);
         k-- > 0;) { // acquire: the entries are there; pairs with det_history_add
        struct det_synced e;
        if (!det_history_read(h, k, &e)) return false;
        if (e.time < st->time) return found;
        if (e.time > st->time) continue;
        const bool before = number && (is_plain(st) ? e.plain : e.other) <= number;
        if (e.chain == st->chain) {
            *or_later = found;
            *out = e;
            found = true;
        } else if (before) {
            return false;
        }
        if (before) return true;
    }
    return found;
}
bool det_history_find(const struct det_strand_record *who, const struct det_stamp *st, uint32_t number,
                      struct det_synced *out, bool *or_later)
{
    base_lock(&det_strands_lock);
    const struct det_history *h = who->history;
    const bool found = h && h->slot == st->slot && det_history_find_in(h, st, number, out, or_later);
    base_unlock(&det_strands_lock);
    return found;
}
void det_history_newest(const struct det_strand *s, struct det_synced *out)
{
    *out = s->history.entries[(s->history.n - 1) % s->history.size]; // its own, and there is one since the start
}

// ---- a strand's life -----------------------------------------------------------------------------------------

void det_history_begin(struct det_strand *s, struct det_synced *entries, uint32_t size)
{
    s->history = (struct det_history){.entries = entries, .size = size, .slot = s->slot};
    s->record->history = &s->history;
    det_history_note(s, DET_SYNC_START, 0, 0, 0);
}
// Times of another slot are not to be compared with these.
void det_history_moved(struct det_strand *s)
{
    assert_locked(&det_strands_lock);
    for (uint32_t i = 0; i < s->history.size; i++) det_history_add(&s->history, &(struct det_synced){0});
    s->history.slot = s->slot;
}
static void forget_oldest(void)
{
    struct kept *k = oldest;
    oldest = k->next;
    if (!oldest) newest = NULL;
    if (k->record) k->record->history = NULL;
    kept_bytes -= k->bytes;
    base_free(k, k->bytes);
}
// One place stays empty: that of the entry before the first one, by the rule that k is there while n < k + size.
static struct kept *copy(const struct det_strand *s)
{
    const struct det_history *h = &s->history;
    const uint32_t most = h->size - 1 < DET_HISTORY_KEPT ? h->size - 1 : DET_HISTORY_KEPT,
                   count = h->n < most ? (uint32_t)h->n : most, size = count + 1;
    size_t bytes = 64;
    while (bytes < sizeof(struct kept) + size * sizeof(struct det_synced)) bytes *= 2; // as base_alloc does
    struct kept *k = base_alloc(bytes);
    *k = (struct kept){.history = {h->n, k->entries, size, h->slot}, .record = s->record, .bytes = bytes};
    for (uint64_t i = h->n - count; i < h->n; i++) k->entries[i % size] = h->entries[i % h->size];
    return k;
}
void det_history_end(struct det_strand *s)
{
    assert_locked(&det_strands_lock);
    s->record->history = NULL;
    if (!det_cfg.report_races) return;
    struct kept *k = copy(s);
    *(newest ? &newest->next : &oldest) = k;
    newest = k;
    s->record->history = &k->history;
    for (kept_bytes += k->bytes; kept_bytes > KEPT_MAX;) forget_oldest();
}
void det_history_forget(struct det_strand_record *r)
{
    assert_locked(&det_strands_lock);
    if (r->history) ((struct kept *)r->history)->record = NULL; // it ended, so this is what is kept of it
}
void det_history_reset(void)
{
    while (oldest) forget_oldest();
}
