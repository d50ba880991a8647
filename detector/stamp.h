// detector/stamp.h: stamps, mosaics and records: what the words of a cell name.
//
// A stamp is one (slot, time, kind, size, site, held set). The stamps that a strand makes for plain accesses in one
// epoch are consecutive, [lo, lo + n); atomic, allocation and free stamps come from another run, so that plain
// accesses never hit them. A mosaic is a stamp of the same (slot, time, kind) whose bytes were touched at up to
// four different sites: its site names the next stamp slot, which holds four words (mask, stamp) instead.
//
// A record is a shared set of words: everything that a cell cannot hold in one stamp a side. What 100,000 strands read and
// nobody writes has as many words, and each reader adds one; so that it need not copy the others', most of a long record is in
// segments, which are records that it stands on. A segment holds words that accesses like the last one do not conflict
// with, so those need not look at them. Where DET_SEGMENT such words have come together they become a segment, one with those
// below that are at most twice as long: there are few, and each word is copied a few times.
//
// Numbers rise through the whole 28-bit space and wrap; a sweep copies what is still needed to fresh numbers, so a number is reissued only after 2^28 others.
#ifndef DETECTOR_STAMP_H
#define DETECTOR_STAMP_H

#include "detector/shadow.h"
#include "detector/strand.h"

struct det_stamp {
    uint32_t time;
    uint32_t slot : 22, kind : 2, origin : 2, size : 5, mosaic : 1; // size 0: a range
    uint32_t site;                                                  // stack node whose pc is the access
    uint32_t chain;                                                 // held set
};
_Static_assert(sizeof(struct det_stamp) == 16, "a stamp is 16 bytes");
enum { DET_MAX_SLOT = (1 << 22) - 1 };

extern struct det_stamp *det_stamps; // where number 0 would be; changed by a sweep, world stopped
extern uint32_t det_stamps_fresh;    // numbers from here on were given since the last sweep; changed as det_stamps
static inline struct det_stamp *det_stamp_at(uint32_t index) { return &det_stamps[index]; }
static inline const uint32_t *det_mosaic_words(const struct det_stamp *m)
{
    return (const uint32_t *)&det_stamps[m->site];
}

// What is known of a run without looking at its stamps, which another core wrote: for every 256 numbers, if one strand
// made them all, {slot, kinds made, last time}; else 0. A stamp's number tells where to look, and mostly that is enough
// to see that it happened before (access.c).
enum { DET_RUN_BITS = 8, DET_RUN_STRIDE = 8 }; // a cache line an entry: neighbours are written by other cores
extern uint64_t *det_runs; // constant after init; an entry is written by its strand before the stamp is published
static inline uint64_t *run_of(uint32_t stamp) { return &det_runs[(size_t)(stamp >> DET_RUN_BITS) * DET_RUN_STRIDE]; }
static inline uint64_t run_make(uint32_t slot, uint32_t kinds, uint32_t time)
{
    return (uint64_t)(slot << 4 | kinds) << 32 | time;
}
static inline uint32_t run_slot(uint64_t run) { return (uint32_t)(run >> 36); }
static inline uint32_t run_kinds(uint64_t run) { return (uint32_t)(run >> 32) & 15; }
static inline uint32_t run_time(uint64_t run) { return (uint32_t)run; }

// Is it one of s's current epoch?
static inline bool is_current(const struct det_strand *s, uint32_t stamp)
{
    return stamp - s->hot.lo < s->hot.n || stamp - s->other_lo < s->other_n;
}
// The key is right, its stamp of an earlier epoch. 0: the table is full.
uint32_t det_stamp_renew(struct det_strand *s, struct det_stamp_key *k);
uint32_t det_stamp_get_slow(struct det_strand *s, struct det_stamp_key want, struct det_stamp_key *set);
// The stamp of the current epoch for (pc in the current function, what). 0: the table is full.
// what: kind | origin << 2 | size << 4.
static inline uint32_t det_stamp_get(struct det_strand *s, uintptr_t pc, uint32_t what)
{
    const uint32_t node = det_current_node(s), chain = s->held.chain;
    const uint32_t hash = ((uint32_t)pc ^ node * 0x85ebca6bu ^ chain * 0xc2b2ae35u ^ what << 12) * 0x9E3779B1u;
    struct det_stamp_key *set = &s->carrier->stamps[(hash >> 20) % (DET_STAMP_CACHE / DET_WAYS) * DET_WAYS];
    if (likely(set->pc == pc && set->node == node && set->chain == chain && set->what == what && set->stamp))
        return likely(is_current(s, set->stamp)) ? set->stamp : det_stamp_renew(s, set);
    return det_stamp_get_slow(s, (struct det_stamp_key){pc, node, chain, what, 0, 0}, set);
}
// The mosaic of two words of s's current epoch, same kind, disjoint masks. Returns its index; 0: full.
uint32_t det_stamp_mosaic(struct det_strand *s, uint32_t word_a, uint32_t word_b);
// A new epoch: nothing that was touched counts as touched.
void det_stamp_new_epoch(struct det_strand *s);

#ifdef RAVEL_TINY
enum { DET_SEGMENT = 3 };
#else
enum { DET_SEGMENT = 32 };
#endif
struct det_record {
    uint32_t n : 28, kinds : 4; // kinds: of a segment: of its stamps, and of those in the segments below
    uint32_t rest;              // the segment below, or 0
    uint32_t words[];           // sorted by stamp, masks not 0
};
extern uint32_t *det_records; // as det_stamps; a record's index counts 4-byte units
static inline const struct det_record *det_record_at(uint32_t index)
{
    return (const struct det_record *)&det_records[index];
}
// The cell that holds these words (reordered in place) and the segments from `rest` down: no word, one, two of which one
// writes, or a record of them. When no record can be had it keeps the last word, and counts. s NULL: a sweep, world stopped.
uint64_t det_cell_pack(struct det_strand *s, uint32_t *words, uint32_t n, uint32_t rest);

// Leaves out what another word of the same slot stands for, as the slot's owner would have: it sees none of what is in segments.
// Returns how many are left.
uint32_t det_words_latest(uint32_t *words, uint32_t n);

void det_record_maker_forget(struct det_record_maker *m);
void det_stamp_init(void);
void det_stamp_reset(void); // tests only
uint64_t det_stamps_used(void), det_records_used(void);

// ---- for the sweep, world stopped ----
// Starts a new generation of numbers; what the old ones hold stays readable until det_stamp_end_sweep.
void det_stamp_begin_sweep(void);
// The new number of an old stamp: copied at first sight. keep tells whether a stamp of (slot, time) is still needed. 0: it is not.
uint32_t det_stamp_forward(uint32_t index, bool (*keep)(uint32_t slot, uint32_t time));
uint64_t det_cell_forward(uint64_t cell, bool (*keep)(uint32_t slot, uint32_t time));
// in_epochs: how many stamps the current epochs of all strands hold.
void det_stamp_end_sweep(uint64_t in_epochs);

#endif
