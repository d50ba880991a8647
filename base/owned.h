// base/owned.h: which memory is Ravel's own, and not the program's. For those who look for the program's pointers (runtime/leak.c).
// sys_reserve and sys_alloc enter what they map, sys_unmap takes it out. Each copy of base/ knows its own.
#ifndef BASE_OWNED_H
#define BASE_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BASE_OWNED_MAX = 16384 };
struct base_owned {
    struct {          // in no order
        uintptr_t lo; // atomic; 0: a free place
        size_t bytes; // atomic; 0: it is just being entered
    } at[BASE_OWNED_MAX];
    uint32_t lost; // atomic: mappings that found no place
};
extern struct base_owned base_owned;

void base_owned_add(const void *p, size_t bytes);
void base_owned_remove(const void *p); // it is the program's from now on, or nobody's

#endif
