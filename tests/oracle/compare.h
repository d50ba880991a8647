// compare.h: do the detector and the oracle agree on a stream?
//
//   - A report tells of the event being taken: its first side is that event's access, its second an earlier access
//     that races with it on every byte that the report names. Strand, kind, size, site, stack and held locks of
//     both are those of the accesses. (The second may be any such access: of equal ones the detector keeps the first.)
//   - For every byte, the first event that races there is reported there. After that the byte is not compared
//     until its memory is made anew; what is reported about it must still be true.
//   - Nothing is given up for want of room.
//   - The first event that closes a lock-order cycle which could deadlock is reported as such, and every reported
//     cycle could deadlock.
#ifndef ORACLE_COMPARE_H
#define ORACLE_COMPARE_H

#include "cycles.h"

struct verdict {
    bool agree;
    uint32_t event; // where they part
    char why[400];
    uint64_t races, cycles; // bytes that raced; cycles that were reported
    uint64_t sweeps;        // of the detector's tables
};
void compare(const struct stream *s, enum mutant mutant, struct verdict *v);

#endif
