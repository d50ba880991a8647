// oracle.h: decides races from first principles, and slowly. It shares nothing with the detector.
//
// Every event is a node. An edge says "happened before"; for each node the oracle keeps the set of all nodes that
// reach it, as bits. There are no clocks, no epochs and no shadow: two accesses race when neither reaches the other.
//
// The edges (all run from an earlier event to a later one):
//   program order     each event of a strand to its next.
//   create            the creation to the child's start; its finish to every join. Detach and abandon order nothing.
//   lock, unlock      a write lock is ordered after every earlier unlock; a read lock after every earlier unlock of
//                     a writer. Only the outermost taking of a recursive lock counts.
//   condition wait    its beginning unlocks the mutex, its end locks it. A signal counts while at least one strand
//                     waits on the condition: then it is ordered before the end of every wait that ends woken as
//                     long as somebody has been waiting on it without a break since the signal. A signal with
//                     nobody waiting orders nothing, a wait that ends without being woken is ordered by the mutex only.
//   barrier           every entry of a round to every departure of that round.
//   acquire, release  a release on an address to every later acquire there, until a release with DET_SET replaces it.
//   atomics           C11: an atomic read that reads from a release sequence is ordered after the head of the
//                     sequence if it acquires; if it is relaxed, the next acquire fence of its strand is. The head is
//                     a release store or, before a relaxed store, the last release fence of its strand. The sequence
//                     goes on through read-modify-writes of any strand and through stores of the head's strand
//                     (not in C20); any other store ends it.
//   memory            alloc and unmap forget all that happened at their bytes, the locks and sync objects there
//                     included; alloc is then a write, free is a write.
// The must edges (for lock order) are create, barrier, condition and those acquires and releases that say DET_MUST.
//
// A race is a pair of accesses to the same byte by different strands, at least one a write, not both atomic,
// neither ordered before the other. An atomic access lies after what it acquires and before what it releases.
#ifndef ORACLE_ORACLE_H
#define ORACLE_ORACLE_H

#include "detector/event.h"
#include "world.h"

struct set { // of nodes, that is, of events by their place in the stream
    uint64_t bits[MAX_EVENTS / 64];
};
struct graph {
    struct set before[MAX_EVENTS]; // all that reaches the node
};
struct access {
    uint32_t event;
    uint16_t strand;
    enum det_kind kind;
    bool by_malloc, by_free;
    uintptr_t addr, pc;
    size_t size;
    uint32_t nheld, depth;
    struct held held[MAX_HELD];
    uintptr_t frame_pc[MAX_DEPTH]; // [0] is the outermost
};
// All bytes from start up to the next segment's start have met the same events.
struct segment {
    uintptr_t start;
    uint32_t since; // accesses before this event are forgotten
    uint32_t raced; // 1 + the first event since then that raced here; 0: none
};
struct object { // what releases left; at most one of each kind at an address
    enum object_use { USE_ATOMIC, USE_SYNC, USE_WRITERS, USE_READERS, USE_COND, USE_BARRIER } use;
    uintptr_t addr;
    uint32_t round;   // barriers: of these entries
    uint32_t waiting; // conditions
    struct set from;  // the events that an acquire is ordered after
};
struct oracle {
    bool c20;
    uint32_t now; // events taken
    struct graph order, must;
    uint16_t strand_of[MAX_EVENTS];
    struct strand_state_of {
        int32_t last;       // its last event, or -1
        int32_t fence;      // its last release fence, or -1
        int32_t born;       // its creation, or -1
        int32_t end;        // its finish, or -1
        struct set pending; // heads that its relaxed reads read from
    } strand[MAX_STRANDS];
    uint32_t nobjects, naccesses, nsegments;
    struct object object[8 * MAX_OBJECTS];
    struct access access[MAX_EVENTS];
    struct segment segment[4 * MAX_EVENTS];
};

void oracle_init(struct oracle *o, bool c20);
// Takes the next event of the stream; w is the world before it. Returns the access that the event makes, or NULL.
const struct access *oracle_step(struct oracle *o, const struct world *w, const struct event *e);
// Does an earlier access race with `now` on the byte at addr? NULL, or the first such access from `from` on.
const struct access *oracle_racing(const struct oracle *o, const struct access *now, uintptr_t addr,
                                   const struct access *from);
// Would the access race, if it came next? For the generator, which keeps most streams mostly well-behaved.
bool oracle_would_race(struct oracle *o, const struct world *w, const struct event *e);
// Is event a ordered before event b by the must edges?
bool oracle_must_before(const struct oracle *o, uint32_t a, uint32_t b);
uint32_t oracle_segment(const struct oracle *o, uintptr_t addr); // index of the segment that addr lies in

#endif
