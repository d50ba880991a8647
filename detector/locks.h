// detector/locks.h: which locks a strand holds, and what the rest of the detector may ask about locks.
// The events det_lock_* are implemented in locks.c; names of locks and of held sets are in lockname.c; the
// lock-order graph is in lockgraph.c.
#ifndef DETECTOR_LOCKS_H
#define DETECTOR_LOCKS_H

#include "detector/report.h"
#include "detector/sync.h"

// A lock at an address (DET_OBJ_LOCK). Every generation of it, from its creation (or first use) to its destruction, is
// another lock with another id: what is known of one says nothing about the next.
struct det_lock {
    struct det_object object;
    uint32_t guard;           // a spin lock over the rest: held for some ten nanoseconds, and hardly ever wanted by two
    uint32_t id;              // of this generation; 0: none (being made, or gone)
    int flags;                // DET_LOCK_RW ...
    struct det_strand *owner; // who has it exclusively
    uint32_t readers;         // how many have it shared
    uint32_t turn;            // counts the times when readers' holdings became void without a release
    // What those who had it exclusively left for everyone, and what readers left for the next writer: readers do
    // not order one another.
    struct det_release writes, reads;
};
enum { DET_LOCK_SIZE = sizeof(struct det_lock) };

// A held set is a node of a persistent chain (lock, mode, parent), named by an index; 0 is the empty set. Equal
// sets taken in the same order are the same node. The node is also the "lockset" of a stamp.
struct det_held_lock {
    struct det_lock *lock;
    uintptr_t addr;
    uint32_t id;    // of the generation that was taken
    uint32_t turn;  // the lock's, when it was taken
    uint32_t count; // takings not undone
    uint32_t stack; // where it was taken first
    uint32_t chain; // this lock and all below it; valid below det_held_set.named
    uint32_t sites; // the same of their stacks; 0: not made yet
    bool read;
};
#ifdef RAVEL_TINY
enum { DET_CHAIN_CACHE = 2, DET_WANT_CACHE = 2 };
#else
enum { DET_CHAIN_CACHE = 64, DET_WANT_CACHE = 128 };
#endif
struct det_chain_key {     // (parent, lock, mode) -> chain node; found before
    uint32_t parent, lock; // lock: id << 1 | read; 0: empty
    uint32_t node;
};
struct det_want_key {     // the graph knows this request already
    uint32_t chain, lock; // lock: id << 1 | read; 0: empty
    uint32_t published;   // s->must_published when it was last looked at
};
struct det_held_set { // in each strand; the strand's own, except where it says otherwise
    uint32_t chain;   // node of all that is held (of the named ones, while names are behind)
    uint32_t n, cap;  // of locks
    uint32_t named;   // the first so many of locks have a chain; fewer than n only after releases out of order
    uint32_t lost;    // atomic: somebody else released or destroyed what is held here; looked at at the next event
    struct det_held_lock *locks; // in order of taking
};
void det_locks_strand_finish(struct det_strand *s); // frees the set
// Reads a chain node back: fills out[] with locks, innermost taken last; returns how many there
// are in all (may exceed max: then the last max are given).
struct det_chain_lock {
    uint32_t lock_id; // for det_locks_info
    bool read;
};
uint32_t det_locks_chain_read(uint32_t chain, struct det_chain_lock *out, uint32_t max);
// Fills *out for a lock id from a chain, dead or alive.
void det_locks_info(uint32_t lock_id, struct det_lock_info *out);
// The lock object (DET_OBJ_LOCK) is in memory that is freed or unmapped: empties and removes it.
void det_locks_object_gone(struct det_object *o);
// Calls fn for every slot that a label of the lock-order graph names, with the last time that one named; for the
// sweep, world stopped.
void det_locks_each_epoch(void (*fn)(uint32_t slot, uint32_t time, void *ctx), void *ctx);
// A sweep marks the held sets of the stamps that it keeps between the two; the others are taken back. World stopped.
void det_locks_begin_sweep(void);
void det_locks_mark(uint32_t chain);
void det_locks_end_sweep(void);
uint64_t det_locks_count(void), det_locks_cycles(void);
void det_locks_reset(void); // tests only

#endif
