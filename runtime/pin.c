// pin.c: goroutines that run in one thread only: by rv_lock_os_thread, or while they hold something that belongs to the thread (a pthread
// mutex, a FILE, a signal mask of its own; base/hooks.h). Such an M runs nobody else: when its goroutine waits, it hands its P on
// and waits too, until whoever picks the goroutine passes a P to it (find.c).
//
// Whether a goroutine is locked is read and written by its own thread, so the pins need no section. A handler that preempts between the
// two stores leaves g->locked as m->locked says.
#include "runtime/sched.h"

#include "base/sys.h"

static void fasten(struct rv__m *m, struct rv__g *g)
{
    m->locked = g;
    base_compiler_barrier();
    g->locked = m;
}
static void loosen(struct rv__m *m, struct rv__g *g)
{
    if (g->lock_depth || g->pins) return;
    m->locked = NULL;
    base_compiler_barrier();
    g->locked = NULL;
}
void rv_lock_os_thread(void)
{
    struct rv__g *g = rv__enter();
    if (g->kind == RV__GOROUTINE && g->lock_depth++ == 0) fasten(rv__m(), g);
    rv__leave(g);
}
void rv_unlock_os_thread(void)
{
    struct rv__g *g = rv__enter();
    if (g->kind == RV__GOROUTINE && g->lock_depth && --g->lock_depth == 0) loosen(rv__m(), g);
    rv__leave(g);
}

// The goroutine that runs in this thread, or NULL.
static struct rv__g *goroutine(const struct rv__m *m) { return m && m->g && m->g->kind == RV__GOROUTINE ? m->g : NULL; }
void rv__pin(void)
{
    struct rv__m *m = rv__m();
    struct rv__g *g = goroutine(m);
    if (g && g->pins++ == 0) fasten(m, g);
}
// One too many (a lock that somebody else took) does nothing.
void rv__unpin(void)
{
    struct rv__m *m = rv__m();
    struct rv__g *g = goroutine(m);
    if (g && g->pins && --g->pins == 0) loosen(m, g);
}
void rv__mask_changed(void)
{
    struct rv__g *g = goroutine(rv__m());
    uint64_t now, usual;
    if (!g) return;
    sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, sizeof now);
    __builtin_memcpy(&usual, &rv__sched.mask, sizeof usual); // the kernel's signals are the first 64
    if ((now != usual) == g->masked) return;
    g->masked = !g->masked;
    (g->masked ? rv__pin : rv__unpin)();
}
