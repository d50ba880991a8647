#include "detector/shadow.h"
#include "base/lock.h"
#include "base/sys.h"

uintptr_t det_chunks[DET_CHUNK_COUNT];
static struct base_lock lock;
static uint32_t *made;   // chunk numbers, in order of making; guarded by lock
static uint32_t nmade;   // atomic
static uint64_t refused; // atomic: chunks that could not be had

#define RESERVATION (CELLS_BYTES + OBJECTS_BYTES + CHUNK_PAGES * 13 + OCCUPIED_BYTES + CHUNK_PAGES / SUMMED)

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
        if (!made) made = sys_reserve(CHUNK_COUNT * sizeof *made);
        made[nmade] = (uint32_t)n;
        base_store_release(&nmade, nmade + 1); // release: the entry is there; pairs with det_chunk_each
        // release: the mapping is there; pairs with the acquire in det_chunk_find (the inlined path depends on it)
        base_store_release(&det_chunks[n], (uintptr_t)p - 2 * (n << DET_CHUNK_BITS));
    }
    base_unlock(&lock);
    return det_chunk_find(addr, c);
}
void det_chunk_each(void (*fn)(struct det_chunk *c, void *ctx), void *ctx)
{
    struct det_chunk c;
    const uint32_t n = base_load_acquire(&nmade); // acquire: pairs with det_chunk_make
    for (uint32_t i = 0; i < n; i++)
        if (det_chunk_find((uintptr_t)made[i] << DET_CHUNK_BITS, &c)) fn(&c, ctx);
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
    nmade = 0;
}
