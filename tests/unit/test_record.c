// test_record.c: a cell holds the words that were put into it, and a sweep keeps what is still needed of them, whatever
// numbers it gives them.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "detector/access.h"

enum { STAMPS = 150, CELLS = 400, MAX_WORDS = 120 };
// The model: a stamp is named by its slot and time; a cell is a set of (stamp, mask). Each stamp is another strand's.
struct entry {
    uint32_t slot, time, mask;
    bool writes;
};
static struct det_strand *strands[STAMPS];
static struct model_cell {
    uint64_t cell;
    uint32_t n;
    struct entry entry[MAX_WORDS];
} cells[CELLS];
static uint32_t stamps[STAMPS];
static uint32_t keep_from[STAMPS + 1]; // by slot: stamps of earlier times are dropped by the sweep

static bool keep(uint32_t slot, uint32_t time) { return time >= keep_from[slot]; }

static struct entry entry_of(uint32_t word)
{
    const struct det_stamp *st = det_stamp_at(word_index(word));
    return (struct entry){st->slot, st->time, word_mask(word), st->kind & DET_WRITE};
}
// The words of a cell, as access.c reads them.
static uint32_t words_of(uint64_t cell, uint32_t *out)
{
    uint32_t n = 0;
    if (cell_has_record(cell)) {
        for (const struct det_record *r = det_record_at(cell_w(cell)); r; r = r->rest ? det_record_at(r->rest) : NULL)
            for (uint32_t i = 0; i < r->n; i++) out[n++] = r->words[i];
    } else if (cell_w(cell)) {
        out[n++] = cell_w(cell);
    }
    if (cell_r(cell)) out[n++] = cell_r(cell);
    return n;
}
static void check(const struct model_cell *m, unsigned seed, int round)
{
    uint32_t words[2 * MAX_WORDS];
    const uint32_t n = words_of(m->cell, words);
    cr_assert_eq(n, m->n, "seed %u, round %d: %u words instead of %u", seed, round, n, m->n);
    for (uint32_t i = 0; i < n; i++) {
        const struct entry e = entry_of(words[i]);
        uint32_t k = 0;
        while (k < m->n && (m->entry[k].slot != e.slot || m->entry[k].time != e.time || m->entry[k].mask != e.mask))
            k++;
        cr_assert_lt(k, m->n, "seed %u, round %d: a word that was not put in", seed, round);
        cr_assert_eq(e.writes, m->entry[k].writes);
    }
}
// One word after another, on the segments that have come about, or all at once.
static void pack(struct det_strand *s, struct model_cell *m, uint32_t *words)
{
    const bool slowly = rand() % 2;
    if (!slowly) m->cell = det_cell_pack(s, words, m->n, 0);
    for (uint32_t i = 0; slowly && i < m->n; i++) {
        const struct det_record *r = cell_has_record(m->cell) ? det_record_at(cell_w(m->cell)) : NULL;
        const uint32_t rest = r ? r->rest : 0;
        uint32_t top[MAX_WORDS], n = 0;
        for (uint32_t k = 0; r && k < r->n; k++) top[n++] = r->words[k];
        if (!r && cell_w(m->cell)) top[n++] = cell_w(m->cell);
        if (cell_r(m->cell)) top[n++] = cell_r(m->cell);
        top[n++] = words[i];
        m->cell = det_cell_pack(s, top, n, rest);
    }
}
static void make_cell(struct det_strand *s, struct model_cell *m)
{
    uint32_t words[MAX_WORDS], first = (uint32_t)(rand() % STAMPS);
    *m = (struct model_cell){0};
    const uint32_t want = (uint32_t)(rand() % 3 ? rand() % 4 : rand() % (MAX_WORDS + 1));
    for (uint32_t i = 0; i < want; i++) { // different stamps
        const uint32_t stamp = stamps[(first + i * 7) % STAMPS];
        words[m->n] = word_make(stamp, 1 + (uint32_t)(rand() % 15));
        m->entry[m->n] = entry_of(words[m->n]);
        m->n++;
    }
    pack(s, m, words);
    // A write can only be hit on the write side.
    if (m->n && !cell_w(m->cell)) cr_assert_not(entry_of(cell_r(m->cell)).writes);
}
static void sweep(struct det_strand *s)
{
    det_stamp_begin_sweep();
    for (int i = 0; i < STAMPS; i++) stamps[i] = det_stamp_forward(stamps[i], keep);
    for (int i = 0; i < CELLS; i++) {
        struct model_cell *m = &cells[i];
        m->cell = det_cell_forward(m->cell, keep);
        uint32_t n = 0;
        for (uint32_t k = 0; k < m->n; k++)
            if (keep(m->entry[k].slot, m->entry[k].time)) m->entry[n++] = m->entry[k];
        m->n = n;
    }
    for (int i = 0; i < STAMPS; i++) {
        det_stamp_new_epoch(strands[i]);
        strands[i]->run_next = strands[i]->run_end = strands[i]->other_next = strands[i]->other_end = 0;
    }
    det_record_maker_forget(&s->carrier->records);
    det_stamp_end_sweep(0);
}
static void more_stamps(void)
{
    for (int i = 0; i < STAMPS; i++) {
        if (stamps[i]) continue;
        struct det_strand *const s = strands[i];
        det_release(s, 1, 0x5000, DET_SET); // a new epoch
        cr_assert(det_enter(s));
        s->stamped = true;
        stamps[i] = det_stamp_get(s, 0x400000 + 16 * (uintptr_t)rand(),
                                  det_what(rand() % 8   ? rand() % 2 ? DET_READ : DET_ATOMIC_READ
                                           : rand() % 2 ? DET_WRITE
                                                        : DET_ATOMIC_WRITE,
                                           0, 4));
        det_leave(s);
        cr_assert_neq(stamps[i], 0u);
    }
}
static void random_cells(unsigned seed)
{
    const struct det_config cfg = {.report_races = true}; // no sweep but ours
    det_init(&cfg, NULL, NULL);
    for (int i = 0; i < STAMPS; i++) {
        stamps[i] = 0;
        strands[i] = det_strand_create(NULL, 0);
        det_strand_start(strands[i], i, 0, 0);
    }
    struct det_strand *const s = strands[0];
    srand(seed);
    for (int i = 0; i < STAMPS; i++) keep_from[i] = 0;
    for (int i = 0; i < CELLS; i++) cells[i] = (struct model_cell){0};
    for (int round = 0; round < 60; round++) {
        more_stamps();
        for (int i = 0; i < CELLS / 2; i++) {
            struct model_cell *m = &cells[rand() % CELLS];
            make_cell(s, m);
            check(m, seed, round);
        }
        for (int i = 0; i < STAMPS; i++)
            if (rand() % 3 == 0) keep_from[strands[i]->slot] = strands[i]->time + (uint32_t)rand() % 2;
        sweep(s);
        for (int i = 0; i < CELLS; i++) check(&cells[i], seed, round);
    }
    cr_expect_eq(det_given_up(), 0u);
    det_reset();
}
Test(record, random_cells)
{
    for (unsigned seed = 1; seed <= 6; seed++) random_cells(seed);
}
