// test_stamp.c: a stamp says what the access was, and only stamps of the current epoch are found again.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "detector/access.h"
#include "detector/stack.h"
#include "detector/sweep.h"

static struct det_strand *begin(uint32_t stamp_limit)
{
    const struct det_config cfg = {.stamp_limit = stamp_limit, .report_races = true};
    det_init(&cfg, NULL, NULL);
    struct det_strand *s = det_strand_create(NULL, 0);
    det_strand_start(s, 1, 0, 0);
    return s;
}
static bool in_epoch(const struct det_strand *s, uint32_t stamp) { return stamp - s->hot.lo < s->hot.n; }

static void check_stamp(const struct det_strand *s, uint32_t at, uintptr_t pc, uintptr_t caller, uint32_t what)
{
    const struct det_stamp *st = det_stamp_at(at);
    cr_assert_eq(st->slot, s->slot);
    cr_assert_eq(st->time, s->time);
    cr_assert_eq((uint32_t)st->kind, what & 3);
    cr_assert_eq((uint32_t)st->origin, what >> 2 & 3);
    cr_assert_eq((uint32_t)st->size, what >> 4 & 31);
    cr_assert_eq(st->chain, s->held.chain);
    cr_assert_not(st->mosaic);
    static struct det_stack stack;
    det_stack_read(st->site, &stack);
    cr_assert_eq(stack.n, caller ? 2u : 1u);
    cr_assert_eq(stack.pc[0], pc);
    if (caller) cr_assert_eq(stack.pc[1], caller);
    const bool plain = !(what & 2) && (what >> 2 & 3) == DET_BY_PROGRAM;
    cr_assert_eq(in_epoch(s, at), plain, "plain accesses, and they alone, may be hit");
}
// Random sites, kinds, callers, held locks and releases. What is returned is always the stamp of this very epoch.
static void random_stamps(unsigned seed, uint32_t limit)
{
    struct det_strand *s = begin(limit);
    uintptr_t caller = 0;
    bool held = false;
    srand(seed);
    for (int step = 0; step < 20000; step++) {
        const int op = rand() % 100;
        if (op < 6) {
            const uint32_t before = s->time;
            det_release(s, 1, 0x5000, DET_SET); // ticks if anything was stamped
            if (s->time != before) cr_assert_eq(s->hot.n, 0u, "seed %u, step %d: a new epoch begins empty", seed, step);
        } else if (op < 10) {
            held ? det_lock_release(s, 1, 0x6000, 0) : det_lock_acquired(s, 1, 0x6000, 0);
            held = !held;
        } else if (op < 16) {
            if (caller)
                det_func_exit(s);
            else
                det_func_enter(s, 0x700000 + 16 * (uintptr_t)(rand() % 3), 0x7f0000001000);
            caller = caller ? 0 : s->hot.frame[-1].pc;
        } else {
            const uintptr_t pc = 0x400000 + 16 * (uintptr_t)(rand() % 40);
            const enum det_kind kind = (enum det_kind)(rand() % 4);
            const enum det_origin origin = kind == DET_WRITE ? (enum det_origin)(rand() % 3) : DET_BY_PROGRAM;
            const uint32_t what = det_what(kind, origin, 1u << rand() % 5);
            cr_assert(det_enter(s));
            const uint32_t at = det_stamp_get(s, pc, what);
            cr_assert_neq(at, 0u);
            check_stamp(s, at, pc, caller, what);
            cr_assert_eq(det_stamp_get(s, pc, what), at, "seed %u, step %d: asked again, another stamp", seed, step);
            det_leave(s);
        }
    }
    det_reset();
}
Test(stamp, random_stamps)
{
    for (unsigned seed = 1; seed <= 4; seed++) random_stamps(seed, seed % 2 ? 0 : 64);
}

// Up to four sites in one cell and epoch: the mosaic tells each byte's.
Test(stamp, mosaics)
{
    const unsigned seed = 5;
    srand(seed);
    struct det_strand *s = begin(0);
    for (int round = 0; round < 3000; round++) {
        uint32_t of_byte[4], word = 0;
        cr_assert(det_enter(s));
        for (uint32_t left = 15; left;) {
            uint32_t mask = left & (uint32_t)rand();
            if (!mask) mask = left;
            left &= ~mask;
            const uint32_t at = det_stamp_get(s, 0x400000 + 16 * (uintptr_t)(rand() % 50), det_what(DET_WRITE, 0, 1));
            for (int b = 0; b < 4; b++)
                if (mask >> b & 1) of_byte[b] = at;
            const uint32_t mine = word_make(at, mask);
            if (!word)
                word = mine;
            else
                word = word_make(det_stamp_mosaic(s, word, mine), word_mask(word) | mask);
        }
        const struct det_stamp *m = det_stamp_at(word_index(word));
        cr_assert(in_epoch(s, word_index(word)), "a mosaic can be hit");
        cr_assert_eq(m->time, s->time);
        cr_assert_eq((uint32_t)m->kind, (uint32_t)DET_WRITE);
        for (uint32_t b = 0; m->mosaic && b < 4; b++) {
            uint32_t found = 0;
            for (int i = 0; i < 4; i++) {
                const uint32_t w = det_mosaic_words(m)[i];
                if (!(word_mask(w) >> b & 1)) continue;
                cr_assert_eq(found++, 0u, "seed %u, round %d: two sites for one byte", seed, round);
                cr_assert_eq(word_index(w), of_byte[b], "seed %u, round %d", seed, round);
            }
            cr_assert_eq(found, 1u, "seed %u, round %d: a byte without a site", seed, round);
        }
        det_leave(s);
        if (rand() % 16 == 0) det_release(s, 1, 0x5000, DET_SET);
    }
    det_reset();
}

// What an epoch touched before its strand got a new run of numbers, or a sweep gave it new ones, hits again from the second
// time on: it once missed for the rest of the epoch, at a new stamp each time.
static const uintptr_t cells = 0x7f0000000000;
static void hits_the_second_time(struct det_strand *s, enum det_kind kind)
{
    for (uintptr_t a = cells; a < cells + 64; a += 8) det_access(s, 0x400000, a, 8, kind);
    for (uintptr_t a = cells; a < cells + 64; a += 8) cr_expect(det_hit(s, a, 8, kind), "%#lx", (unsigned long)a);
}
static void many_sites(struct det_strand *s, uintptr_t n)
{
    for (uintptr_t i = 0; i < n; i++) det_access(s, 0x500000 + 16 * i, cells + 4096 + 8 * i, 8, DET_WRITE);
}
static void another_run(enum det_kind kind)
{
    struct det_strand *s = begin(0), *t = det_strand_create(s, 1);
    det_strand_start(t, 2, 0, 0);
    hits_the_second_time(s, kind);
    many_sites(t, 1); // the numbers after the run of s are not free any more
    const uint32_t lo = s->hot.lo;
    many_sites(s, 40000);
    cr_assert_neq(s->hot.lo, lo);
    hits_the_second_time(s, kind);
    det_reset();
}
Test(stamp, a_new_run_hits_again)
{
    another_run(DET_WRITE);
    another_run(DET_READ);
}
Test(stamp, a_swept_epoch_hits_again)
{
    struct det_strand *s = begin(0), *t = det_strand_create(s, 1);
    det_strand_start(t, 2, 0, 0);
    hits_the_second_time(s, DET_WRITE);
    det_sweep_ask();
    many_sites(t, 1);
    cr_assert_eq(det_sweeps(), 1u);
    hits_the_second_time(s, DET_WRITE);
    det_reset();
}
