#include "detector/shadow.h"
#include "base/lock.h"
#include "base/sys.h"

uintptr_t det_chunks[DET_CHUNK_COUNT];
static struct base_lock lock;
static uintptr_t first = CHUNK_COUNT, last; // chunk numbers in use; guarded by lock
static uint64_t refused;                    // atomic: chunks that could not be had

#define RESERVATION (CELLS_BYTES + OBJECTS_BYTES + CHUNK_PAGES * 9 + OCCUPIED_BYTES + CHUNK_PAGES / SUMMED)

bool det_chunk_make(uintptr_t addr, struct det_chunk *c)
{
    if (likely(det_chunk_find(addr, c))) return true;
    const uintptr_t n = addr >> DET_CHUNK_BITS;
    if (n >= CHUNK_COUNT) return false;
    base_lock(&lock);
    if (!det_chunks[n]) {
        char *p = sys_reserve(RESERVATION);
        if (!p) {
            base_unlock(&lock);
            base_add_relaxed(&refused, 1u); // relaxed: a counter
            return false;
        }
        if (n < first) first = n;
        if (n > last) last = n;
        // release: the mapping is there; pairs with the acquire in det_chunk_find (the inlined path depends on it)
        base_store_release(&det_chunks[n], (uintptr_t)p - 2 * (n << DET_CHUNK_BITS));
    }
    base_unlock(&lock);
    return det_chunk_find(addr, c);
}
void det_chunk_each(void (*fn)(struct det_chunk *c, void *ctx), void *ctx)
{
    struct det_chunk c;
    for (uintptr_t n = first; n <= last && n < CHUNK_COUNT; n++)
        if (det_chunk_find(n << DET_CHUNK_BITS, &c)) fn(&c, ctx);
}
static void unmap_one(struct det_chunk *c, void *ctx)
{
    (void)ctx;
    det_chunks[c->base >> DET_CHUNK_BITS] = 0;
    sys_unmap(c->cells, RESERVATION);
}
void det_shadow_reset(void)
{
    det_chunk_each(unmap_one, NULL);
    first = CHUNK_COUNT;
    last = 0;
}
