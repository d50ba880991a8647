// detector/sync.h: what releases leave for acquires.
//
// A det_release is what one or more releases published: a clock. Most often it is a single publication, (tree,
// slot, time): "all that this slot did up to that time, and all its tree knows". Whoever knows (slot, time)
// already knows the tree too, because a strand never publishes two different trees under one time (strand.c;
// det_knows_publication has the exception); so an acquire that learns nothing costs one look-up. Joined publications have
// slot DET_NO_SLOT and all in the tree. Many of these come from strands of one creator, with one tree among them all; the tree
// that was joined last is remembered, so that the next one of them adds its own time only.
// The must clock (DESIGN 4.3) is kept beside it, fed by DET_MUST releases only. Where all of a program's order is must order, as
// with goroutines, the two are the same trees, and are handled once.
#ifndef DETECTOR_SYNC_H
#define DETECTOR_SYNC_H

#include "base/lock.h"
#include "detector/clock.h"
#include "detector/event.h"

enum { DET_NO_SLOT = 0xffffffffu };

struct det_release { // guarded by the lock of the object that it is in
    struct det_clock clock;
    uint32_t slot, time; // DET_NO_SLOT: everything is in the tree
    struct det_clock must;
    bool must_too;                        // (slot, time) belongs to the must clock as well
    struct det_clock joined, must_joined; // of joined publications: trees that clock, must hold all of
};
// s learns what r holds (with DET_MUST in flags, its must clock too). False: it knew all of it.
bool det_release_acquire(struct det_strand *s, const struct det_release *r, int flags);
// s publishes into r: joined to what r holds, or with DET_SET in its place.
void det_release_publish(struct det_strand *s, struct det_release *r, int flags);
void det_release_drop(struct det_release *r); // becomes empty

// Objects that live at an address of the program's. Found through a sparse shadow of one index per 8 bytes that
// heads a chain keyed by exact address and type. The memory of an object is never unmapped, and is reused only
// for objects of the same type, so a stale pointer is always safe to read.
enum det_object_type { DET_OBJ_SYNC, DET_OBJ_LOCK, DET_OBJ_COND, DET_OBJ_BARRIER, DET_OBJ_HEAP, DET_OBJ_TYPES };
struct det_object {
    uintptr_t addr;        // 0: free
    uint32_t index, next;  // own index; next in the chain, guarded by the stripe lock of addr
    struct base_lock lock; // guards the rest of the object
    uint8_t type;
};
// The object of that type at addr, or NULL.
void *det_object_find(uintptr_t addr, enum det_object_type type);
// The same, made zeroed when there is none (*made tells; may be NULL).
void *det_object_get(uintptr_t addr, enum det_object_type type, bool *made);
// Unlinks and frees it. Its owner (locks.c for locks) has emptied it before.
void det_object_remove(void *object);
// Calls fn for every object of any type that starts in [addr, addr + size).
void det_object_each_in(uintptr_t addr, size_t size, void (*fn)(struct det_object *o, void *ctx), void *ctx);

#endif
