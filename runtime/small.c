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
#include "base/sys.h"
#include "runtime/lock.h"

enum { CHUNK = 256 << 10, FILL = 0x5a };

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

static void *cut_locked(int class)
{
    const size_t size = size_of(class);
    if ((size_t)(all.cut_end - all.cut) < size) { // what is left over, less than one object, is lost
        char *p = sys_alloc(CHUNK);
        if (!p) return NULL;
        all.cut = p;
        all.cut_end = p + CHUNK;
    }
    void *p = all.cut;
    all.cut += size;
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

static size_t mapped(size_t bytes) { return (bytes + 4095) & ~(size_t)4095; }

void *rv__small_get_slow(struct rv__small_cache *cache, size_t bytes)
{
    if (bytes > RV__SMALL_MAX) return mapped(bytes) < bytes ? NULL : sys_alloc(mapped(bytes));
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
void rv__small_flush(struct rv__small_cache *cache)
{
    for (int class = 0; class < RV__SMALL_CLASSES; class ++) leave(&cache->list[class], class, 0);
}
