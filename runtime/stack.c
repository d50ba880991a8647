// stack.c: the pool of stacks: from a P's cache down to arenas (stack_arena.c).
//
// A size is rounded up to a class, a power of two from 16 KiB to 1 GiB. Each class has its arenas and its lists of slots that
// nobody uses. The default class alone is cached in Ps: half a cache comes or goes at once, under the class's lock.
//
//   never used --> live (or in a P's cache) --> fresh --tick--> recent --tick--> old --> cold
//                   ^ get, from the leftmost list that has one    |               |        |
//                   +---------------------------------------------+---------------+--------+
//
// fresh, recent, old: touched pages are still there; which list tells for how long they have lain unused. A tick
// (rv__stack_scavenge) moves whole lists, so it is short. The scavenger takes slots out of `old`, sorts them, gives the pages of
// adjacent ones back in one call, and puts them on `cold`: whoever gets one of those finds zeroes.
//
// Invariants: (1) a slot is in at most one list, and its link lies in the arena's table, never in the stack: to free or to get one
// touches none of its pages. (2) Lists and an arena's counts change under the class's lock; the kernel is called without it.
// (3) Arenas of a class grow one after the other, under `growing`: all but the last are used up.
#include "runtime/stack.h"

#include "base/check.h"
#include "base/lock.h"
#include "runtime/lock.h"
#include "runtime/stack_arena.h"

enum { LEAST_SHIFT = 14, DEFAULT_SHIFT = 16, MOST_SHIFT = 30, CLASSES = MOST_SHIFT - LEAST_SHIFT + 1 };
_Static_assert(RV__STACK_LEAST == 1 << LEAST_SHIFT && RV__STACK_MOST == 1 << MOST_SHIFT, "a class for each size");
_Static_assert(RV__STACK_DEFAULT == 1 << DEFAULT_SHIFT, "the default is a class");
#ifdef RAVEL_TINY
enum { STEP_BYTES = 400 << 10, ARENA_SLOTS = 16, SCAVENGED = 8 };
#else
// STEP_BYTES: committed at once: 64 stacks of the default size. SCAVENGED: stacks in one call: 1 ms.
enum { STEP_BYTES = 64 * (RV__STACK_DEFAULT + RV__SLOT_EXTRA), ARENA_SLOTS = 1 << 18, SCAVENGED = 1024 };
#endif
static const uint64_t ARENA_BYTES = (uint64_t)16 << 30; // at most, unless a single slot is larger
enum { HALF = RV__STACK_CACHED / 2, FEW = 2 };

struct list { // by the links in the arenas
    uint32_t head, tail, n;
};
struct class
{
    struct rv__lock lock;
    struct list fresh, recent, old, cold; // guarded by lock
    struct rv__arena *arena;              // guarded by lock: the one that grows, or NULL
    uint32_t slots;                       // of all arenas together; guarded by growing
    uint32_t carved;                      // handed out at least once; guarded by lock
} __attribute__((aligned(64)));

static struct class classes[CLASSES];
static struct base_lock growing;

static size_t class_size(const struct class *c) { return (size_t)1 << (c - classes + LEAST_SHIFT); }
// NULL: there is none so large.
static struct class *class_of(size_t size)
{
    if (size == 0) return &classes[DEFAULT_SHIFT - LEAST_SHIFT];
    if (size > RV__STACK_MOST) return NULL;
    return size <= RV__STACK_LEAST ? classes : &classes[64 - __builtin_clzl(size - 1) - LEAST_SHIFT];
}

// ---- lists -----------------------------------------------------------------------------------------------------------

static uint32_t *link_of(uint32_t slot) { return &rv__arena_of(slot)->next[rv__slot_index(slot)]; }
static void push(struct list *l, uint32_t slot)
{
    if (l->n++ == 0) l->tail = slot;
    *link_of(slot) = l->head;
    l->head = slot;
}
static uint32_t pop(struct list *l, uint32_t *out, uint32_t most)
{
    uint32_t n = 0;
    for (; n < most && l->n; l->n--) {
        out[n++] = l->head;
        l->head = *link_of(l->head);
    }
    return n;
}
// front before what l holds; empties front.
static void prepend(struct list *l, struct list *front)
{
    if (front->n == 0) return;
    *link_of(front->tail) = l->head;
    if (l->n == 0) l->tail = front->tail;
    l->head = front->head;
    l->n += front->n;
    front->n = 0;
}

// ---- getting ---------------------------------------------------------------------------------------------------------

static uint32_t carve_locked(struct class *c, uint32_t *out, uint32_t most)
{
    struct rv__arena *a = c->arena;
    uint32_t n = 0;
    if (!a) return 0;
    const uint32_t used = a->used, first = (uint32_t)(a - rv__arenas) << RV__ARENA_SLOT_BITS;
    while (n < most && used + n < a->committed) {
        out[n] = first + used + n;
        n++;
    }
    base_store_relaxed(&a->used, used + n); // relaxed: rv__arena_find may be late
    c->carved += n;
    return n;
}
// Whether there is something to get now: somebody else may have grown the class, or freed a stack.
static bool has_any(struct class *c)
{
    rv__lock(&c->lock);
    const bool any =
        c->fresh.n || c->recent.n || c->old.n || c->cold.n || (c->arena && c->arena->used < c->arena->committed);
    rv__unlock(&c->lock);
    return any;
}
static uint32_t at_least_1(uint64_t n) { return n ? (uint32_t)n : 1; }
// As large as all arenas of the class so far: address space at most doubles.
static struct rv__arena *next_arena(struct class *c)
{
    const size_t stride = class_size(c) + RV__SLOT_EXTRA;
    uint64_t slots = c->slots, most = ARENA_BYTES / stride;
    if (most > ARENA_SLOTS) most = ARENA_SLOTS;
    if (slots > most) slots = most;
    if (slots < STEP_BYTES / stride) slots = STEP_BYTES / stride;
    struct rv__arena *a = rv__arena_make(class_size(c), at_least_1(slots));
    if (a) c->slots += a->slots;
    return a;
}
// More slots. False: no memory.
COLD static bool grow(struct class *c)
{
    base_lock(&growing);
    bool ok = has_any(c);
    struct rv__arena *a = c->arena; // changes under both locks
    if (!ok && (!a || a->committed == a->slots)) a = next_arena(c);
    const uint32_t n = !ok && a ? rv__arena_commit(a, at_least_1(STEP_BYTES / a->stride)) : 0;
    if (n) {
        rv__lock(&c->lock);
        a->committed += n;
        c->arena = a;
        rv__unlock(&c->lock);
        ok = true;
    }
    base_unlock(&growing);
    return ok;
}
// Slots without pages cost a while each, so the first ones of a program come in small batches.
static uint32_t batch_locked(const struct class *c, uint32_t most)
{
    const uint32_t n = c->carved / 4 < FEW ? FEW : c->carved / 4;
    return n < most ? n : most;
}
// Up to `most` slots, at least one, the one used last first. 0: no memory.
static uint32_t take(struct class *c, uint32_t *out, uint32_t most)
{
    do {
        rv__lock(&c->lock);
        uint32_t n = pop(&c->fresh, out, most);
        if (n < most) n += pop(&c->recent, out + n, most - n);
        if (n < most) n += pop(&c->old, out + n, most - n);
        const bool warm = n != 0;
        if (!n) n = pop(&c->cold, out, batch_locked(c, most));
        const bool used = n != 0;
        if (!n) n = carve_locked(c, out, batch_locked(c, most));
        rv__unlock(&c->lock);
        if (n && !used) rv__arena_guard(rv__arena_of(*out), rv__slot_index(*out), n);
        if (n && !warm) rv__arena_populate(out, n);
        if (n) return n;
    } while (grow(c));
    return 0;
}
static struct rv__stack stack_of(uint32_t slot) { return rv__slot_stack(rv__arena_of(slot), rv__slot_index(slot)); }
bool rv__stack_get_slow(struct rv__stack_cache *cache, size_t size, struct rv__stack *out)
{
    uint32_t slots[HALF + 1];
    struct class *c = class_of(size);
    if (!c) return false;
    uint32_t n = take(c, slots, size == 0 && cache ? HALF + 1 : 1);
    if (!n) return false;
    *out = stack_of(slots[0]);
    while (n > 1) cache->lo[cache->n++] = stack_of(slots[--n]).lo;
    return true;
}

// ---- putting ---------------------------------------------------------------------------------------------------------

static void put(struct class *c, const uintptr_t *lo, uint32_t n)
{
    struct list l = {0};
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t slot = rv__arena_find(lo[i]);
        CHECK(slot != RV__NO_SLOT && stack_of(slot).lo == lo[i]);
        push(&l, slot);
    }
    rv__lock(&c->lock);
    prepend(&c->fresh, &l);
    rv__unlock(&c->lock);
}
void rv__stack_put_slow(struct rv__stack_cache *cache, const struct rv__stack *s)
{
    struct class *c = class_of(s->hi - s->lo);
    if (!cache || s->hi - s->lo != RV__STACK_DEFAULT) {
        put(c, &s->lo, 1);
        return;
    }
    if (cache->n == RV__STACK_CACHED) { // the half that was used longest ago
        put(c, cache->lo, HALF);
        for (uint32_t i = HALF; i < RV__STACK_CACHED; i++) cache->lo[i - HALF] = cache->lo[i];
        cache->n -= HALF;
    }
    cache->lo[cache->n++] = s->lo;
}

// ---- giving pages back -----------------------------------------------------------------------------------------------

static uint32_t victims[SCAVENGED]; // guarded by scavenging
static bool draining;               // `old` holds more than the last call took; guarded by scavenging
static struct base_lock scavenging; // by trylock only

static void sort(uint32_t *v, uint32_t n) // Shell's, by gaps of about a third
{
    for (uint32_t gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (uint32_t i = gap; i < n; i++) {
            const uint32_t x = v[i];
            uint32_t j = i;
            for (; j >= gap && v[j - gap] > x; j -= gap) v[j] = v[j - gap];
            v[j] = x;
        }
}
// A few at a time: who wants a stack meanwhile waits for the lock.
static uint32_t take_old(struct class *c, uint32_t *out, uint32_t most)
{
    enum { AT_ONCE = 64 };
    uint32_t n = 0, k;
    do {
        rv__lock(&c->lock);
        k = pop(&c->old, out + n, most - n < AT_ONCE ? most - n : AT_ONCE);
        rv__unlock(&c->lock);
        n += k;
    } while (k && n < most);
    return n;
}
static void age(struct class *c)
{
    rv__lock(&c->lock);
    prepend(&c->old, &c->recent);
    prepend(&c->recent, &c->fresh);
    rv__unlock(&c->lock);
}
static void give_back(const uint32_t *v, uint32_t n)
{
    for (uint32_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && v[i + run] == v[i] + run; run++) continue;
        rv__arena_zap(rv__arena_of(v[i]), rv__slot_index(v[i]), run);
    }
}
static bool scavenge_class(struct class *c, uint32_t *budget)
{
    if (!draining) age(c);
    const uint32_t n = take_old(c, victims, *budget);
    sort(victims, n);
    give_back(victims, n);
    struct list l = {0};
    for (uint32_t i = n; i > 0; i--) push(&l, victims[i - 1]);
    rv__lock(&c->lock);
    prepend(&c->cold, &l);
    const bool more = c->old.n != 0;
    rv__unlock(&c->lock);
    *budget -= n;
    return more;
}
bool rv__stack_scavenge(void)
{
    uint32_t budget = SCAVENGED;
    bool more = false;
    if (!base_trylock(&scavenging)) return false;
    for (struct class *c = classes; c < classes + CLASSES; c++) more |= scavenge_class(c, &budget);
    draining = more;
    base_unlock(&scavenging);
    return more;
}
bool rv__stack_scavenge_more(void)
{
    bool more = false;
    for (struct class *c = classes; c < classes + CLASSES; c++) {
        rv__lock(&c->lock);
        more |= c->fresh.n || c->recent.n || c->old.n;
        rv__unlock(&c->lock);
    }
    return more;
}

bool rv__stack_find(uintptr_t address, struct rv__stack *out)
{
    const uint32_t slot = rv__arena_find(address);
    if (slot != RV__NO_SLOT) *out = stack_of(slot);
    return slot != RV__NO_SLOT;
}
