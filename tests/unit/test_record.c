// test_record.c: a cell holds the words that were put into it, and a sweep keeps what is still needed of them, whatever
// numbers it gives them.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "detector/access.h"

enum { STAMPS = 60, CELLS = 400, MAX_WORDS = 12 };
// The model: a stamp is named by its time and site; a cell is a set of (stamp, mask).
struct entry {
    uint32_t time, site, mask;
    bool writes;
};
static struct model_cell {
    uint64_t cell;
    uint32_t n;
    struct entry entry[MAX_WORDS];
} cells[CELLS];
static uint32_t stamps[STAMPS];
static uint32_t keep_from; // stamps of earlier times are dropped by the sweep

static bool keep(uint32_t slot, uint32_t time)
{
    (void)slot;
    return time >= keep_from;
}

static struct entry entry_of(uint32_t word)
{
    const struct det_stamp *st = det_stamp_at(word_index(word));
    return (struct entry){st->time, st->site, word_mask(word), st->kind & DET_WRITE};
}
// The words of a cell, as access.c reads them.
static uint32_t words_of(uint64_t cell, uint32_t *out)
{
    uint32_t n = 0;
    if (cell_has_record(cell)) {
        const struct det_record *r = det_record_at(cell_w(cell));
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
        while (k < m->n && (m->entry[k].time != e.time || m->entry[k].site != e.site || m->entry[k].mask != e.mask))
            k++;
        cr_assert_lt(k, m->n, "seed %u, round %d: a word that was not put in", seed, round);
        cr_assert_eq(e.writes, m->entry[k].writes);
    }
}
static void make_cell(struct det_strand *s, struct model_cell *m)
{
    uint32_t words[MAX_WORDS], first = (uint32_t)(rand() % STAMPS);
    m->n = 0;
    const uint32_t want = (uint32_t)(rand() % 3 ? rand() % 4 : rand() % (MAX_WORDS + 1));
    for (uint32_t i = 0; i < want; i++) { // different stamps
        const uint32_t stamp = stamps[(first + i * 7) % STAMPS];
        words[m->n] = word_make(stamp, 1 + (uint32_t)(rand() % 15));
        m->entry[m->n] = entry_of(words[m->n]);
        m->n++;
    }
    m->cell = det_cell_pack(s, words, m->n, 0);
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
            if (m->entry[k].time >= keep_from) m->entry[n++] = m->entry[k];
        m->n = n;
    }
    det_stamp_new_epoch(s);
    s->run_next = s->run_end = s->other_next = s->other_end = 0;
    det_record_maker_forget(&s->carrier->records);
    det_stamp_end_sweep(0);
}
static void more_stamps(struct det_strand *s)
{
    for (int i = 0; i < STAMPS; i++) {
        if (stamps[i]) continue;
        det_release(s, 1, 0x5000, DET_SET); // each of its own epoch, so that all are different
        cr_assert(det_enter(s));
        stamps[i] =
            det_stamp_get(s, 0x400000 + 16 * (uintptr_t)rand(), det_what(rand() % 2 ? DET_WRITE : DET_READ, 0, 4));
        det_leave(s);
        cr_assert_neq(stamps[i], 0u);
    }
}
static void random_cells(unsigned seed)
{
    const struct det_config cfg = {.report_races = true}; // no sweep but ours
    det_init(&cfg, NULL, NULL);
    struct det_strand *s = det_strand_create(NULL, 0);
    det_strand_start(s, 1, 0, 0);
    srand(seed);
    keep_from = 0;
    for (int i = 0; i < STAMPS; i++) stamps[i] = 0;
    for (int i = 0; i < CELLS; i++) cells[i] = (struct model_cell){0};
    for (int round = 0; round < 60; round++) {
        more_stamps(s);
        for (int i = 0; i < CELLS / 2; i++) {
            struct model_cell *m = &cells[rand() % CELLS];
            make_cell(s, m);
            check(m, seed, round);
        }
        if (rand() % 3) keep_from += (uint32_t)rand() % STAMPS;
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
