// detector/locks.h: which locks a strand holds, and what the rest of the detector may ask about locks.
// The events det_lock_* are implemented in locks.c; the lock-order graph is in lockgraph.c.
#ifndef DETECTOR_LOCKS_H
#define DETECTOR_LOCKS_H

#include "detector/report.h"

// A held set is a node of a persistent chain (lock, mode, parent), named by an index; 0 is the empty set. Equal
// sets taken in the same order are the same node. The node is also the "lockset" of a stamp.
struct det_held_lock;
struct det_held_set { // in each strand; the strand's own
    uint32_t chain;               // node of all that is held
    uint32_t n, cap;              // of locks
    struct det_held_lock *locks;  // in order of taking
};
void det_locks_strand_finish(struct det_strand *s); // frees the set
// Reads a chain node back: fills out[] with lock ids (det_lock_info.id), innermost taken last; returns how many there
// are in all (may exceed max: then the last max are given).
struct det_chain_lock {
    uint32_t lock_id;
    bool read;
};
uint32_t det_locks_chain_read(uint32_t chain, struct det_chain_lock *out, uint32_t max);
// Fills *out for a lock id from a chain, dead or alive.
void det_locks_info(uint32_t lock_id, struct det_lock_info *out);
// The lock object (DET_OBJ_LOCK) is in memory that is freed or unmapped.
struct det_object;
void det_locks_object_gone(struct det_object *o);
// Calls fn for every (slot, time) that a label of the lock-order graph names, for the sweep; world stopped.
void det_locks_each_epoch(void (*fn)(uint32_t slot, uint32_t time, void *ctx), void *ctx);
uint64_t det_locks_count(void), det_locks_cycles(void);
void det_locks_reset(void); // tests only

#endif
