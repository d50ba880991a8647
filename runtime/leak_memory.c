// leak_memory.c: which memory is reachable from which.
//
// /proc/self/maps tells what is mapped. From it, what Ravel knows of its own, and malloc's headers a list of regions is made:
//
//   GLOBAL   writable parts of modules: always reached
//   HEAP     malloc's: blocks, each reached for itself
//   SMALL    what channels and the runtime's other objects are cut from: objects, each for itself
//   STACK    of goroutines: as a whole, from the stack pointer upwards
//   WHOLE    other private memory: as a whole
//   SHARED   written by other processes, too: WHOLE that is a root of its own kind
//   HIDDEN   Ravel's tables, dead parts of stacks: never
//
// A word is taken for a pointer if it lies in a region: inside of a block, too, so interior and low-bit tagged pointers count. What a word
// leads to is reached as a whole, and put on a list of what is still to be looked through.
//
// malloc's blocks follow each other, each with its size before it (glibc's layout: size and three flags in the word before the block).
// A region counts as HEAP if such a chain leads from near its begin exactly to its end; where it does not (another malloc, or
// one that was stopped in the middle of its work) the region is WHOLE, which can only make more reachable.
#include "runtime/leak_memory.h"

#include <fcntl.h>

#include "base/owned.h"
#include "base/print.h"
#include "runtime/dump.h"
#include "runtime/feed.h"
#include "runtime/small.h"
#include "runtime/stack_arena.h"

enum {
    LINE = 1024,
    REGIONS = 1 << 22,
    CHAIN_STARTS = 8192,
    HEAP_ALIGN = 64 << 20,
    LEAST_BLOCK = 32,
    HEADER = 16,
    DEAD = 2048
};

enum kind { GLOBAL, HEAP, SMALL, STACK, WHOLE, SHARED, HIDDEN };
struct region {
    uintptr_t lo, hi;
    enum kind kind;
    bool reached;                        // STACK, WHOLE, SHARED
    uintptr_t live;                      // STACK
    uintptr_t *blocks;                   // HEAP: where each begins, in order; and the end
    size_t n_blocks;                     // HEAP
    uint8_t *marks;                      // HEAP, SMALL: which was reached
    const struct rv__small_chunk *chunk; // SMALL
};
struct span {
    uintptr_t lo, hi;
};
static struct region *regions; // sorted, once open
static size_t n_regions;
static struct region *cuts; // what is known beforehand: SMALL, STACK, HIDDEN
static size_t n_cuts;
static struct span *todo; // a stack
static size_t n_todo, todo_room;
static uintptr_t dead[DEAD];
static size_t n_dead;
static bool unseen, progress;
static bool ends_count; // what is looked through is no global and no block of malloc's

bool rv__memory_unseen(void) { return unseen; }

// ---- what is known beforehand --------------------------------------------------------------------------------------------

static struct region *cut(uintptr_t lo, uintptr_t hi, enum kind kind)
{
    if (!cuts) cuts = sys_reserve(REGIONS * sizeof *cuts);
    if (!cuts || n_cuts == REGIONS || lo >= hi) {
        unseen |= lo < hi;
        return NULL;
    }
    cuts[n_cuts] = (struct region){.lo = lo, .hi = hi, .kind = kind};
    return &cuts[n_cuts++];
}
void rv__memory_hide(uintptr_t lo, uintptr_t hi) { cut(lo, hi, HIDDEN); }
void rv__memory_dead_below(uintptr_t at)
{
    if (n_dead < DEAD) dead[n_dead++] = at;
}
void rv__memory_stack(uintptr_t lo, uintptr_t live, uintptr_t hi)
{
    struct region *const r = cut(lo, hi, STACK);
    if (r) r->live = live;
}
static void hide_owned(const struct base_owned *o)
{
    uintptr_t small_lo = 0, small_hi = 0;
    for (size_t i = 0; o && i < BASE_OWNED_MAX; i++) {
        const struct rv__small_chunk *c = NULL;
        const uintptr_t lo = o->at[i].lo, hi = lo + ((o->at[i].bytes + 4095) & ~(size_t)4095);
        if (!lo || !o->at[i].bytes) continue;
        while ((c = rv__small_chunks(c, &small_lo, &small_hi)) && (uintptr_t)c != lo) continue;
        rv__memory_hide(lo, c ? small_lo : hi);
        if (c) rv__memory_hide(small_hi, hi);
    }
    unseen |= o && o->lost;
}
static void see_small(void)
{
    uintptr_t lo, hi;
    for (const struct rv__small_chunk *c = NULL; (c = rv__small_chunks(c, &lo, &hi)) != NULL;) {
        struct region *const r = cut(lo, hi, SMALL);
        if (!r) return;
        r->chunk = c;
        r->marks = sys_reserve((hi - lo) / RV__SMALL_STEP);
        if (!r->marks) r->kind = WHOLE;
    }
}
static void sort(struct region *r, size_t n) // Shell's
{
    for (size_t gap = n / 2; gap; gap /= 2)
        for (size_t i = gap; i < n; i++) {
            const struct region x = r[i];
            size_t j = i;
            for (; j >= gap && r[j - gap].lo > x.lo; j -= gap) r[j] = r[j - gap];
            r[j] = x;
        }
}

// ---- malloc's blocks -------------------------------------------------------------------------------------------------------

static uintptr_t size_at(uintptr_t p) { return ((const uintptr_t *)p)[1] & ~(uintptr_t)7; }
// From p on blocks follow each other to hi. Returns how many; 0: they do not. to: where they begin, or NULL.
static size_t chain(uintptr_t p, uintptr_t hi, uintptr_t *to)
{
    size_t n = 0;
    while (p + HEADER <= hi) {
        const uintptr_t size = size_at(p);
        if (to) to[n] = p;
        n++;
        if (size == 0 && p + HEADER == hi) return n; // the fence at the end of a heap
        if (size % 16 || size > hi - p || (size < LEAST_BLOCK && size != HEADER)) return 0;
        p += size;
    }
    return p == hi ? n : 0;
}
static bool see_heap(struct region *r)
{
    for (uintptr_t p = (r->lo + 15) & ~(uintptr_t)15; p < r->lo + CHAIN_STARTS && p < r->hi; p += 16) {
        const size_t n = size_at(p) ? chain(p, r->hi, NULL) : 0;
        if (n < 2) continue;
        r->blocks = sys_reserve((n + 1) * sizeof *r->blocks);
        r->marks = sys_reserve(n);
        if (!r->blocks || !r->marks) return false;
        chain(p, r->hi, r->blocks);
        r->blocks[n] = r->hi;
        r->n_blocks = n;
        return true;
    }
    return false;
}

// ---- /proc/self/maps -------------------------------------------------------------------------------------------------------

static void add(uintptr_t lo, uintptr_t hi, enum kind kind)
{
    if (lo >= hi) return;
    if (n_regions == REGIONS) {
        unseen = true;
        return;
    }
    regions[n_regions++] = (struct region){.lo = lo, .hi = hi, .kind = kind};
}
// All of [lo, hi) that is not known beforehand.
static void add_uncut(uintptr_t lo, uintptr_t hi, enum kind kind)
{
    size_t i = 0, end = n_cuts; // the first that ends behind lo: they do not overlap
    while (i < end) {
        const size_t mid = (i + end) / 2;
        if (cuts[mid].hi <= lo)
            i = mid + 1;
        else
            end = mid;
    }
    for (; i < n_cuts && cuts[i].lo < hi; i++) {
        add(lo, cuts[i].lo < lo ? lo : cuts[i].lo, kind);
        if (cuts[i].hi > lo) lo = cuts[i].hi;
    }
    add(lo, hi, kind);
}
static bool begins(const char *s, const char *with) { return base_strncmp(s, with, base_strlen(with)) == 0; }
static uintptr_t hex(const char **s)
{
    uintptr_t v = 0;
    for (;; (*s)++) {
        const char c = **s;
        if (c >= '0' && c <= '9')
            v = v * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + (uintptr_t)(c - 'a' + 10);
        else
            return v;
    }
}
static const char *path_in(const char *s) // behind the four fields that follow the addresses
{
    for (int field = 0; field < 4; field++) {
        while (*s == ' ') s++;
        while (*s && *s != ' ') s++;
    }
    while (*s == ' ') s++;
    return s;
}
static enum kind kind_of(uintptr_t lo, const char *perms, const char *path, bool after_module)
{
    if (perms[3] == 's') return SHARED;
    if (begins(path, "[heap]")) return HEAP;
    if (*path && *path != '[') return GLOBAL;
    if (!*path && after_module) return GLOBAL; // its .bss
    return !*path && lo % HEAP_ALIGN == 0 ? HEAP : WHOLE;
}
// A thread's stack, without what lies below its stack pointer.
static uintptr_t without_dead(uintptr_t lo, uintptr_t hi)
{
    for (size_t i = 0; i < n_dead; i++)
        if (dead[i] >= lo && dead[i] < hi) lo = dead[i];
    return lo;
}
// What is read by looking at it may be changed by that, or means something to a device.
static bool is_device(const char *path)
{
    return (begins(path, "/dev/") && !begins(path, "/dev/shm") && !begins(path, "/dev/zero")) ||
           begins(path, "anon_inode:");
}
// "lo-hi perms offset dev inode   path".
static void see_line(const char *s)
{
    static uintptr_t module_end; // of the last line that was a module's
    const uintptr_t lo = hex(&s), hi = (s++, hex(&s));
    const char *const perms = s + 1, *const path = path_in(s);
    const bool after = lo == module_end;
    if (*path == '/') module_end = hi;
    if (perms[0] != 'r' || perms[1] != 'w') return;
    if (is_device(path)) {
        unseen = true;
        return;
    }
    if (begins(path, "[v")) return;
    add_uncut(without_dead(lo, hi), hi, kind_of(lo, perms, path, after));
}
static bool read_maps(void)
{
    static char text[4 * LINE];
    size_t n = 0;
    const long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    for (long k; fd >= 0 && (k = sys_read((int)fd, text + n, sizeof text - n)) > 0;) {
        n += (size_t)k;
        size_t from = 0;
        for (size_t i = 0; i < n; i++) {
            if (text[i] != '\n') continue;
            text[i] = 0;
            see_line(text + from);
            from = i + 1;
        }
        for (size_t i = from; i < n; i++) text[i - from] = text[i];
        n -= from;
    }
    return fd >= 0;
}
static size_t most_todo(void) // each thing that can be reached is put there once, and some roots
{
    size_t n = REGIONS;
    for (size_t i = 0; i < n_regions; i++) n += 1 + regions[i].n_blocks;
    for (size_t i = 0; i < n_cuts; i++)
        n += 1 + (cuts[i].kind == SMALL ? (cuts[i].hi - cuts[i].lo) / RV__SMALL_STEP : 0);
    return n;
}
bool rv__memory_open(void)
{
    regions = sys_reserve(2 * REGIONS * sizeof *regions);
    if (!regions) return false;
    see_small();
    hide_owned(&base_owned);
    hide_owned(rv__feed ? rv__feed->owned : NULL);
    sort(cuts, n_cuts);
    if (!read_maps()) return false;
    for (size_t i = 0; i < n_regions; i++) // not before: what is mapped from here on is ours
        if (regions[i].kind == HEAP && !see_heap(&regions[i])) regions[i].kind = WHOLE;
    for (size_t i = 0; i < n_cuts; i++) regions[n_regions++] = cuts[i];
    sort(regions, n_regions);
    todo_room = most_todo();
    todo = sys_reserve(todo_room * sizeof *todo);
    for (size_t i = 0; todo && i < n_regions; i++)
        if (regions[i].kind == GLOBAL) rv__memory_root(regions[i].lo, regions[i].hi);
    return todo != NULL;
}

// ---- the search ------------------------------------------------------------------------------------------------------------

static struct region *region_of(uintptr_t at)
{
    size_t lo = 0, hi = n_regions; // the last that begins at or before it
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (regions[mid].lo <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo && at < regions[lo - 1].hi ? &regions[lo - 1] : NULL;
}
static size_t block_of(const struct region *r, uintptr_t at) // n_blocks: before the first
{
    size_t lo = 0, hi = r->n_blocks;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (r->blocks[mid] <= at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? lo - 1 : r->n_blocks;
}
void rv__memory_root(uintptr_t lo, uintptr_t hi)
{
    if (n_todo < todo_room)
        todo[n_todo++] = (struct span){(lo + 7) & ~(uintptr_t)7, hi & ~(uintptr_t)7};
    else
        unseen = true;
}
static void reach(uint8_t *mark, uintptr_t lo, uintptr_t hi)
{
    if (*mark) return;
    *mark = 1;
    progress = true;
    rv__memory_root(lo, hi);
}
static void reach_block(struct region *r, size_t i)
{
    if (i < r->n_blocks) reach(&r->marks[i], r->blocks[i], r->blocks[i + 1]);
}
static void reach_in_heap(struct region *r, uintptr_t at)
{
    const size_t i = block_of(r, at);
    reach_block(r, i);
    // Its header is the last word of the block before, and where that ends: a pointer to the end is one to the block. But malloc's
    // own pointers, which are in its globals and in free blocks, are to headers.
    if (ends_count && i && i < r->n_blocks && at - r->blocks[i] < HEADER) reach_block(r, i - 1);
}
static void reach_in_small(struct region *r, uintptr_t at)
{
    uintptr_t lo;
    size_t size;
    if (rv__small_find(r->chunk, at, &lo, &size)) reach(&r->marks[(lo - r->lo) / RV__SMALL_STEP], lo, lo + size);
}
void rv__memory_root_word(uintptr_t word)
{
    struct region *const r = region_of(word);
    if (!r) return;
    switch (r->kind) {
    case HEAP: reach_in_heap(r, word); break;
    case SMALL: reach_in_small(r, word); break;
    case STACK: reach((uint8_t *)&r->reached, r->live, r->hi); break;
    case WHOLE: reach((uint8_t *)&r->reached, r->lo, r->hi); break;
    default: break;
    }
}
void rv__memory_root_thread(uintptr_t sp)
{
    const struct region *const r = region_of(sp);
    if (r) rv__memory_root(sp, r->hi);
}
bool rv__memory_search(void)
{
    const uintptr_t least = n_regions ? regions[0].lo : 0, most = n_regions ? regions[n_regions - 1].hi : 0;
    progress = false;
    while (n_todo) {
        const struct span s = todo[--n_todo];
        const struct region *const r = region_of(s.lo);
        ends_count = !r || (r->kind != GLOBAL && r->kind != HEAP);
        if (__builtin_setjmp(rv__astray)) continue;
        for (const uintptr_t *p = (const void *)s.lo; (uintptr_t)p < s.hi; p++)
            if (*p - least < most - least) rv__memory_root_word(*p);
    }
    return progress;
}
void rv__memory_root_shared(void)
{
    for (size_t i = 0; i < n_regions; i++)
        if (regions[i].kind == SHARED) reach((uint8_t *)&regions[i].reached, regions[i].lo, regions[i].hi);
}
bool rv__memory_reached(uintptr_t at)
{
    const struct region *const r = region_of(at);
    uintptr_t lo;
    size_t size;
    if (!r) return true; // not known: nothing is claimed of it
    switch (r->kind) {
    case HEAP: {
        const size_t i = block_of(r, at);
        return i == r->n_blocks || r->marks[i];
    }
    case SMALL: return !rv__small_find(r->chunk, at, &lo, &size) || r->marks[(lo - r->lo) / RV__SMALL_STEP];
    case STACK:
    case WHOLE:
    case SHARED: return r->reached;
    default: return true;
    }
}
enum rv__place rv__memory_place(uintptr_t at)
{
    const struct region *const r = region_of(at);
    if (!r) return RV__PLACE_OTHER;
    switch (r->kind) {
    case GLOBAL: return RV__PLACE_GLOBAL;
    case HEAP: return RV__PLACE_HEAP;
    case SMALL: return RV__PLACE_OURS;
    case STACK: return RV__PLACE_STACK;
    default: return RV__PLACE_OTHER;
    }
}
