// test_shadow.c: the encodings of words and cells, the inlined same-epoch test against its naive form, and chunks.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "detector/shadow.h"

static uint32_t random32(void) { return (uint32_t)rand() << 17 ^ (uint32_t)rand(); }

Test(shadow, words_and_cells)
{
    const unsigned seed = 3;
    srand(seed);
    for (int i = 0; i < 100000; i++) {
        const uint32_t index = random32() & DET_INDEX_MASK, mask = random32() & 15;
        const uint32_t w = word_make(index, mask), r = random32();
        cr_assert_eq(word_index(w), index);
        cr_assert_eq(word_mask(w), mask);
        cr_assert_eq(cell_w(cell_make(w, r)), w);
        cr_assert_eq(cell_r(cell_make(w, r)), r);
        cr_assert_eq(cell_has_record(cell_make(w, r)), w != 0 && mask == 0);
    }
}

// ---- the same-epoch test ---------------------------------------------------------------------------------------

// As event.h's comment has it: every byte is named by a word of a stamp in [lo, lo + n).
static bool mine(uint32_t word, uint32_t lo, uint32_t n, uint32_t byte)
{
    return word_index(word) - lo < n && word_mask(word) >> byte & 1;
}
static bool naive_hit(const uint32_t *cells, uintptr_t addr, int size, enum det_kind kind, uint32_t lo, uint32_t n)
{
    if (addr % (uintptr_t)size) return false;
    for (uintptr_t a = addr; a < addr + (uintptr_t)size; a++) {
        const uint32_t *c = &cells[(a & 15) / 4 * 2];
        if (mine(c[0], lo, n, a & 3) || (kind == DET_READ && mine(c[1], lo, n, a & 3))) continue;
        // Words of 4 bytes and more are looked at whole: mixed ones may miss, never hit wrongly.
        return false;
    }
    return true;
}
static bool hit(const struct det_strand *s, uintptr_t addr, int size, enum det_kind kind)
{
    switch (size) {
    case 1: return det_hit(s, addr, 1, kind);
    case 2: return det_hit(s, addr, 2, kind);
    case 4: return det_hit(s, addr, 4, kind);
    case 8: return det_hit(s, addr, 8, kind);
    default: return det_hit(s, addr, 16, kind);
    }
}
// A word that is mostly near [lo, lo + n), with any mask.
static uint32_t near_word(uint32_t lo, uint32_t n)
{
    if (rand() % 8 == 0) return 0;
    if (rand() % 8 == 0) return random32();
    const uint32_t index = (lo + (uint32_t)(rand() % (int)(n + 4)) - 2) & DET_INDEX_MASK;
    return word_make(index, rand() % 2 ? 15 : random32() & 15);
}
static bool whole(uint32_t word) { return word_mask(word) == 15; }
Test(shadow, hit_is_what_it_says)
{
    const unsigned seed = 11;
    srand(seed);
    static const uintptr_t chunk = 0x7f1200000000;
    struct det_chunk c;
    cr_assert(det_chunk_make(chunk, &c));
    static struct det_strand_hot hot;
    const struct det_strand *s = (const struct det_strand *)&hot;
    uint64_t hits = 0;
    for (int i = 0; i < 400000; i++) {
        const uint32_t n = (uint32_t)(rand() % 6);
        const uint32_t lo = rand() % 4 == 0   ? 1 + (uint32_t)(rand() % 3)
                            : rand() % 4 == 0 ? (1u << DET_INDEX_BITS) - n - (uint32_t)(rand() % 3)
                                              : 1 + random32() % ((1u << DET_INDEX_BITS) - 8);
        det_hot_set(&hot, lo, n);
        uint32_t *cells = (uint32_t *)c.cells; // of the 16 bytes at the chunk's start
        for (int k = 0; k < 8; k++) cells[k] = near_word(lo, n);
        const int size = 1 << rand() % 5;
        const uintptr_t addr = chunk + (uintptr_t)(rand() % (17 - size));
        const enum det_kind kind = rand() % 2 ? DET_READ : DET_WRITE;
        const bool want = naive_hit(cells, addr, size, kind, lo, n), got = hit(s, addr, size, kind);
        cr_assert(!got || want, "seed %u, case %d: a hit on bytes that were not touched", seed, i);
        bool simple = true; // what it must not miss: every cell's word whole, on one side
        for (int k = 0; k < 8; k += 2) simple &= whole(cells[k]) || (kind == DET_READ && whole(cells[k + 1]));
        cr_assert(got || !want || !simple || size < 4, "seed %u, case %d: a miss on bytes that were touched", seed, i);
        cr_assert(size >= 4 || got == want, "seed %u, case %d", seed, i);
        hits += got;
    }
    cr_expect_gt(hits, 10000u, "the test tests misses only");
    det_shadow_reset();
}
Test(shadow, nothing_hits_before_the_first_stamp)
{
    static struct det_strand_hot hot;
    const struct det_strand *s = (const struct det_strand *)&hot;
    struct det_chunk c;
    cr_expect_not(det_hit(s, 0x100000, 8, DET_READ), "no shadow yet");
    cr_assert(det_chunk_make(0x100000, &c));
    cr_expect_not(det_hit(s, 0x100000, 8, DET_READ), "zero cells, and no stamps");
    cr_expect_not(det_hit(s, 0x100000, 1, DET_WRITE));
    det_hot_set(&hot, 1, 100);
    cr_expect_not(det_hit(s, 0x100000, 16, DET_READ), "zero cells");
    det_shadow_reset();
}

// ---- chunks ----------------------------------------------------------------------------------------------------

static const uintptr_t places[] = {
    0x1000, 0x100000, 0x10000000 - 8, 0x10000000, 0x555555554000, 0x7f1203fffff8, 0x7f1204000000, 0x7ffffffff000,
};
enum { PLACES = sizeof places / sizeof *places };
static void count(struct det_chunk *c, void *ctx)
{
    static uintptr_t last;
    uint32_t *n = ctx;
    cr_expect(*n == 0 || c->base > last, "chunks come by rising address");
    last = c->base;
    (*n)++;
}
Test(shadow, chunks)
{
    struct det_chunk c, again;
    for (int i = 0; i < PLACES; i++) {
        cr_assert(det_chunk_make(places[i], &c));
        cr_expect(places[i] - c.base < CHUNK_BYTES);
        cr_assert(det_chunk_find(places[i], &again));
        cr_expect(c.cells == again.cells && c.objects == again.objects && c.summary == again.summary &&
                  c.dirty == again.dirty && c.occupied == again.occupied);
        // The tables do not overlap: write each one's last entry, and look at the others' first.
        c.cells[CELLS_BYTES / 8 - 1] = ~0ull;
        c.objects[OBJECTS_BYTES / 4 - 1] = ~0u;
        c.summary[CHUNK_PAGES - 1] = ~0ull;
        c.dirty[CHUNK_PAGES - 1] = 0xff;
        c.occupied[OCCUPIED_BYTES - 1] = 0xff;
        cr_expect(c.objects[0] == 0 && c.summary[0] == 0 && c.dirty[0] == 0 && c.occupied[0] == 0);
        cr_expect_eq((const uint32_t *)det_cell_of(&c, places[i]), det_cell(places[i]), "both ways to a cell agree");
    }
    uint32_t n = 0;
    det_chunk_each(count, &n);
    cr_expect_eq(n, PLACES - 1u, "two places share a chunk");
    cr_expect_not(det_chunk_make((uintptr_t)1 << 47, &c), "beyond the 47 bits of user addresses");
    cr_expect_not(det_chunk_find((uintptr_t)1 << 47, &c));
    cr_expect_null(det_cell(0x2000000000));
    det_shadow_reset();
    cr_expect_not(det_chunk_find(places[0], &c), "reset forgets");
    cr_expect_null(det_cell(places[0]));
}
