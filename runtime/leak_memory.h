// leak_memory.h: the memory of a process, as a search for pointers sees it. leak_memory.c has the idea. Only in a copy of the process, of
// one thread.
#ifndef RUNTIME_LEAK_MEMORY_H
#define RUNTIME_LEAK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads the map of the process. False: that cannot be read, or there is no memory for it.
bool rv__memory_open(void);
// Memory that is there all the same, but is no part of the program's: nothing in it is a pointer. Before the open.
void rv__memory_hide(uintptr_t lo, uintptr_t hi);
// In the mapping that holds `at`, a thread's stack, nothing below it is in use. Before the open.
void rv__memory_dead_below(uintptr_t at);
// A goroutine's stack of which [live, hi) is in use: looked through as soon as a pointer into [lo, hi) is found. In the order of addresses. Before
// the open.
void rv__memory_stack(uintptr_t lo, uintptr_t live, uintptr_t hi);

void rv__memory_root(uintptr_t lo, uintptr_t hi); // looks through it at the next search
void rv__memory_root_word(uintptr_t word);        // a word that is nowhere in memory
void rv__memory_root_thread(uintptr_t sp);        // a thread's stack, from there upwards
// Follows all pointers there are to follow. True: something new was reached.
bool rv__memory_search(void);
// Adds what other processes can write to as well.
void rv__memory_root_shared(void);
// Something that was reached may hold the address `at`: it lies in what was reached, or in a global.
bool rv__memory_reached(uintptr_t at);
// Some memory could not be looked at that may hold pointers: a device's, and its like.
bool rv__memory_unseen(void);

enum rv__place { RV__PLACE_OTHER, RV__PLACE_GLOBAL, RV__PLACE_HEAP, RV__PLACE_STACK, RV__PLACE_OURS };
enum rv__place rv__memory_place(uintptr_t at); // what kind of memory it lies in

#endif
