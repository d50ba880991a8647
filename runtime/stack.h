// stack.h: where goroutine stacks come from, and where they go back to. stack.c has the idea and the invariants.
#ifndef RUNTIME_STACK_H
#define RUNTIME_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

struct rv__stack {
    uintptr_t lo, hi; // usable bytes [lo, hi); the guard lies below lo
};
enum { RV__STACK_DEFAULT = 64 << 10, RV__STACK_CACHED = 64 };

// A P's stacks of the default size, the one used last on top: its pages are warm. Owner only.
struct rv__stack_cache {
    uint32_t n;
    uintptr_t lo[RV__STACK_CACHED];
};

// A stack of at least `size` usable bytes (0: the default). False: no memory. Touches none of its pages, unless the
// guard has to be made. cache: the P's, or NULL.
bool rv__stack_get_slow(struct rv__stack_cache *cache, size_t size, struct rv__stack *out);
void rv__stack_put_slow(struct rv__stack_cache *cache, const struct rv__stack *s);
size_t rv__stack_slot_usable(void); // of the default size: hi - lo; constant

static inline bool rv__stack_get(struct rv__stack_cache *cache, size_t size, struct rv__stack *out)
{
    if (unlikely(size != 0 || cache->n == 0)) return rv__stack_get_slow(cache, size, out);
    out->lo = cache->lo[--cache->n];
    out->hi = out->lo + rv__stack_slot_usable();
    return true;
}
static inline void rv__stack_put(struct rv__stack_cache *cache, const struct rv__stack *s)
{
    if (unlikely(cache->n == RV__STACK_CACHED || s->hi - s->lo != rv__stack_slot_usable()))
        rv__stack_put_slow(cache, s);
    else
        cache->lo[cache->n++] = s->lo;
}

#endif
