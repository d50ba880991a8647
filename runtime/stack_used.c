// stack_used.c: how much of a stack was ever used: how far down its pages have been touched.
// /proc/self/pagemap tells, swapped-out pages included; where there is no /proc, mincore tells of those in memory. Neither touches the stack.
#include <fcntl.h>

#include "base/sys.h"
#include "runtime/rt.h"
#include "runtime/stack_arena.h"

enum { AT_ONCE = 256 }; // pages
static const uint64_t IN_MEMORY_OR_SWAP = (uint64_t)3 << 62;

// Which of n <= AT_ONCE pages from `page` on is the first touched one; n: none; -1: cannot tell.
static int first_touched(int pagemap, uintptr_t page, int n)
{
    uint64_t entries[AT_ONCE];
    unsigned char there[AT_ONCE];
    const long bytes = n * (long)sizeof *entries;
    const bool told = pagemap >= 0 && sys_call4(SYS_pread64, pagemap, entries, bytes, page / RV__PAGE * 8) == bytes;
    if (!told && sys_call3(SYS_mincore, page, (long)n * RV__PAGE, there) != 0) return -1;
    int i = 0;
    while (i < n && !(told ? (entries[i] & IN_MEMORY_OR_SWAP) != 0 : there[i] & 1)) i++;
    return i;
}
size_t rv__stack_used(const struct rv__stack *s)
{
    const uintptr_t end = (s->hi + RV__PAGE - 1) & ~(uintptr_t)(RV__PAGE - 1);
    uintptr_t page = s->lo & ~(uintptr_t)(RV__PAGE - 1);
    const int pagemap = (int)sys_call4(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    while (page < end) {
        const uintptr_t left = (end - page) / RV__PAGE;
        const int n = left < AT_ONCE ? (int)left : AT_ONCE;
        const int i = first_touched(pagemap, page, n);
        if (i < 0) break; // what cannot be told may be used
        page += (uintptr_t)i * RV__PAGE;
        if (i < n) break;
    }
    if (pagemap >= 0) sys_call1(SYS_close, pagemap);
    return page >= s->hi ? 0 : s->hi - (page > s->lo ? page : s->lo);
}

size_t rv_stack_used(void)
{
    struct rv__g *g = rv__enter();
    const struct rv__stack s = g->stack;
    const bool goroutine = g->kind == RV__GOROUTINE;
    rv__leave(g);
    return goroutine ? rv__stack_used(&s) : 0;
}
