// detector/sweep.h: stop the world, forget stamps that can no longer race, give memory back.
#ifndef DETECTOR_SWEEP_H
#define DETECTOR_SWEEP_H

#include "detector/strand.h"

extern struct base_lock det_strands_lock;
extern struct det_strand *det_strands;   // all that live; guarded by det_strands_lock
extern struct det_carrier *det_carriers; // of all threads' strands that live; guarded by det_strands_lock

// det_stopping's bits.
enum { DET_STOP = 1, DET_SWEEP_WANTED = 2 };
// A table is fuller than its limit: the next strand that enters a section sweeps.
void det_sweep_ask(void);
uint64_t det_sweeps(void), det_sweep_ns(void);
void det_sweep_reset(void); // tests only

// ---- offered by strand.c ----
uint32_t det_slots_count(void);
// named[i]: the first time of slot i that something still names; UINT32_MAX: none. Free slots that nothing names may be
// taken by anyone. Owners that nothing names are forgotten, and the records of light strands, but for the latest. World stopped.
void det_slots_mark(const uint32_t *named, uint32_t n);
void det_strands_init(void), det_strands_reset(void), det_records_reset(void);
uint64_t det_strands_count(void); // ever created
uint64_t det_dropped(void);
// The site node of pc in the current function, whose own node goes to *node.
uint32_t det_site_of(struct det_strand *s, uintptr_t pc, uint32_t *node);

// ---- offered by strand_at.c: which stacks there are ----
void det_stack_add(struct det_strand_record *r);    // its stack_lo and stack_hi are set
void det_stack_remove(struct det_strand_record *r); // with det_strands_lock held
// Whose stack addr is in, by id. False: nobody's.
bool det_strand_at(uintptr_t addr, uint32_t *id, uintptr_t *lo, uintptr_t *hi);
void det_stacks_reset(void);

#endif
