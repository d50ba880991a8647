// walk.c: the frames of a stack, by libunwind. A parked goroutine's saved registers lie in the frame of the function that
// parked (switch.h), so stack pointer, frame pointer and pc are all that a walk begins with.
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "runtime/where.h"

#include <ucontext.h>

enum { MOST = 1 << 20 }; // steps: a bound on what a damaged stack can cost

static void reverse(uintptr_t *v, int n)
{
    for (int i = 0; i < n / 2; i++) {
        const uintptr_t t = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = t;
    }
}
// The first half fills up and stays; the second one is a ring, so it ends with the outermost frames.
static int walk(unw_context_t *from, int flags, uintptr_t *pcs, int max)
{
    unw_cursor_t cursor;
    unw_word_t pc;
    const int head = max / 2, ring = max - head;
    int n = 0;
    if (unw_init_local2(&cursor, from, flags) < 0) return 0;
    do {
        if (unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0 || pc == 0) break;
        pcs[n < max ? n : head + (n - head) % ring] = pc;
        n++;
    } while (n < MOST && unw_step(&cursor) > 0);
    if (n <= max) return n;
    const int oldest = (n - head) % ring;
    reverse(pcs + head, oldest);
    reverse(pcs + head + oldest, ring - oldest);
    reverse(pcs + head, ring);
    pcs[head] = RV__ELIDED;
    return max;
}
int rv__walk_parked(const struct rv__context *c, uintptr_t *pcs, int max)
{
    unw_context_t u = {0};
    u.uc_mcontext.gregs[REG_RIP] = (greg_t)c->pc;
    u.uc_mcontext.gregs[REG_RSP] = (greg_t)c->sp;
    u.uc_mcontext.gregs[REG_RBP] = (greg_t)c->fp;
    return walk(&u, UNW_INIT_SIGNAL_FRAME, pcs, max);
}
int rv__walk_signal(const void *ucontext, uintptr_t *pcs, int max)
{
    unw_context_t u = *(const unw_context_t *)ucontext;
    return walk(&u, UNW_INIT_SIGNAL_FRAME, pcs, max);
}
NOINLINE int rv__walk_here(uintptr_t *pcs, int max)
{
    unw_context_t u;
    if (unw_getcontext(&u) < 0) return 0;
    return walk(&u, 0, pcs, max);
}
