// detector/sweep.h: stop the world, forget stamps that can no longer race, give memory back.
#ifndef DETECTOR_SWEEP_H
#define DETECTOR_SWEEP_H

#include "detector/strand.h"

extern struct base_lock det_strands_lock;
extern struct det_strand *det_strands; // all that live; guarded by det_strands_lock

// det_stopping's bits.
enum { DET_STOP = 1, DET_SWEEP_WANTED = 2 };
// A table is fuller than its limit: the next strand that enters a section sweeps.
void det_sweep_ask(void);
uint64_t det_sweeps(void), det_sweep_ns(void);
void det_sweep_reset(void); // tests only

// ---- offered by strand.c ----
uint32_t det_slots_count(void);
// named[i]: something still names slot i. Free slots that nothing names may be taken by anyone.
void det_slots_mark(const uint8_t *named, uint32_t n);
void det_strands_init(void), det_strands_reset(void);
uint64_t det_strands_count(void); // ever created
uint64_t det_dropped(void);
struct det_strand_record *det_strand_at(uintptr_t addr); // whose stack addr is in, or NULL
// The site node of pc in the current function, whose own node goes to *node.
uint32_t det_site_of(struct det_strand *s, uintptr_t pc, uint32_t *node);

#endif
