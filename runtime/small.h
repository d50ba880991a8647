// small.h: memory for the runtime's own objects that come and go: channels and the like. small.c has the idea.
#ifndef RUNTIME_SMALL_H
#define RUNTIME_SMALL_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

// Sizes are 64, 128, ... 512 bytes, then 1, 2, 4 ... 32 KiB; what is larger is a mapping of its own.
enum { RV__SMALL_STEP = 64, RV__SMALL_STEPS = 8, RV__SMALL_CLASSES = 14, RV__SMALL_MAX = 32 << 10 };
#ifdef RAVEL_TINY
enum { RV__SMALL_ROOM = 2 };
#else
enum { RV__SMALL_ROOM = 64 }; // how many free objects of each size up to 512 bytes a P keeps; of larger ones 64 KiB
#endif
#ifdef RAVEL_DEEP
enum { RV__SMALL_CHECKED = true }; // free memory is filled, and looked at again before it is handed out
#else
enum { RV__SMALL_CHECKED = false };
#endif

struct rv__small_list { // of free objects, linked through their first word
    void *first;
    uint32_t n;
};
// A P's free objects. Zero is empty. Its owner's, inside a section.
struct rv__small_cache {
    struct rv__small_list list[RV__SMALL_CLASSES];
};

// Inside a section. cache: the P's, or NULL on a plain thread.
void *rv__small_get_slow(struct rv__small_cache *cache, size_t bytes);
void rv__small_put_slow(struct rv__small_cache *cache, void *p, size_t bytes);
struct rv__small_cache *rv__small_here(void); // of the P that this runs on, or NULL
// What objects without a mapping of their own are cut from, one after the other (NULL: the first), and where they lie. Takes no lock.
struct rv__small_chunk;
const struct rv__small_chunk *rv__small_chunks(const struct rv__small_chunk *before, uintptr_t *lo, uintptr_t *hi);
// The object of c, in use or free, that holds the address `at` of c: where it begins, and its class's size. False: none does.
bool rv__small_find(const struct rv__small_chunk *c, uintptr_t at, uintptr_t *lo, size_t *size);
// Gives all of cache to the others: its P retires.
void rv__small_flush(struct rv__small_cache *cache);

static inline bool rv__small_is_step(size_t bytes) { return bytes - 1 < RV__SMALL_STEP * RV__SMALL_STEPS; }

// Memory of `bytes`, 64-byte aligned, that holds anything. NULL: there is none. bytes is not 0.
static inline void *rv__small_get(struct rv__small_cache *cache, size_t bytes)
{
    if (unlikely(!cache || !rv__small_is_step(bytes) || RV__SMALL_CHECKED)) return rv__small_get_slow(cache, bytes);
    struct rv__small_list *l = &cache->list[(bytes - 1) / RV__SMALL_STEP];
    void *p = l->first;
    if (unlikely(!p)) return rv__small_get_slow(cache, bytes);
    l->first = *(void **)p;
    l->n--;
    return p;
}
// bytes: as they were asked for.
static inline void rv__small_put(struct rv__small_cache *cache, void *p, size_t bytes)
{
    if (unlikely(!cache || !rv__small_is_step(bytes) || RV__SMALL_CHECKED)) {
        rv__small_put_slow(cache, p, bytes);
        return;
    }
    struct rv__small_list *l = &cache->list[(bytes - 1) / RV__SMALL_STEP];
    if (unlikely(l->n >= RV__SMALL_ROOM)) {
        rv__small_put_slow(cache, p, bytes);
        return;
    }
    *(void **)p = l->first;
    l->first = p;
    l->n++;
}

#endif
