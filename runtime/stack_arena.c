// stack_arena.c: address space for stacks, in arenas; and what the kernel has to be told about it.
//
// An arena is one mapping, PROT_NONE and not reserved. Slots become usable from its start upwards, in steps, by mprotect: so
// under vm.overcommit_memory=2 only what is in use is charged, and an arena is two mappings, however many slots it has.
// Nothing is ever unmapped.
//
// Guards. On Linux 6.13 and newer MADV_GUARD_INSTALL puts them into the page table: no mapping each, so a million fit under
// the default vm.max_map_count; a batch goes in one process_madvise (0.3 us each, against 1.4). On older kernels a guard is an
// mprotect and costs two mappings: three quarters of what the program has left are used, and stacks beyond have no guard, which
// is said once. A guard is made when its slot is first used and stays.
//
// mlockall(MCL_FUTURE) would have each arena locked: accounted against RLIMIT_MEMLOCK as a whole, and faulted in as a whole by
// mprotect; and a locked mapping refuses guards. So a new arena is unlocked while it is still PROT_NONE, and slots are locked
// again after their guards are made, with MLOCK_ONFAULT: what a goroutine has touched stays in memory, as the program wants.
//
// THP is off in arenas: one touched page would become 2 MiB, of 24 stacks.
#include "runtime/stack_arena.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "base/flags.h"
#include "base/print.h"
#include "base/sys.h"

// Newer than the headers that we build with.
enum {
    GUARD_INSTALL = 102,
    POPULATE_WRITE = 23,
    DONTNEED_LOCKED = 24,
    LOCK_ONFAULT = 1,
    THIS_PROCESS = -10001,
    BATCH = 64
};

struct rv__arena rv__arenas[RV__ARENAS];
static uint32_t count; // atomic: arenas that are complete

enum guards { UNKNOWN, BATCHED, SINGLE, BY_MPROTECT, NO_GUARDS };
static uint32_t guards;   // atomic, enum guards: how they are made
static int32_t maps_left; // atomic: guards that may still be made by mprotect
static uint32_t said;     // atomic: that some stacks have none

static long advise(uintptr_t p, size_t bytes, int advice) { return sys_call3(SYS_madvise, p, bytes, advice); }
static long protect(uintptr_t p, size_t bytes, int prot) { return sys_call3(SYS_mprotect, p, bytes, prot); }

// ---- how many mappings the program may still have ------------------------------------------------------------------

static long read_number(const char *path)
{
    char text[32];
    const long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    const long n = sys_read((int)fd, text, sizeof text);
    sys_call1(SYS_close, fd);
    long v = 0;
    for (long i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++) v = v * 10 + text[i] - '0';
    return n > 0 ? v : -1;
}
static long count_lines(const char *path)
{
    char text[1024];
    const long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    long lines = 0, n;
    while ((n = sys_read((int)fd, text, sizeof text)) > 0)
        for (long i = 0; i < n; i++) lines += text[i] == '\n';
    sys_call1(SYS_close, fd);
    return lines;
}
static int32_t guards_by_mprotect(void)
{
    const long most = read_number("/proc/sys/vm/max_map_count");
    const long left = (most < 0 ? 65530 : most) - count_lines("/proc/self/maps");
    return left > 0 ? (int32_t)(left / 4 * 3 / 2) : 0; // two mappings for each
}

// ---- guards ----------------------------------------------------------------------------------------------------------

static void say_unguarded(void)
{
    uint32_t no = 0;
    if (base_load_relaxed(&said) || !base_cas_relaxed(&said, &no, 1u)) return; // relaxed: only who says it is decided
    base_say("stacks from here on have no guard: an overflow goes unnoticed (no mappings left: vm.max_map_count; "
             "Linux 6.13 needs none)");
}
// One call for all; false: the kernel did not do all of it.
static bool advise_all(const struct iovec *v, uint32_t n, int advice)
{
    long want = 0;
    for (uint32_t i = 0; i < n; i++) want += (long)v[i].iov_len;
    return sys_call6(SYS_process_madvise, THIS_PROCESS, (long)v, n, advice, 0, 0) == want;
}
// slot: the first one that is ever used; readable and writable.
static void choose_guards(uintptr_t slot)
{
    if (base_load_relaxed(&guards) != UNKNOWN) return; // relaxed: callers come one at a time
    const struct iovec v = {(void *)slot, RV__GUARD};
    uint32_t g = BY_MPROTECT;
    if (base_flags.stack_guard == BASE_GUARD_NONE)
        g = NO_GUARDS;
    else if (base_flags.stack_guard == BASE_GUARD_AUTO && advise(slot, RV__GUARD, GUARD_INSTALL) == 0)
        g = advise_all(&v, 1, GUARD_INSTALL) ? BATCHED : SINGLE;
    if (g == BY_MPROTECT) base_store_relaxed(&maps_left, guards_by_mprotect());
    base_store_relaxed(&guards, g); // relaxed: published with the slots that are to be guarded
}
static void guard_by_mprotect(uintptr_t p)
{
    // relaxed: a count
    if (base_load_relaxed(&maps_left) > 0 && base_add_relaxed(&maps_left, -1) > 0 &&
        protect(p, RV__GUARD, PROT_NONE) == 0)
        return;
    say_unguarded();
}
static bool install(const struct rv__arena *a, uint32_t first, uint32_t n)
{
    struct iovec v[BATCH];
    if (n > 1 && n <= BATCH && base_load_relaxed(&guards) == BATCHED) { // relaxed: constant by now
        for (uint32_t i = 0; i < n; i++) v[i] = (struct iovec){(void *)rv__slot_base(a, first + i), RV__GUARD};
        return advise_all(v, n, GUARD_INSTALL);
    }
    for (uint32_t i = first; i < first + n; i++)
        if (advise(rv__slot_base(a, i), RV__GUARD, GUARD_INSTALL) != 0) return false;
    return true;
}
// If memory at p (a guard: nothing is in it) is locked, unlocks [p, p + bytes) and remembers that.
static bool unlock(struct rv__arena *a, uintptr_t p, size_t bytes)
{
    if (advise(p, RV__PAGE, MADV_DONTNEED) != -EINVAL) return false; // what it says of locked memory alone
    base_store_relaxed(&a->resident_on_fault, 1u);                   // relaxed: a hint, to lock slots again
    sys_call2(SYS_munlock, p, bytes);
    return true;
}
void rv__arena_guard(struct rv__arena *a, uint32_t first, uint32_t n)
{
    const uintptr_t p = rv__slot_base(a, first);
    const uint32_t how = base_load_relaxed(&guards); // relaxed: constant by now
    if (how == BY_MPROTECT)
        for (uint32_t i = first; i < first + n; i++) guard_by_mprotect(rv__slot_base(a, i));
    // A second try where the program has locked its memory meanwhile.
    else if (how != NO_GUARDS && !install(a, first, n) &&
             !(unlock(a, p, (a->slots - first) * a->stride) && install(a, first, n)))
        say_unguarded();
    if (base_load_relaxed(&a->resident_on_fault)) sys_call3(SYS_mlock2, p, n * a->stride, LOCK_ONFAULT);
}

// ---- arenas ----------------------------------------------------------------------------------------------------------

static uintptr_t reserve(size_t bytes)
{
    const long p = sys_call6(SYS_mmap, 0, (long)bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p < 0 && p > -4096 ? 0 : (uintptr_t)p;
}
struct rv__arena *rv__arena_make(size_t size, uint32_t slots)
{
    const uint32_t index = base_load_relaxed(&count); // relaxed: callers come one at a time
    if (index == RV__ARENAS) return NULL;
    struct rv__arena *a = &rv__arenas[index];
    *a = (struct rv__arena){.size = size, .stride = size + RV__SLOT_EXTRA};
    for (a->slots = slots; a->slots && !(a->base = reserve(a->slots * a->stride)); a->slots /= 2) continue;
    if (!a->slots) return NULL;
    unlock(a, a->base, a->slots * a->stride);
    a->next = sys_reserve(a->slots * sizeof *a->next);
    if (!a->next) {
        sys_unmap((void *)a->base, a->slots * a->stride);
        return NULL;
    }
    advise(a->base, a->slots * a->stride, MADV_NOHUGEPAGE);
    base_store_release(&count, index + 1); // release: publishes the arena; pairs with acquire in rv__arena_find
    return a;
}
uint32_t rv__arena_commit(struct rv__arena *a, uint32_t n)
{
    const uint32_t first = a->committed;
    const uintptr_t p = rv__slot_base(a, first);
    if (n > a->slots - first) n = a->slots - first;
    unlock(a, p, n * a->stride);
    while (n && protect(p, n * a->stride, PROT_READ | PROT_WRITE) != 0) n /= 2;
    if (n) choose_guards(p);
    return n;
}
void rv__arena_populate(const uint32_t *slots, uint32_t n)
{
    struct iovec v[BATCH];
    if (n < 2 || n > BATCH || base_load_relaxed(&guards) != BATCHED) return; // relaxed: constant by now
    for (uint32_t i = 0; i < n; i++) {
        const struct rv__stack s = rv__slot_stack(rv__arena_of(slots[i]), rv__slot_index(slots[i]));
        v[i] = (struct iovec){(void *)((s.hi - 1) & ~(uintptr_t)(RV__PAGE - 1)), RV__PAGE};
    }
    advise_all(v, n, POPULATE_WRITE);
}
void rv__arena_zap(const struct rv__arena *a, uint32_t first, uint32_t n)
{
    const uintptr_t p = rv__slot_base(a, first);
    if (advise(p, n * a->stride, MADV_DONTNEED) == -EINVAL) advise(p, n * a->stride, DONTNEED_LOCKED);
}
uint32_t rv__arena_find(uintptr_t address)
{
    const uint32_t n = base_load_acquire(&count); // acquire: pairs with the release in rv__arena_make
    for (uint32_t i = 0; i < n; i++) {
        const struct rv__arena *a = &rv__arenas[i];
        const uintptr_t offset = address - a->base;
        if (address < a->base || offset >= a->slots * a->stride) continue;
        const uint32_t index = (uint32_t)(offset / a->stride);
        return index < base_load_relaxed(&a->used) ? i << RV__ARENA_SLOT_BITS | index : RV__NO_SLOT; // relaxed: a hint
    }
    return RV__NO_SLOT;
}
