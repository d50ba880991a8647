// detector/clock.h: vector clocks as persistent trees.
//
// A clock says, for every slot, up to which time its strand's actions are known to have happened before. It is a
// radix tree of DET_FANOUT children a node over slot numbers; a leaf holds times. Nodes are shared by reference
// counts and changed in place only by their sole owner, so publishing a clock is a pointer and a count, and joining
// skips subtrees that are the same pointer. A tree is only as tall as its highest slot asks for: with 64 slots or
// fewer it is one flat array.
//
// A det_clock variable belongs to whoever guards it (its strand, or the lock of the object that it is in).
#ifndef DETECTOR_CLOCK_H
#define DETECTOR_CLOCK_H

#include "base/atomic.h"

#ifdef RAVEL_TINY
enum { DET_FANOUT_BITS = 2 };
#else
enum { DET_FANOUT_BITS = 6 };
#endif
enum { DET_FANOUT = 1 << DET_FANOUT_BITS };

struct clock_node {
    uint32_t refs;  // atomic
    uint32_t level; // constant: 0 is a leaf
    union {
        uint32_t times[DET_FANOUT];
        struct clock_node *kids[DET_FANOUT]; // NULL: all zero
    };
};
struct det_clock {
    struct clock_node *root; // NULL: knows nothing
};

// The time known of slot; 0: nothing.
static inline uint32_t det_clock_get(const struct det_clock *c, uint32_t slot)
{
    const struct clock_node *n = c->root;
    if (unlikely(!n)) return 0;
    if (likely(n->level == 0)) return slot < DET_FANOUT ? n->times[slot] : 0;
    if (slot >> (n->level + 1) * DET_FANOUT_BITS) return 0;
    for (; n && n->level; n = n->kids[slot >> n->level * DET_FANOUT_BITS & (DET_FANOUT - 1)]) {}
    return n ? n->times[slot & (DET_FANOUT - 1)] : 0;
}
// Raises slot to time if it was lower. True when it was.
bool det_clock_raise(struct det_clock *c, uint32_t slot, uint32_t time);
// Raises slot, which is lower, to time and joins from, in one go: what most acquires are.
void det_clock_learn(struct det_clock *into, const struct det_clock *from, uint32_t slot, uint32_t time);
// *into becomes the pointwise maximum. True when it learned something.
bool det_clock_join(struct det_clock *into, const struct det_clock *from);
// The same where *into holds all of *held: what `from` shares with that is not looked at.
bool det_clock_join_more(struct det_clock *into, const struct det_clock *from, const struct det_clock *held);
// *into = *from, sharing; what *into held is dropped.
void det_clock_copy(struct det_clock *into, const struct det_clock *from);
// Becomes empty.
void det_clock_drop(struct det_clock *c);
// Calls fn for each slot with a time.
void det_clock_each(const struct det_clock *c, void (*fn)(uint32_t slot, uint32_t time, void *ctx), void *ctx);
uint64_t det_clock_nodes(void); // alive, for stats

#endif
