#include "base/arena.h"
#include "base/check.h"
#include "base/sys.h"

enum { CHUNK = 1 << 20, POOL_CHUNK = 1 << 16 };

static struct base_lock lock;
static char *bump, *bump_end; // guarded by lock
static size_t total;          // guarded by lock
static char scratch[4096] __attribute__((aligned(64)));

bool base_arena_in_cores __attribute__((weak));

static void *map_or_give_up(size_t bytes)
{
    void *p = base_arena_in_cores ? sys_alloc(bytes) : sys_reserve(bytes);
    CHECK(p && "out of memory for the detector's own tables");
    return p;
}

void *base_arena_alloc(size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    base_lock(&lock);
    if ((size_t)(bump_end - bump) < bytes) {
        const size_t want = bytes > CHUNK / 4 ? (bytes + 4095) & ~(size_t)4095 : CHUNK;
        char *p = map_or_give_up(want);
        if (!p) {
            base_unlock(&lock);
            return scratch;
        }
        total += want;
        if (want != CHUNK) { // large: a mapping of its own
            base_unlock(&lock);
            return p;
        }
        bump = p;
        bump_end = p + want;
    }
    void *p = bump;
    bump += bytes;
    base_unlock(&lock);
    return p;
}

size_t base_arena_bytes(void) { return base_load_relaxed(&total); } // relaxed: a figure for stats

void *base_pool_get(struct base_pool *p)
{
    const size_t size = (p->size + 15) & ~(size_t)15;
    base_lock(&p->lock);
    void *obj = p->free;
    if (obj) {
        p->free = *(void **)obj;
    } else {
        if ((size_t)(p->bump_end - p->bump) < size) {
            const size_t chunk = size * 8 > POOL_CHUNK ? size * 8 : POOL_CHUNK;
            p->bump = base_arena_alloc(chunk);
            p->bump_end = p->bump + chunk;
        }
        obj = p->bump;
        p->bump += size;
    }
    p->live++;
    base_unlock(&p->lock);
    return obj;
}

void base_pool_put(struct base_pool *p, void *obj)
{
    base_lock(&p->lock);
    *(void **)obj = p->free;
    p->free = obj;
    p->live--;
    base_unlock(&p->lock);
}

// Size classes: powers of two from 16 to 64 KiB; above that, a mapping each.
enum { MIN_SHIFT = 4, MAX_SHIFT = 16 };
#define CLASS(shift) [(shift)-MIN_SHIFT] = {.size = (size_t)1 << (shift)}
static struct base_pool classes[MAX_SHIFT - MIN_SHIFT + 1] = {CLASS(4),  CLASS(5),  CLASS(6),  CLASS(7),  CLASS(8),
                                                              CLASS(9),  CLASS(10), CLASS(11), CLASS(12), CLASS(13),
                                                              CLASS(14), CLASS(15), CLASS(16)};
_Static_assert(MIN_SHIFT == 4 && MAX_SHIFT == 16, "a class for each");

static int class_of(size_t bytes)
{
    return bytes <= (size_t)1 << MIN_SHIFT ? 0 : 64 - __builtin_clzl(bytes - 1) - MIN_SHIFT;
}
void *base_alloc(size_t bytes)
{
    if (bytes > (size_t)1 << MAX_SHIFT) return map_or_give_up((bytes + 4095) & ~(size_t)4095);
    char *p = base_pool_get(&classes[class_of(bytes)]);
    for (size_t i = 0; i < bytes; i++) p[i] = 0;
    return p;
}
void base_free(void *p, size_t bytes)
{
    if (!p) return;
    if (bytes > (size_t)1 << MAX_SHIFT)
        sys_unmap(p, (bytes + 4095) & ~(size_t)4095);
    else
        base_pool_put(&classes[class_of(bytes)], p);
}
