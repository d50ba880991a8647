// detector/history.h: the latest synchronisations of each strand: a report tells the last one before either access.
//
// A strand notes what synchronises it in a ring of its own: a few plain stores, since an uncontended lock is some forty
// nanoseconds in all. Noted are all releases, for they may begin an epoch, and all acquires, atomic ones when they
// learned something. So the first entry of an epoch is what began it, or what stands for the strand's start.
//
// The access just made comes after the newest entry. An earlier one is known by its stamp, (slot, time, number, held
// set), and an epoch has several entries when something was acquired in it, so det_history_find asks three things:
//   (1) Is all of the epoch still in the ring, or the entry after which the stamp was made? Else nothing is known.
//   (2) Stamps are numbered in order of making until a sweep gives them new numbers. An entry holds the numbers that
//       the strand's next stamps would have had, so one of a stamp made since the last sweep tells after which.
//   (3) The held set changes with entries only, but where somebody else ended a holding. So the access came after an
//       entry with the stamp's held set.
// What is left is mostly one entry. When it is several, the first of them is certainly before the access, which may be
// after a later one too (a stamp serves all accesses of its site and epoch): `or_later` says so.
//
// When a strand finishes, the newest 100 entries are kept while there is room: one MiB for all strands, the oldest go
// first. So a program of 100,000 threads that lock a mutex once and end pays one MiB, for the latest 4,096 of them.
//
// A ring is written by its strand alone, without a lock, and read by others under det_strands_lock, which keeps it from
// being freed or moved to another slot. Entry k lies at k % size, so it stands until the strand notes entry k + size, at the
// earliest when n is k + size. A reader copies it, then looks at n once more:
//     strand: (1) n = k + size; [release fence]; (2) write k + size     reader: (3) copy k; [acquire fence]; (4) read n
// If any part of (3) came from (2), the fences order (1) before (4), which therefore sees n >= k + size.
#ifndef DETECTOR_HISTORY_H
#define DETECTOR_HISTORY_H

#include "base/atomic.h"
#include "detector/report.h"

#ifdef RAVEL_TINY
enum { DET_HISTORY = 4, DET_HISTORY_LIGHT = 4, DET_HISTORY_KEPT = 3 };
#else
enum {
    DET_HISTORY = 128,      // entries: sixty critical sections
    DET_HISTORY_LIGHT = 16, // of a light strand
    DET_HISTORY_KEPT = 100, // of a strand that has finished: they fill a block of 4 KiB
};
#endif
_Static_assert(DET_HISTORY_KEPT < DET_HISTORY, "the place of the oldest entry may be written at any time");
struct det_synced {
    uint32_t time;         // the strand's own, afterwards; 0: nothing, and what lies before does not count
    uint32_t what;         // enum det_sync_what
    uint32_t plain, other; // what the next stamps' numbers will not be below: of plain accesses, of all others
    uint32_t chain;        // what the strand holds afterwards
    uint32_t node;         // the stack, pc being its innermost frame, unless 0
    uintptr_t pc;
    uintptr_t object; // name of a lock, or id of a strand, or an address of the program's, by what
};
struct det_history {
    uint64_t n;                 // atomic: noted ever; entry k is there while n < k + size
    struct det_synced *entries; // constant; size of them
    uint32_t size;              // constant; of a strand that lives a power of two
    uint32_t slot;              // whose times these are; guarded by det_strands_lock
};

// Strand only.
ALWAYS_INLINE void det_history_add(struct det_history *h, const struct det_synced *e)
{
    const uint64_t n = h->n; // its own
    struct det_synced *to = &h->entries[n & (h->size - 1)];
    base_fence_release(); // (1) before (2), see above
    base_store_relaxed(&to->time, e->time);
    base_store_relaxed(&to->what, e->what);
    base_store_relaxed(&to->plain, e->plain);
    base_store_relaxed(&to->other, e->other);
    base_store_relaxed(&to->chain, e->chain);
    base_store_relaxed(&to->node, e->node);
    base_store_relaxed(&to->pc, e->pc);
    base_store_relaxed(&to->object, e->object);
    base_store_release(&h->n, n + 1); // release: the entry is there; pairs with the acquire in det_history_find
}
// Copies entry k. False: it is overwritten, or about to be.
bool det_history_read(const struct det_history *h, uint64_t k, struct det_synced *out);

struct det_stamp;
struct det_strand;
struct det_strand_record;
// The synchronisation before an access of the strand `who`, which made st, numbered `number` (0: it is of before the
// last sweep). The caller is in a section. False: not known.
bool det_history_find(const struct det_strand_record *who, const struct det_stamp *st, uint32_t number,
                      struct det_synced *out, bool *or_later);
// The same in one ring.
bool det_history_find_in(const struct det_history *h, const struct det_stamp *st, uint32_t number,
                         struct det_synced *out, bool *or_later);
// The last synchronisation of s itself.
void det_history_newest(const struct det_strand *s, struct det_synced *out);

// ---- for strand.c, which holds det_strands_lock ----
// It has its slot and its record; entries: `size` of them, for its ring.
void det_history_begin(struct det_strand *s, struct det_synced *entries, uint32_t size);
void det_history_moved(struct det_strand *s);         // to another slot
void det_history_end(struct det_strand *s);           // its memory will be another's
void det_history_forget(struct det_strand_record *r); // of a strand that has ended; its record is about to go
void det_history_reset(void);                         // tests only

#endif
