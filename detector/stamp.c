#include "detector/stamp.h"
#include "detector/access.h"
#include "base/arena.h"
#include "base/lock.h"
#include "base/sys.h"
#include "detector/sweep.h"

struct det_stamp *det_stamps;
uint32_t det_stamps_fresh;
uint32_t *det_records;
uint64_t *det_runs;

#define SPACE ((uint32_t)1 << DET_INDEX_BITS)
enum { DEFAULT_LIMIT = 64 << 10, RUN_MIN = 256, RUN_MAX = 256 << 10 };
#define RUN_FRESH (~(uint64_t)0) // a run whose strand has made no stamp in it yet

// Numbers [from, next) are in use, all at once or by strands' runs. They may not wrap inside one generation: near the
// end of the space a generation starts again at 1.
struct range {
    struct base_lock lock;
    uint32_t from, next; // guarded by lock; the world stopped: the sweep's
    uint32_t limit;      // ask for a sweep above it
    uint32_t floor;      // the limit never shrinks below it
    // Generations live in two buffers in turn, so that their pages stay warm; number i is at buffer[turn] + (i - from).
    uint32_t *buffer[2]; // constant once set
    uint32_t unit, turn; // 4-byte units of a number; which buffer
};
static struct range stamps, records;

static uint32_t *range_base(const struct range *r) { return r->buffer[r->turn] - (size_t)r->from * r->unit; }
static void range_init(struct range *r, uint32_t limit, uint32_t unit)
{
    r->from = r->next = 1;
    r->limit = r->floor = limit;
    r->unit = unit;
    for (int i = 0; i < 2; i++) {
        if (!r->buffer[i]) r->buffer[i] = sys_reserve((size_t)SPACE * unit * sizeof(uint32_t));
        CHECK(r->buffer[i] && "no address space for stamps");
    }
}

// n consecutive numbers, the first a multiple of align; 0 when the space is full.
static uint32_t range_take(struct range *r, uint32_t n, uint32_t align)
{
    base_lock(&r->lock);
    const uint32_t at = (r->next + align - 1) & ~(align - 1);
    if (at + n >= SPACE) {
        base_unlock(&r->lock);
        return 0;
    }
    r->next = at + n;
    const bool full = r->next - r->from > r->limit;
    base_unlock(&r->lock);
    if (unlikely(full)) det_sweep_ask();
    return at;
}
// The same when the world is stopped.
static uint32_t range_take_stopped(struct range *r, uint32_t n)
{
    const uint32_t at = r->next;
    if (at + n >= SPACE) return 0;
    r->next = at + n;
    return at;
}

void det_stamp_init(void)
{
    const uint32_t limit = det_cfg.stamp_limit ? det_cfg.stamp_limit : DEFAULT_LIMIT;
    range_init(&stamps, limit, sizeof(struct det_stamp) / 4);
    range_init(&records, 4 * limit, 1);
    if (!det_runs) det_runs = sys_reserve((size_t)(SPACE >> DET_RUN_BITS) * DET_RUN_STRIDE * sizeof *det_runs);
    CHECK(det_runs);
    det_stamps = (struct det_stamp *)range_base(&stamps);
    det_stamps_fresh = stamps.next;
    det_records = range_base(&records);
}
uint64_t det_stamps_used(void) { return stamps.next - stamps.from; }
uint64_t det_records_used(void) { return records.next - records.from; }

// ---- stamps --------------------------------------------------------------------------------------------------

// Twice what an epoch holds: a long one whose working set is larger than a run would never hit. What it held is remembered when
// its stamps are lost to a new run or to a sweep; else it would begin with short runs again and be swept before it had
// a long enough one (a recursion 5,000 deep, from 0.15 to 0.6 s).
static uint32_t run_size(uint32_t in_epoch)
{
    const uint32_t least = stamps.floor / 64 < 1 ? 1 : stamps.floor / 64 > RUN_MIN ? RUN_MIN : stamps.floor / 64;
    // No more than a part of what may be used until the next sweep, which takes the run away.
    const uint32_t limit = base_load_relaxed(&stamps.limit) / 4; // relaxed: a figure
    const uint32_t most = limit < RUN_MAX ? limit : RUN_MAX, n = 2 * in_epoch > most ? most : 2 * in_epoch;
    return n > least ? n : least;
}
// Most goroutines make a few stamps in all. One that makes more gets runs twice as long each time.
static uint32_t light_run(struct det_strand *s, uint32_t in_epoch)
{
    enum { FIRST = 8 };
    const uint32_t most = run_size(in_epoch), next = s->run_grow ? 2 * s->run_grow : FIRST;
    s->run_grow = next < most ? next : most;
    return s->run_grow;
}
// n consecutive numbers of the strand's run; a fresh run where it ends.
static uint32_t run_take(struct det_strand *s, uint32_t *next, uint32_t *end, uint32_t n, uint32_t in_epoch)
{
    if (unlikely(*end - *next < n)) {
        const uint32_t want = s->light ? light_run(s, in_epoch) : run_size(in_epoch), size = want > n ? want : n;
        const bool whole = size % (1 << DET_RUN_BITS) == 0;
        const uint32_t at = range_take(&stamps, size, whole ? 1 << DET_RUN_BITS : 1);
        if (!at) return 0;
        for (uint32_t b = at >> DET_RUN_BITS; b <= (at + size - 1) >> DET_RUN_BITS; b++)
            base_store_relaxed(run_of(b << DET_RUN_BITS),
                               whole ? RUN_FRESH : 0); // relaxed: before its stamps are published
        if (at != *end) *next = at;                    // else the run just grew
        *end = at + size;
    }
    const uint32_t at = *next;
    *next += n;
    return at;
}
void det_stamp_new_epoch(struct det_strand *s)
{
    s->epoch_size = s->hot.n;
    det_hot_set(&s->hot, s->run_next, 0);
    det_seen_forget(&s->hot);
    s->other_lo = s->other_next;
    s->other_n = 0;
}
// A number inside [lo, lo + n): where the run is not consecutive, what came before misses from now on.
static uint32_t plain_take(struct det_strand *s, uint32_t n)
{
    if (s->hot.n > s->epoch_size) s->epoch_size = s->hot.n;
    const uint32_t at = run_take(s, &s->run_next, &s->run_end, n, s->epoch_size);
    if (!at) return 0;
    if (at != s->hot.lo + s->hot.n) det_hot_set(&s->hot, at, 0);
    return at;
}
static uint32_t other_take(struct det_strand *s)
{
    const uint32_t at = run_take(s, &s->other_next, &s->other_end, 1, 0);
    if (!at) return 0;
    if (at != s->other_lo + s->other_n) {
        s->other_lo = at;
        s->other_n = 0;
    }
    s->other_n++;
    return at;
}
// Only a finished stamp may hit.
static void plain_publish(struct det_strand *s, uint32_t n) { det_hot_set(&s->hot, s->hot.lo, s->hot.n + n); }

// The run's entry takes in a stamp of s, made now. Only s writes it.
static void run_note(const struct det_strand *s, uint32_t at, uint32_t kind)
{
    uint64_t *run = run_of(at);
    const uint64_t was = base_load_relaxed(run); // relaxed: its own
    if (was == 0) return;
    if (was == RUN_FRESH)
        base_store_relaxed(run, run_make(s->slot, 1u << kind, s->time));
    else if (run_slot(was) != s->slot)
        base_store_relaxed(run, (uint64_t)0); // the strand moved to another slot
    else if (run_time(was) != s->time || !(run_kinds(was) >> kind & 1))
        base_store_relaxed(run, run_make(s->slot, run_kinds(was) | 1u << kind, s->time));
}
static uint32_t stamp_make(struct det_strand *s, uint32_t site, uint32_t what)
{
    const bool plain = (what & 2) == 0 && (what >> 2 & 3) == DET_BY_PROGRAM;
    const uint32_t at = plain ? plain_take(s, 1) : other_take(s);
    if (!at) return 0;
    *det_stamp_at(at) = (struct det_stamp){.time = s->time,
                                           .slot = s->slot,
                                           .kind = what & 3,
                                           .origin = what >> 2 & 3,
                                           .size = what >> 4 & 31,
                                           .site = site,
                                           .chain = s->held.chain};
    run_note(s, at, what & 3);
    if (plain) plain_publish(s, 1);
    return at;
}
uint32_t det_stamp_renew(struct det_strand *s, struct det_stamp_key *k)
{
    det_stamped(s);
    return k->stamp = stamp_make(s, k->site, k->what);
}
// Not found in the first place of its set (det_stamp_get): in another one, or made. It moves to the first place.
uint32_t det_stamp_get_slow(struct det_strand *s, struct det_stamp_key want, struct det_stamp_key *set)
{
    int use = DET_WAYS - 1;
    for (int i = 0; i < DET_WAYS; i++) {
        const struct det_stamp_key *k = &set[i];
        if (k->pc == want.pc && k->node == want.node && k->chain == want.chain && k->what == want.what && k->stamp) {
            want = *k;
            use = i;
            break;
        }
        if (!is_current(s, k->stamp)) use = i;
    }
    if (!want.stamp) {
        uint32_t node;
        want.site = det_site_of(s, want.pc, &node);
    }
    if (use) set[use] = set[0];
    set[0] = want;
    return is_current(s, want.stamp) ? want.stamp : det_stamp_renew(s, set);
}

// The words of both, those of a mosaic one by one, by rising mask (the masks are disjoint).
static uint32_t mosaic_gather(const uint32_t in[2], uint32_t *words)
{
    uint32_t n = 0;
    for (int i = 0; i < 2; i++) {
        const struct det_stamp *st = det_stamp_at(word_index(in[i]));
        if (!st->mosaic) words[n++] = in[i];
        for (int k = 0; st->mosaic && k < 4; k++) {
            const uint32_t w = det_mosaic_words(st)[k];
            const uint32_t mask = word_mask(w) & word_mask(in[i]);
            if (mask) words[n++] = word_make(word_index(w), mask);
        }
    }
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t k = i; k && words[k - 1] > words[k]; k--) { // the mask is a word's top: this sorts by mask
            const uint32_t x = words[k];
            words[k] = words[k - 1];
            words[k - 1] = x;
        }
    return n;
}
// Equal mosaics of an epoch are one stamp: else cells that went the same way would differ ever after.
uint32_t det_stamp_mosaic(struct det_strand *s, uint32_t word_a, uint32_t word_b)
{
    uint32_t words[8] = {0};
    const uint32_t n = mosaic_gather((uint32_t[]){word_a, word_b}, words);
    ASSERT(n >= 2 && n <= 4); // disjoint masks within four bytes
    (void)n;
    uint32_t hash = 0;
    for (int i = 0; i < 4; i++) hash = (hash ^ words[i]) * 0x9E3779B1u, hash ^= hash >> 15;
    uint32_t *const set = &s->carrier->mosaics[hash % (DET_MOSAIC_CACHE / DET_WAYS) * DET_WAYS];
    uint32_t *use = &set[hash >> 16 & (DET_WAYS - 1)];
    for (int i = 0; i < DET_WAYS; i++) {
        if (!is_current(s, set[i]))
            use = &set[i];
        else if (__builtin_memcmp(det_mosaic_words(det_stamp_at(set[i])), words, 16) == 0)
            return set[i];
    }
    const uint32_t at = plain_take(s, 2);
    if (!at) return 0;
    uint32_t *to = (uint32_t *)det_stamp_at(at + 1);
    for (uint32_t i = 0; i < 4; i++) to[i] = words[i];
    struct det_stamp *m = det_stamp_at(at);
    *m = *det_stamp_at(word_index(word_a));
    m->mosaic = 1;
    m->site = at + 1;
    run_note(s, at, m->kind);
    run_note(s, at + 1, m->kind); // may be another run's first
    plain_publish(s, 2);
    return *use = at;
}

// ---- records -------------------------------------------------------------------------------------------------

// Equal records should be one, so that cells that went the same way stay alike; but a record may exist twice. So each
// strand only looks at what it made lately, and takes record space in runs: no lock, no table that outgrows the cache.

static struct det_record_maker sweeper; // the sweep's, world stopped

// By stamp, then by mask.
static uint32_t order_of(uint32_t word) { return word << (32 - DET_INDEX_BITS) | word >> DET_INDEX_BITS; }
static void sift(uint32_t *w, uint32_t n, uint32_t at)
{
    const uint32_t x = w[at];
    for (uint32_t kid; (kid = 2 * at + 1) < n; at = kid) {
        if (kid + 1 < n && order_of(w[kid]) < order_of(w[kid + 1])) kid++;
        if (order_of(w[kid]) <= order_of(x)) break;
        w[at] = w[kid];
    }
    w[at] = x;
}
static void sort_many(uint32_t *w, uint32_t n) // as a heap
{
    for (uint32_t i = n / 2; i-- > 0;) sift(w, n, i);
    while (n > 1) {
        const uint32_t x = w[--n];
        w[n] = w[0];
        w[0] = x;
        sift(w, n, 0);
    }
}
static void sort_words(uint32_t *w, uint32_t n)
{
    if (n > 2 * DET_SEGMENT) {
        sort_many(w, n);
        return;
    }
    for (uint32_t i = 1; i < n; i++) { // nearly sorted already: a record with one word changed
        const uint32_t x = w[i];
        uint32_t j = i;
        for (; j && order_of(w[j - 1]) > order_of(x); j--) w[j] = w[j - 1];
        w[j] = x;
    }
}
static bool same_words(const struct det_record *r, const uint32_t *words, uint32_t n, uint32_t rest)
{
    if (r->n != n || r->rest != rest) return false;
    for (uint32_t i = 0; i < n; i++)
        if (r->words[i] != words[i]) return false;
    return true;
}
enum { RECORD_RUN = 256 };
static uint32_t record_space(struct det_record_maker *m, uint32_t n)
{
    if (m->end - m->next < n) {
        const uint32_t size = n > RECORD_RUN ? n : records.floor < 256 * RECORD_RUN ? n : RECORD_RUN;
        const uint32_t at = range_take(&records, size, 1);
        if (!at) return 0;
        m->next = at;
        m->end = at + size;
    }
    const uint32_t at = m->next;
    m->next += n;
    return at;
}
// Sorts words in place. 0: full.
static uint32_t record_intern(struct det_record_maker *m, uint32_t *words, uint32_t n, uint32_t rest, uint32_t kinds)
{
    sort_words(words, n);
    uint32_t hash = n ^ rest * 0x85ebca6bu;
    for (uint32_t i = 0; i < n; i++) hash = (hash ^ words[i]) * 0x9E3779B1u, hash ^= hash >> 15;
    uint32_t *lately = &m->lately[hash % DET_RECORD_CACHE];
    if (*lately && same_words(det_record_at(*lately), words, n, rest)) return *lately;
    const uint32_t at = record_space(m, n + sizeof(struct det_record) / sizeof *words);
    if (!at) return 0;
    struct det_record *r = (struct det_record *)&det_records[at];
    r->n = n;
    r->kinds = kinds & 15;
    r->rest = rest;
    for (uint32_t i = 0; i < n; i++) r->words[i] = words[i];
    return *lately = at;
}
void det_record_maker_forget(struct det_record_maker *m) { *m = (struct det_record_maker){0}; }

// ---- segments ------------------------------------------------------------------------------------------------

static uint32_t kind_bit(uint32_t word) { return 1u << det_stamp_at(word_index(word))->kind; }
// The place of the word's slot in a table of latest words.
static uint32_t *place_of_slot(uint32_t *table, uint32_t mask, uint32_t word)
{
    const uint32_t slot = det_stamp_at(word_index(word))->slot;
    uint32_t i = slot * 0x9E3779B1u >> 4 & mask;
    while (table[i] && det_stamp_at(word_index(table[i]))->slot != slot) i = (i + 1) & mask;
    return &table[i];
}
// Whoever comes after the one comes after the other, and what races with the other races with the one.
static bool stands_for(uint32_t word, uint32_t other)
{
    const struct det_stamp *a = det_stamp_at(word_index(word)), *b = det_stamp_at(word_index(other));
    return a->slot == b->slot && a->time > b->time && a->kind == b->kind && !(word_mask(other) & ~word_mask(word));
}
uint32_t det_words_latest(uint32_t *words, uint32_t n)
{
    uint32_t cap = 4, left = 0;
    while (cap < 2 * n) cap *= 2;
    uint32_t *const table = base_alloc(cap * sizeof *table);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *const p = place_of_slot(table, cap - 1, words[i]);
        if (!*p || det_stamp_at(word_index(*p))->time < det_stamp_at(word_index(words[i]))->time) *p = words[i];
    }
    for (uint32_t i = 0; i < n; i++)
        if (!stands_for(*place_of_slot(table, cap - 1, words[i]), words[i])) words[left++] = words[i];
    base_free(table, cap * sizeof *table);
    return left;
}
// The segment of n words, on those from rest down; 0: full.
static uint32_t segment_make(struct det_record_maker *m, uint32_t *words, uint32_t n, uint32_t rest)
{
    uint32_t kinds = rest ? det_record_at(rest)->kinds : 0;
    for (uint32_t i = 0; i < n; i++) kinds |= kind_bit(words[i]);
    return record_intern(m, words, n, rest, kinds);
}
static uint32_t segment_push(struct det_record_maker *m, const uint32_t *words, uint32_t n, uint32_t rest)
{
    uint32_t total = n, below = rest, at = 0;
    for (; below && det_record_at(below)->n <= 2 * total; below = det_record_at(below)->rest)
        total += det_record_at(below)->n;
    uint32_t *const all = base_alloc(total * sizeof *all);
    for (uint32_t i = 0; i < n; i++) all[at++] = words[i];
    for (; rest != below; rest = det_record_at(rest)->rest)
        for (uint32_t i = 0; i < det_record_at(rest)->n; i++) all[at++] = det_record_at(rest)->words[i];
    const uint32_t segment = segment_make(m, all, det_words_latest(all, total), below);
    base_free(all, total * sizeof *all);
    return segment;
}
// Moves the words that fit a segment to the end. Returns how many stay: reads of either sort leave other reads alone, and
// atomic accesses one another.
static uint32_t part(uint32_t *words, uint32_t n)
{
    uint32_t kinds = 0, stay = 0;
    for (uint32_t i = 0; i < n; i++) kinds |= kind_bit(words[i]);
    const uint32_t other = kinds & 1 << DET_READ ? 1 << DET_READ : 1 << DET_ATOMIC_WRITE;
    for (uint32_t i = 0; i < n; i++) {
        if (kind_bit(words[i]) & (other | 1 << DET_ATOMIC_READ)) continue;
        const uint32_t x = words[i];
        words[i] = words[stay];
        words[stay++] = x;
    }
    return stay;
}
static uint32_t record_of(struct det_record_maker *m, uint32_t *words, uint32_t n, uint32_t rest)
{
    const uint32_t stay = n > DET_SEGMENT ? part(words, n) : n;
    if (n - stay <= DET_SEGMENT) return record_intern(m, words, n, rest, 0);
    const uint32_t segment = segment_push(m, words + stay, n - stay, rest);
    return segment ? record_intern(m, words, stay, segment, 0) : 0;
}

// Two words need no record when one of them writes: it goes to the write side, where only it can be hit by a write, and the
// other to the read side. Of two that write different bytes the later goes to the write side.
static uint64_t pack_two(uint32_t a, uint32_t b)
{
    const bool a_writes = det_stamp_at(word_index(a))->kind & DET_WRITE,
               b_writes = det_stamp_at(word_index(b))->kind & DET_WRITE;
    if (a_writes && b_writes && word_mask(a) & word_mask(b)) return 0; // on the read side a full mask means a read
    if (a_writes && (!b_writes || word_index(a) > word_index(b))) return cell_make(a, b);
    return b_writes ? cell_make(b, a) : 0;
}
uint64_t det_cell_pack(struct det_strand *s, uint32_t *words, uint32_t n, uint32_t rest)
{
    if (n == 0 && !rest) return 0;
    if (n == 1 && !rest)
        return det_stamp_at(word_index(words[0]))->kind & DET_WRITE ? cell_make(words[0], 0) : cell_make(0, words[0]);
    const uint64_t two = n == 2 && !rest ? pack_two(words[0], words[1]) : 0;
    if (two) return two;
    const uint32_t record = record_of(s ? &s->carrier->records : &sweeper, words, n, rest);
    if (likely(record)) return cell_make(record, 0);
    det_give_up();
    return n ? det_cell_pack(s, words + n - 1, 1, 0) : 0;
}

// ---- the sweep's part ----------------------------------------------------------------------------------------

static struct range old_stamps, old_records;
static uint32_t *stamp_map, *record_map;     // old number - from -> new number; FRESH when not seen yet
static size_t stamp_map_cap, record_map_cap; // numbers
enum { DEAD = 0xffffffffu };

static void new_generation(struct range *r, struct range *old)
{
    *old = *r;
    const uint32_t used = r->next - r->from;
    // A generation that could not grow to four times this one before the end of the space begins again at 1.
    if ((uint64_t)r->next + 4ull * (used + r->limit) >= SPACE && old->from > 4ull * (used + r->limit)) r->next = 1;
    r->from = r->next;
    r->turn ^= 1;
}
// Room for n numbers, none seen yet. The map is kept from sweep to sweep, for its pages are warm.
static void map_clear(uint32_t **map, size_t *cap, size_t n)
{
    if (*cap < n) {
        if (*map) sys_unmap(*map, *cap * sizeof **map);
        *cap = (2 * n + 4095) & ~(size_t)4095;
        *map = sys_reserve(*cap * sizeof **map);
        CHECK(*map);
    } else {
        for (size_t i = 0; i < n; i++) (*map)[i] = 0;
    }
}
void det_stamp_begin_sweep(void)
{
    new_generation(&stamps, &old_stamps);
    new_generation(&records, &old_records);
    map_clear(&stamp_map, &stamp_map_cap, old_stamps.next - old_stamps.from);
    map_clear(&record_map, &record_map_cap, old_records.next - old_records.from);
    det_stamps = (struct det_stamp *)range_base(&stamps);
    det_records = range_base(&records);
    det_record_maker_forget(&sweeper);
}
uint32_t det_stamp_forward(uint32_t index, bool (*keep)(uint32_t slot, uint32_t time))
{
    uint32_t *to = &stamp_map[index - old_stamps.from];
    if (*to) return *to == DEAD ? 0 : *to;
    const uint64_t run = *run_of(index);
    if (run && !keep(run_slot(run), run_time(run))) { // its last stamp is not needed, so none is
        *to = DEAD;
        return 0;
    }
    const struct det_stamp *const old = (const struct det_stamp *)range_base(&old_stamps), *st = &old[index];
    uint32_t at = keep(st->slot, st->time) ? range_take_stopped(&stamps, st->mosaic ? 2 : 1) : 0;
    *to = at ? at : DEAD;
    if (!at) return 0;
    det_locks_mark(st->chain);
    base_store_relaxed(run_of(at), (uint64_t)0); // of many strands
    base_store_relaxed(run_of(at + 1), (uint64_t)0);
    *det_stamp_at(at) = *st;
    if (st->mosaic) {
        det_stamp_at(at)->site = at + 1;
        uint32_t *words = (uint32_t *)det_stamp_at(at + 1);
        for (int i = 0; i < 4; i++) {
            const uint32_t w = ((const uint32_t *)&old[st->site])[i];
            words[i] = w ? word_make(det_stamp_forward(word_index(w), keep), word_mask(w)) : 0;
        }
    }
    return at;
}
static uint32_t word_forward(uint32_t w, bool (*keep)(uint32_t slot, uint32_t time))
{
    const uint32_t to = w ? det_stamp_forward(word_index(w), keep) : 0;
    return to ? word_make(to, word_mask(w)) : 0;
}
static const struct det_record *old_record(uint32_t index)
{
    return (const struct det_record *)&range_base(&old_records)[index];
}
// Returns how many words are still needed.
static uint32_t words_forward(const struct det_record *r, uint32_t *to, bool (*keep)(uint32_t slot, uint32_t time))
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        const uint32_t w = word_forward(r->words[i], keep);
        if (w) to[n++] = w;
    }
    return n;
}
// The same segment under a new number, or the one below if nothing in it is needed; 0: nor below.
static uint32_t segment_forward(uint32_t index, bool (*keep)(uint32_t slot, uint32_t time))
{
    if (!index) return 0;
    uint32_t *const to = &record_map[index - old_records.from];
    if (*to) return *to == DEAD ? 0 : *to;
    const struct det_record *const r = old_record(index);
    const uint32_t rest = segment_forward(r->rest, keep), room = r->n;
    uint32_t *const words = base_alloc(room * sizeof *words);
    const uint32_t n = words_forward(r, words, keep), segment = n ? segment_make(&sweeper, words, n, rest) : rest;
    base_free(words, room * sizeof *words);
    if (n && !segment) det_give_up();
    *to = segment ? segment : DEAD;
    return segment;
}
static uint64_t record_forward(uint32_t index, bool (*keep)(uint32_t slot, uint32_t time))
{
    const struct det_record *r = old_record(index);
    uint32_t *to = &record_map[index - old_records.from];
    if (*to && *to != DEAD) return cell_make(*to, 0);
    uint32_t few[64];
    uint32_t *words = r->n <= 64 ? few : base_alloc(r->n * sizeof *words);
    const uint32_t rest = segment_forward(r->rest, keep);
    const uint64_t cell = det_cell_pack(NULL, words, words_forward(r, words, keep), rest);
    if (words != few) base_free(words, r->n * sizeof *words);
    if (cell_has_record(cell)) *to = cell_w(cell); // only records are remembered: the others are as cheap to make again
    return cell;
}
uint64_t det_cell_forward(uint64_t cell, bool (*keep)(uint32_t slot, uint32_t time))
{
    if (!cell_has_record(cell)) return cell_make(word_forward(cell_w(cell), keep), word_forward(cell_r(cell), keep));
    const uint64_t base = record_forward(cell_w(cell), keep);
    const uint32_t r = word_forward(cell_r(cell), keep);
    if (!r) return base;
    if (!cell_r(base)) return cell_make(cell_w(base), r);
    uint32_t words[3] = {cell_w(base), cell_r(base), r}; // {write or nothing, read}, and my read
    return cell_w(base) ? det_cell_pack(NULL, words, 3, 0) : det_cell_pack(NULL, words + 1, 2, 0);
}
// The old generation's buffer keeps what the next one will fill.
static void give_back(const struct range *old, size_t keep_numbers)
{
    const size_t used = (size_t)(old->next - old->from) * old->unit * 4,
                 keep_bytes = (keep_numbers * old->unit * 4 + 4095) & ~(size_t)4095;
    if (used > keep_bytes)
        sys_zap((char *)old->buffer[old->turn] + keep_bytes, (used - keep_bytes + 4095) & ~(size_t)4095);
}
static void set_limit(struct range *r, uint64_t at_least)
{
    uint64_t want = 2ull * (r->next - r->from);
    if (want < at_least) want = at_least;
    if (want < r->floor) want = r->floor;
    r->limit = want > SPACE / 4 ? SPACE / 4 : (uint32_t)want;
}
void det_stamp_end_sweep(uint64_t in_epochs)
{
    det_stamps_fresh = stamps.next;
    // A sweep goes through all dirty pages, so it must free stamps in proportion; and room for runs that hold the epochs.
    set_limit(&stamps, 64 * det_dirty_pages > 4 * in_epochs ? 64 * det_dirty_pages : 4 * in_epochs);
    set_limit(&records, 64 * det_dirty_pages);
    const uintptr_t runs_lo = ((uintptr_t)run_of(old_stamps.from) + 4095) & ~(uintptr_t)4095,
                    runs_hi = (uintptr_t)run_of(old_stamps.next) & ~(uintptr_t)4095;
    if (runs_lo < runs_hi) sys_zap((void *)runs_lo, runs_hi - runs_lo);
    give_back(&old_stamps, stamps.limit);
    give_back(&old_records, records.limit);
}
void det_stamp_reset(void)
{
    give_back(&stamps, 0);
    give_back(&records, 0);
    det_record_maker_forget(&sweeper);
}
