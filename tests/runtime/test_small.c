// test_small.c: small objects: none is handed out twice, and their number follows what is in use at once.
#include "runtime/small.h"
#include "tests/runtime/rig.h"

enum { OBJECTS = 500, CACHES = 3, STEPS = 30000 };
struct object {
    unsigned char *p;
    size_t bytes;
    unsigned char mark;
};
static size_t random_size(uint64_t *random)
{
    const uint64_t r = rig_random(random);
    return 1 + r / 4 % (r % 4 == 0 ? 40000 : r % 4 == 1 ? 3000 : 600);
}
static void mark(struct object *o, unsigned char with)
{
    o->mark = with;
    memset(o->p, with, o->bytes);
}
static void still_marked(const struct object *o)
{
    size_t same = 0;
    while (same < o->bytes && o->p[same] == o->mark) same++;
    cr_assert_eq(same, o->bytes, "byte %zu of %zu", same, o->bytes);
}
Test(small, nobody_else_has_it)
{
    static struct object all[OBJECTS];
    static struct rv__small_cache caches[CACHES];
    uint64_t random = rig_seed();
    for (int i = 0; i < STEPS; i++) {
        struct object *const o = &all[rig_random(&random) % OBJECTS];
        const uint64_t which = rig_random(&random) % (CACHES + 1);
        struct rv__small_cache *const cache = which < CACHES ? &caches[which] : NULL; // NULL: a plain thread's
        if (o->p) {
            still_marked(o);
            rv__small_put(cache, o->p, o->bytes);
            o->p = NULL;
        } else {
            o->bytes = random_size(&random);
            o->p = rv__small_get(cache, o->bytes);
            cr_assert(o->p && (uintptr_t)o->p % 64 == 0);
            mark(o, (unsigned char)i);
        }
        if (i % 3000 == 0 && cache) rv__small_flush(cache);
    }
}
Test(small, used_again)
{
    static struct rv__small_cache a, b;
    enum { AT_ONCE = 200 };
    static void *got[AT_ONCE];
    uintptr_t lowest = UINTPTR_MAX, highest = 0;
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < AT_ONCE; i++) {
            got[i] = rv__small_get(&a, 200);
            if ((uintptr_t)got[i] < lowest) lowest = (uintptr_t)got[i];
            if ((uintptr_t)got[i] > highest) highest = (uintptr_t)got[i];
        }
        for (int i = 0; i < AT_ONCE; i++) rv__small_put(&b, got[i], 200); // another P frees
    }
    cr_assert_lt(highest - lowest, (uintptr_t)(AT_ONCE + 3 * RV__SMALL_ROOM) * 256);
}
Test(small, no_memory) { cr_assert_null(rv__small_get(NULL, (size_t)1 << 60)); }
Test(small, too_much_by_far) { cr_assert_null(rv__small_get(NULL, SIZE_MAX - 3)); }

#ifdef RAVEL_DEEP
Test(small, a_late_write_is_found, .signal = SIGILL)
{
    char *const p = rv__small_get(NULL, 100);
    rv__small_put(NULL, p, 100);
    p[9] = 1;
    rv__small_get(NULL, 100);
}
#endif
