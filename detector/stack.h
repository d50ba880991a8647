// detector/stack.h: call stacks. A trie of return addresses; a stack is a node, named by its index, and two equal
// stacks are the same node. Node 0 is the empty stack (unknown).
#ifndef DETECTOR_STACK_H
#define DETECTOR_STACK_H

#include "detector/report.h"

// The node for `pc called from parent`. Thread-safe, lock-free when it exists already. When the trie is full it
// returns parent, and counts.
uint32_t det_stack_push(uint32_t parent, uintptr_t pc);
// The stack of the caller's caller by libunwind, interned, its innermost frame being pc where pc is on it
// (frames of Ravel's own entry points above pc are dropped); shadow frames are not looked at.
uint32_t det_stack_unwind(uintptr_t pc);
// Reads a node back: out->pc[0] is the innermost.
void det_stack_read(uint32_t node, struct det_stack *out);
uint64_t det_stack_count(void);
uint64_t det_stack_lost(void); // frames left out because the trie was full
void det_stack_reset(void);    // tests only

// What libunwind and liblzma call instead of the program's malloc (renamed where they are linked in).
void *det__malloc(size_t bytes);
void *det__calloc(size_t n, size_t size);
void *det__realloc(void *block, size_t bytes);
void det__free(void *block);

#endif
