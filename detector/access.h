// detector/access.h: what an access does to the cells it touches, for access.c, atomic.c and heap.c.
#ifndef DETECTOR_ACCESS_H
#define DETECTOR_ACCESS_H

#include "detector/stamp.h"

// Races found by one event, to be delivered once no lock is held. One entry a stretch of bytes and earlier stamp.
struct det_race {
    struct det_stamp earlier; // a copy: a sweep may move the original before the report is made
    uint32_t strand;          // who made it: its id
    uint32_t number;          // of the original; 0: it was made before the last sweep, or a sweep came since
    uintptr_t addr;
    size_t size;
};
enum { DET_PENDING_FEW = 8 };
struct det_pending {
    uint32_t n, cap;
    struct det_race *race; // few, or grown by base_alloc
    struct det_race few[DET_PENDING_FEW];
};
static inline void det_pending_init(struct det_pending *p)
{
    p->n = 0;
    p->cap = DET_PENDING_FEW;
    p->race = p->few;
}
// What the event is, for the report.
struct det_current {
    uintptr_t pc, addr;
    size_t size;
    enum det_kind kind;
    enum det_origin origin;
};
// Checks [addr, addr + size) against what happened there, and records the access under stamp (of that kind).
void det_access_cells(struct det_strand *s, uintptr_t addr, size_t size, uint32_t stamp, struct det_pending *p);
// Forgets what happened there and records stamp, without a check (stamp 0: just forgets).
void det_access_overwrite(struct det_strand *s, uintptr_t addr, size_t size, uint32_t stamp);
// Makes and delivers the reports of p, which is empty afterwards. s is in a section, and holds no lock.
// Builds one report and delivers it (collect.c).
void det_race_deliver(struct det_strand *s, const struct det_current *now, const struct det_race *r);
void det_races_report(struct det_strand *s, const struct det_current *now, struct det_pending *p);
uint64_t det_races_found(void), det_given_up(void);
void det_give_up(void); // counts an access that could not be looked at
void det_access_reset(void);
extern uint64_t det_dirty_pages; // atomic: shadow pages that hold something

static inline uint32_t det_what(enum det_kind kind, enum det_origin origin, size_t size)
{
    return (uint32_t)kind | (uint32_t)origin << 2 | (size <= 16 ? (uint32_t)size : 0) << 4;
}
bool det_location_find(uintptr_t addr, struct det_location *out, uint32_t *who); // heap.c; who: a strand's id
// Nothing that happened there counts any more, and objects inside are gone. s is in a section (heap.c).
void det_memory_forget(struct det_strand *s, uintptr_t addr, size_t size);

#endif
