#include "detector/pairs.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/sys.h"

#ifdef RAVEL_TINY
enum { FIRST_BUCKETS = 2 };
#else
enum { FIRST_BUCKETS = 256 };
#endif

static uint32_t *bucket_of(const struct det_pairs *t, uint32_t a, uint32_t b)
{
    return &t->bucket[(det_pairs_hash(a, b) >> 32) & (t->buckets - 1)];
}
// Twice as many buckets, or the first ones.
static void grow(struct det_pairs *t)
{
    const uint32_t before = t->buckets;
    uint32_t *old = t->bucket;
    t->buckets = before ? 2 * before : FIRST_BUCKETS;
    t->bucket = base_alloc(t->buckets * sizeof *t->bucket);
    for (uint32_t i = 0; i < before; i++)
        for (uint32_t p = old[i], next; p; p = next) {
            next = t->at[p].next;
            uint32_t *head = bucket_of(t, t->at[p].a, t->at[p].b);
            t->at[p].next = *head;
            *head = p;
        }
    base_free(old, before * sizeof *old);
}
static uint32_t take_index(struct det_pairs *t)
{
    if (t->free) {
        const uint32_t index = t->free;
        t->free = t->at[index].next;
        return index;
    }
    if (!t->at) {
        t->at = sys_reserve((size_t)DET_PAIRS_MAX * sizeof *t->at);
        CHECK(t->at && "no address space for the tables of locks");
        t->used = 1;
    }
    return t->used < DET_PAIRS_MAX ? t->used++ : 0;
}

uint32_t det_pairs_find(const struct det_pairs *t, uint32_t a, uint32_t b)
{
    if (!t->buckets) return 0;
    uint32_t p = *bucket_of(t, a, b);
    while (p && (t->at[p].a != a || t->at[p].b != b)) p = t->at[p].next;
    return p;
}
uint32_t det_pairs_intern(struct det_pairs *t, uint32_t a, uint32_t b, bool *made)
{
    uint32_t p = det_pairs_find(t, a, b);
    *made = p == 0;
    if (p) return p;
    if (t->live >= t->buckets) grow(t);
    p = take_index(t);
    if (!p) {
        *made = false;
        return 0;
    }
    uint32_t *head = bucket_of(t, a, b);
    t->at[p] = (struct det_pair){a, b, *head};
    *head = p;
    t->live++;
    return p;
}
void det_pairs_remove(struct det_pairs *t, uint32_t index)
{
    uint32_t *p = bucket_of(t, t->at[index].a, t->at[index].b);
    while (*p != index) p = &t->at[*p].next;
    *p = t->at[index].next;
    t->at[index] = (struct det_pair){.next = t->free};
    t->free = index;
    t->live--;
}
void det_pairs_reset(struct det_pairs *t)
{
    if (t->at) sys_unmap(t->at, (size_t)DET_PAIRS_MAX * sizeof *t->at);
    base_free(t->bucket, t->buckets * sizeof *t->bucket);
    *t = (struct det_pairs){0};
}
