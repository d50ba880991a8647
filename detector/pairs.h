// detector/pairs.h: pairs of 32-bit numbers, each named by an index: equal pairs are the same index.
//
// Chains of held locks, of the stacks where they were taken, edges of the lock-order graph and what was reported
// already are all such pairs. Index 0 is no pair. Indices are dense, so further data lies in arrays beside the table.
// Whoever owns a table guards changes with a lock of its own. A pair does not change while it is there, so
// reading it back by its index needs none.
#ifndef DETECTOR_PAIRS_H
#define DETECTOR_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DET_PAIRS_MAX = 1 << 26 };

struct det_pair {
    uint32_t a, b; // of a removed one: 0
    uint32_t next; // in its bucket, or in the free list; 0 ends
};
struct det_pairs {       // zero is an empty table
    struct det_pair *at; // DET_PAIRS_MAX, reserved at the first pair; constant afterwards
    uint32_t used;       // indices below it have been handed out once; at least 1 when not empty
    uint32_t free;       // first of the removed
    uint32_t live;
    uint32_t *bucket, buckets;
};
// Its index, or 0.
uint32_t det_pairs_find(const struct det_pairs *t, uint32_t a, uint32_t b);
// The same; made when it is not there (*made tells). 0 when the table is full.
uint32_t det_pairs_intern(struct det_pairs *t, uint32_t a, uint32_t b, bool *made);
void det_pairs_remove(struct det_pairs *t, uint32_t index);
void det_pairs_reset(struct det_pairs *t); // becomes empty, and gives its memory back

static inline uint64_t det_pairs_hash(uint32_t a, uint32_t b)
{
    uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u;
    return (h ^ h >> 32) * 0xd6e8feb86659fd93u;
}

#endif
