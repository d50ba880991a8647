// detector/lockname.h: names that outlive what they name: of locks, of held sets, of where those were taken.
//
// A lock's name is a number, given to each generation in order of creation, from 1 (0: no lock). A held set's name is
// a chain node: the pair (the set below, the lock taken last with its mode). Nothing in either is of one
// acquisition, so a program that repeats itself makes no new ones. The stacks where the locks of a set were taken are a
// second chain, as long as the first, made only when an edge of the lock-order graph needs it.
//
// Names are never used twice, but chain nodes are: a sweep takes back those that no stamp, strand or edge names, and the
// memory of names that are gone and are on no chain. So a program that makes and destroys locks for ever does not grow.
//
// Making names takes a lock of this file's; looking them up takes none.
#ifndef DETECTOR_LOCKNAME_H
#define DETECTOR_LOCKNAME_H

#include "detector/locks.h"
#include "detector/pairs.h"

struct det_lock_name {
    uintptr_t addr;
    uint32_t created; // stack node
    uint32_t vertex;  // in the lock-order graph; lockgraph.c
    uint32_t gate;    // scratch of a search; lockcycle.c
    uint16_t flags;
    bool gone; // destroyed, or its memory was freed; atomic
};
extern struct det_lock_name *det_lock_names; // by name
extern struct det_pairs det_chains;          // (chain below, lock << 1 | read)
extern struct det_pairs det_site_chains;     // (site chain below, stack node)

// A new name; 0 when there are no more.
uint32_t det_lock_name_new(uintptr_t addr, uint32_t created, int flags);
// One node up from the given one; 0 for the empty chain, or when there are no more.
uint32_t det_chain_push(uint32_t below, uint32_t lock, bool read);
uint32_t det_site_chain_push(uint32_t below, uint32_t stack);

static inline uint32_t det_chain_below(uint32_t chain) { return det_chains.at[chain].a; }
static inline uint32_t det_chain_lock(uint32_t chain) { return det_chains.at[chain].b >> 1; }
static inline bool det_chain_is_read(uint32_t chain) { return det_chains.at[chain].b & 1; }
static inline uint32_t det_site_chain_below(uint32_t sites) { return det_site_chains.at[sites].a; }
static inline uint32_t det_site_chain_stack(uint32_t sites) { return det_site_chains.at[sites].b; }

// For the sweep, world stopped: all that is held by strands, and by the graph, is marked by end itself.
void det_lockgraph_mark(void);      // lockgraph.c
uint64_t det_lock_names_lost(void); // locks and sets for which there was no name left
void det_lock_names_reset(void);    // tests only

#endif
