// stack.h: where goroutine stacks come from, and where they go back to. stack.c has the idea and the invariants.
#ifndef RUNTIME_STACK_H
#define RUNTIME_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

struct rv__stack {
    uintptr_t lo, hi; // usable bytes [lo, hi); the guard lies below lo
};
enum { RV__STACK_DEFAULT = 64 << 10, RV__STACK_LEAST = 16 << 10, RV__STACK_MOST = 1 << 30 };
#ifdef RAVEL_TINY
enum { RV__STACK_CACHED = 4 };
#else
enum { RV__STACK_CACHED = 64 };
#endif

// A P's stacks of the default size, the one used last on top: its pages are warm. Owner only.
struct rv__stack_cache {
    uint32_t n;
    uintptr_t lo[RV__STACK_CACHED];
};

// A stack of at least `size` usable bytes (0: the default). False: no memory, or more than RV__STACK_MOST. cache: the P's, or NULL.
// Inside a section, without a runtime lock: it may call the kernel. Both leave errno alone.
bool rv__stack_get_slow(struct rv__stack_cache *cache, size_t size, struct rv__stack *out);
void rv__stack_put_slow(struct rv__stack_cache *cache, const struct rv__stack *s);
static inline size_t rv__stack_slot_usable(void) { return RV__STACK_DEFAULT; } // of the default size: hi - lo

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

// Gives back the pages of stacks that have lain unused in the pool for one to two calls. Called about once a second, by anybody.
// True: there are more of them than one call takes (about 1 ms); call again soon.
bool rv__stack_scavenge(void);
bool rv__stack_scavenge_more(void); // whether a call will ever find something, if nobody uses stacks meanwhile
// The most bytes of s that were ever used, by this goroutine or an earlier one with the same stack: touched pages. Touches none.
size_t rv__stack_used(const struct rv__stack *s);
// The stack in whose slot an address lies, in its guard (below out->lo) or above. False: in none that was ever handed out.
// Takes no lock: for signal handlers and dumps.
bool rv__stack_find(uintptr_t address, struct rv__stack *out);

#endif
