// small.c: memory for the runtime's own objects that come and go.
//
// Each P keeps a short list of free objects per size and works on it by plain loads and stores. Behind the lists stands
// one shelf per size under one lock: an empty list takes half of its room from there, a full one leaves half there. What
// the shelf lacks is cut from a mapping of 256 KiB. Memory that once was of a size stays of that size.
//   (1) A free object is on one list or on one shelf, linked through its first word.
//   (2) In deep builds the rest of a free object holds FILL; so whoever wrote to one that he had freed is found out
//       when it is handed out again.
#include "runtime/small.h"

#include "base/check.h"
#include "base/owned.h"
#include "base/sys.h"
#include "runtime/lock.h"

enum { CHUNK = 256 << 10, FILL = 0x5a };

// A mapping that objects are cut from, and what was cut where: for who finds a pointer (rv__small_find).
struct rv__small_chunk {
    struct rv__small_chunk *next;           // constant
    uint8_t begins[CHUNK / RV__SMALL_STEP]; // 1 + class of the object that begins there; 0: none does
    char objects[CHUNK] __attribute__((aligned(RV__SMALL_STEP))); // so that no pointer to the chunk is one to an object
};
static struct rv__small_chunk *chunks; // atomic: the last one first; they stay

static struct {
    struct rv__lock lock;
    struct rv__small_list shelf[RV__SMALL_CLASSES]; // guarded by lock
    char *cut, *cut_end;                            // guarded by lock: what is left of the last mapping
} all;

static int class_of(size_t bytes) // bytes <= RV__SMALL_MAX
{
    if (rv__small_is_step(bytes)) return (int)((bytes - 1) / RV__SMALL_STEP);
    return RV__SMALL_STEPS + (63 - __builtin_clzl(bytes - 1)) - 9; // 513 ... 1024 is the first of these
}
static size_t size_of(int class)
{
    if (class < RV__SMALL_STEPS) return (size_t)(class + 1) * RV__SMALL_STEP;
    return (size_t)1024 << (class - RV__SMALL_STEPS);
}
static uint32_t room_of(int class)
{
    const uint32_t n = class < RV__SMALL_STEPS ? RV__SMALL_ROOM : (uint32_t)(RV__SMALL_ROOM * 1024 / size_of(class));
    return n < 2 ? 2 : n;
}

static void push(struct rv__small_list *l, void *p)
{
    *(void **)p = l->first;
    l->first = p;
    l->n++;
}
static void *pop(struct rv__small_list *l)
{
    void *p = l->first;
    if (!p) return NULL;
    l->first = *(void **)p;
    l->n--;
    return p;
}

static void fill(char *p, size_t size)
{
    for (size_t i = sizeof(void *); RV__SMALL_CHECKED && i < size; i++) p[i] = FILL;
}
static void check_filled(const char *p, size_t size)
{
    for (size_t i = sizeof(void *); RV__SMALL_CHECKED && i < size; i++)
        CHECK(p[i] == FILL && "somebody wrote to an object of the runtime after it was freed");
}

static size_t mapped(size_t bytes) { return (bytes + 4095) & ~(size_t)4095; }

static void *cut_locked(int class)
{
    const size_t size = size_of(class);
    if ((size_t)(all.cut_end - all.cut) < size) { // what is left over, less than one object, is lost
        struct rv__small_chunk *const c = sys_alloc(mapped(sizeof *c));
        if (!c) return NULL;
        c->next = chunks;
        base_store_release(&chunks, c); // release: next; pairs with the acquire in rv__small_chunks
        all.cut = c->objects;
        all.cut_end = all.cut + CHUNK;
    }
    char *const p = all.cut;
    all.cut += size;
    chunks->begins[(size_t)(p - chunks->objects) / RV__SMALL_STEP] = (uint8_t)(class + 1);
    fill(p, size);
    return p;
}
static void *take_locked(int class)
{
    void *p = pop(&all.shelf[class]);
    return p ? p : cut_locked(class);
}
static void *take(struct rv__small_list *l, int class) // one to return, and for l half its room
{
    rv__lock(&all.lock);
    void *p = take_locked(class);
    while (l && l->n < room_of(class) / 2) {
        void *more = take_locked(class);
        if (!more) break;
        push(l, more);
    }
    rv__unlock(&all.lock);
    return p;
}
static void leave(struct rv__small_list *l, int class, uint32_t keep)
{
    rv__lock(&all.lock);
    while (l->n > keep) push(&all.shelf[class], pop(l));
    rv__unlock(&all.lock);
}

static void *get_large(size_t bytes)
{
    void *const p = mapped(bytes) < bytes ? NULL : sys_alloc(mapped(bytes));
    if (p) base_owned_remove(p); // what lies in it is the program's
    return p;
}
void *rv__small_get_slow(struct rv__small_cache *cache, size_t bytes)
{
    if (bytes > RV__SMALL_MAX) return get_large(bytes);
    const int class = class_of(bytes);
    void *p = cache ? pop(&cache->list[class]) : NULL;
    if (!p) p = take(cache ? &cache->list[class] : NULL, class);
    if (p) check_filled(p, size_of(class));
    return p;
}
void rv__small_put_slow(struct rv__small_cache *cache, void *p, size_t bytes)
{
    if (bytes > RV__SMALL_MAX) {
        sys_unmap(p, mapped(bytes));
        return;
    }
    const int class = class_of(bytes);
    struct rv__small_list one = {NULL, 0}, *const l = cache ? &cache->list[class] : &one;
    fill(p, size_of(class));
    push(l, p);
    if (!cache || l->n > room_of(class)) leave(l, class, cache ? room_of(class) / 2 : 0);
}
const struct rv__small_chunk *rv__small_chunks(const struct rv__small_chunk *before, uintptr_t *lo, uintptr_t *hi)
{
    const struct rv__small_chunk *const c =
        before ? before->next : base_load_acquire(&chunks); // acquire: as in cut_locked
    if (c) *lo = (uintptr_t)c->objects, *hi = *lo + CHUNK;
    return c;
}
bool rv__small_find(const struct rv__small_chunk *c, uintptr_t at, uintptr_t *lo, size_t *size)
{
    size_t i = (at - (uintptr_t)c->objects) / RV__SMALL_STEP;
    while (i && !c->begins[i]) i--;
    *lo = (uintptr_t)c->objects + i * RV__SMALL_STEP;
    *size = c->begins[i] ? size_of(c->begins[i] - 1) : 0;
    return at - *lo < *size;
}
void rv__small_flush(struct rv__small_cache *cache)
{
    for (int class = 0; class < RV__SMALL_CLASSES; class ++) leave(&cache->list[class], class, 0);
}
