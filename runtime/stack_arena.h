// stack_arena.h: address space for stacks: arenas of equal slots. stack_arena.c has the idea; only stack.c calls it.
//
//   slot:  | guard, 16 KiB | 4 KiB - colour | usable: size | colour |
//
// The colour is one of 16 offsets of 64 bytes, by the slot's index. Without it the busy end of every stack would lie in the
// same few sets of the first-level cache: a round over 1,000 stacks then costs 20 ns for each, and 2.4 with it.
#ifndef RUNTIME_STACK_ARENA_H
#define RUNTIME_STACK_ARENA_H

#include "runtime/stack.h"

enum { RV__PAGE = 4096, RV__GUARD = 16 << 10, RV__SLOT_EXTRA = RV__GUARD + RV__PAGE };
// A slot's number names arena and index.
enum { RV__ARENA_SLOT_BITS = 20, RV__ARENAS = 1024 };
#define RV__NO_SLOT UINT32_MAX

struct rv__arena {
    uintptr_t base;      // constant
    size_t size, stride; // constant: usable bytes; bytes of a slot
    uint32_t slots;      // constant
    uint32_t committed;  // readable and writable: the first so many; guarded by the class's lock
    uint32_t used;       // handed out at least once: the first so many; atomic, written under the class's lock
    uint32_t
        resident_on_fault; // atomic: the program locks its memory (mlockall), so these slots are locked page by page
    uint32_t *next;        // of each slot, in a list of stack.c
};
extern struct rv__arena rv__arenas[RV__ARENAS];

static inline struct rv__arena *rv__arena_of(uint32_t slot) { return &rv__arenas[slot >> RV__ARENA_SLOT_BITS]; }
static inline uint32_t rv__slot_index(uint32_t slot) { return slot & ((1u << RV__ARENA_SLOT_BITS) - 1); }
static inline uintptr_t rv__slot_base(const struct rv__arena *a, uint32_t index) { return a->base + index * a->stride; }
static inline struct rv__stack rv__slot_stack(const struct rv__arena *a, uint32_t index)
{
    const uintptr_t hi = rv__slot_base(a, index) + a->stride - index % 16 * 64;
    return (struct rv__stack){.lo = hi - a->size, .hi = hi};
}

// Reserves an arena of `slots` slots, or fewer where there is no room for so many. NULL: no address space at all.
// Callers come one at a time.
struct rv__arena *rv__arena_make(size_t size, uint32_t slots);
// Makes up to n more slots usable. Returns how many; 0: no memory. Callers come one at a time.
uint32_t rv__arena_commit(struct rv__arena *a, uint32_t n);
// Makes the guards of n adjacent slots that are used for the first time.
void rv__arena_guard(struct rv__arena *a, uint32_t first, uint32_t n);
// Provides the topmost page of each: one call instead of n page faults. Where that cannot be, the faults come.
void rv__arena_populate(const uint32_t *slots, uint32_t n);
// Gives back the pages of n adjacent slots. Guards stay.
void rv__arena_zap(const struct rv__arena *a, uint32_t first, uint32_t n);
// Which slot an address lies in; RV__NO_SLOT: in none. Takes no lock.
uint32_t rv__arena_find(uintptr_t address);

#endif
