// detector/shadow.h: what is kept for the program's memory, chunk by chunk.
//
// A chunk is 64 MiB of address space. Its shadow is one reservation, touched only where the program is:
//     cells     8 bytes for every 4: {last write, last read} (event_inline.h)
//     objects   an index for every 8 bytes: head of the chain of objects there (sync.h)
//     summary   a cell for every shadow page: what a zero cell of that page stands for
//     owner     a word for every shadow page: who may change its cells, and how (owner.h)
//     dirty     a byte for every shadow page: some cell of it may be non-zero
//     occupied  a byte for every page of `objects`: some index of it may be non-zero
//     summed    a byte for every SUMMED entries of `summary`: some of them may be non-zero
// det_chunks finds the cells; the rest lies at fixed distances behind them.
//
// A cell is one of
//     {0, 0}                 what the page's summary says; a zero summary: nothing
//     {stamp word, stamp word or 0}, {0, stamp word}
//     {record index (mask 0), read stamp word or 0}
// The first word is the last write; the second a read, or an older write of other bytes than the first's.
// and changes as owner.h says, except in memory that the allocator has just handed out.
#ifndef DETECTOR_SHADOW_H
#define DETECTOR_SHADOW_H

#include "base/check.h"
#include "detector/event_inline.h"

enum {
    SHADOW_PAGE = 4096,
    APP_PAGE = SHADOW_PAGE / 2, // program bytes that a shadow page covers
};
#define CHUNK_BYTES      ((uintptr_t)1 << DET_CHUNK_BITS)
#define CHUNK_COUNT      DET_CHUNK_COUNT
#define CELLS_BYTES      (2 * CHUNK_BYTES)
#define OBJECTS_BYTES    (CHUNK_BYTES / 2)
#define CHUNK_PAGES      (CELLS_BYTES / SHADOW_PAGE)
#define OBJECT_PAGE_SPAN ((uintptr_t)8192) // program bytes that a page of indices covers
#define OCCUPIED_BYTES   (CHUNK_BYTES / OBJECT_PAGE_SPAN)
enum { SUMMED = 512 };
enum { DIRTY = 1, EMPTY = 2 }; // of `dirty`: touched; touched, and found all zero by the last sweep

struct det_chunk {
    uintptr_t base; // of the program's memory
    uint64_t *cells;
    uint32_t *objects;
    uint64_t *summary;
    uint32_t *owner;
    uint8_t *dirty, *occupied, *summed;
};
// False when there is no shadow for addr yet.
static inline bool det_chunk_find(uintptr_t addr, struct det_chunk *c)
{
    const uintptr_t n = addr >> DET_CHUNK_BITS;
    const uintptr_t e = n < CHUNK_COUNT ? base_load_acquire(&det_chunks[n]) : 0; // acquire: pairs with det_chunk_make
    if (!e) return false;
    c->base = n << DET_CHUNK_BITS;
    char *p = (char *)(e + 2 * c->base);
    c->cells = (uint64_t *)p;
    c->objects = (uint32_t *)(p + CELLS_BYTES);
    c->summary = (uint64_t *)(p + CELLS_BYTES + OBJECTS_BYTES);
    c->owner = (uint32_t *)(p + CELLS_BYTES + OBJECTS_BYTES + CHUNK_PAGES * 8);
    c->dirty = (uint8_t *)(p + CELLS_BYTES + OBJECTS_BYTES + CHUNK_PAGES * 12);
    c->occupied = c->dirty + CHUNK_PAGES;
    c->summed = c->occupied + OCCUPIED_BYTES;
    return true;
}
// Finds it, or makes it. False: addr is no user address, or no memory (counted as given up).
bool det_chunk_make(uintptr_t addr, struct det_chunk *c);
// Calls fn for each chunk there is.
void det_chunk_each(void (*fn)(struct det_chunk *c, void *ctx), void *ctx);
void det_shadow_reset(void); // tests only

static inline uint64_t *det_cell_of(const struct det_chunk *c, uintptr_t addr)
{
    return &c->cells[(addr - c->base) >> 2];
}
static inline uintptr_t det_page_of(const struct det_chunk *c, uintptr_t addr) { return (addr - c->base) / APP_PAGE; }

// ---- encodings: pure functions ----
static inline uint32_t word_make(uint32_t index, uint32_t mask) { return mask << DET_INDEX_BITS | index; }
static inline uint32_t word_index(uint32_t w) { return w & DET_INDEX_MASK; }
static inline uint32_t word_mask(uint32_t w) { return w >> DET_INDEX_BITS; }
static inline uint64_t cell_make(uint32_t w, uint32_t r) { return (uint64_t)r << 32 | w; }
static inline uint32_t cell_w(uint64_t c) { return (uint32_t)c; }
static inline uint32_t cell_r(uint64_t c) { return (uint32_t)(c >> 32); }
static inline bool cell_has_record(uint64_t c) { return cell_w(c) && word_mask(cell_w(c)) == 0; }

#endif
