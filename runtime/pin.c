// pin.c: goroutines that run in one thread only (rv_lock_os_thread). Such an M runs nobody else: when its goroutine waits, it hands its P on
// and waits too, until whoever picks the goroutine passes a P to it (proc.c).
#include "runtime/sched.h"

void rv_lock_os_thread(void)
{
    struct rv__g *g = rv__enter();
    struct rv__m *m = rv__m();
    if (g->kind == RV__GOROUTINE && g->lock_depth++ == 0) {
        g->locked = m;
        m->locked = g;
    }
    rv__leave(g);
}
void rv_unlock_os_thread(void)
{
    struct rv__g *g = rv__enter();
    struct rv__m *m = rv__m();
    if (g->kind == RV__GOROUTINE && g->lock_depth && --g->lock_depth == 0) {
        g->locked = NULL;
        m->locked = NULL;
    }
    rv__leave(g);
}
