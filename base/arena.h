// base/arena.h: memory of our own, by mmap, never the program's malloc.
// Arena memory is zero when first handed out and is never given back; things that come and go keep free lists.
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include "base/lock.h"

// bytes of zeroed memory, 16-byte aligned. Thread-safe. Never returns NULL: out of memory is said and ends checking
// (base_check_failed); the caller then gets a scratch page that is shared by all who fail.
void *base_arena_alloc(size_t bytes);
// Whether core files hold arenas. False, unless who links base/ defines it as true: the runtime does, whose Gs a debugger
// reads; the detector's tables are large, and of no use there.
extern bool base_arena_in_cores;
// What arenas hold now, in bytes; for stats.
size_t base_arena_bytes(void);

// A pool of equal objects with a free list. Init: {.size = sizeof(T)}. Objects come back as they were freed,
// except for their first 8 bytes; the first hand-out is zeroed. Thread-safe.
struct base_pool {
    size_t size; // constant
    struct base_lock lock;
    void *free; // guarded by lock: singly linked through the first word
    char *bump, *bump_end;
    size_t live;
};
void *base_pool_get(struct base_pool *p);
void base_pool_put(struct base_pool *p, void *obj);

// General-purpose blocks for tables that grow (uthash's allocator in detector/): size classes over pools,
// large ones by mmap. free needs the size.
void *base_alloc(size_t bytes); // zeroed
void base_free(void *p, size_t bytes);

#endif
