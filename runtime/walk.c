// walk.c: the frames of a stack, by libunwind. A parked goroutine's saved registers lie in the frame of the function that
// parked (switch.h), so stack pointer, frame pointer and pc are all that a walk begins with.
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "runtime/where.h"

#include <ucontext.h>

static int walk(unw_context_t *from, int flags, uintptr_t *pcs, int max)
{
    unw_cursor_t cursor;
    unw_word_t pc;
    int n = 0;
    if (unw_init_local2(&cursor, from, flags) < 0) return 0;
    do {
        if (unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0 || pc == 0) break;
        pcs[n++] = pc;
    } while (n < max && unw_step(&cursor) > 0);
    return n;
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
