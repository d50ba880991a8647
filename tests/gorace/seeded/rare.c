// rare.c: a table that is reloaded in place, and a reader that looks at it without the lock while `loading` says so. Only an order in which
// the reader comes between the loader's two stores, twice in one run, brings the race about: then its second look is taken. Left alone on one
// P the loader is never interrupted there.
#include <ravel.h>
#include <stdatomic.h>

static _Atomic int loading;
static volatile int version; // so that compilers leave it where it is
static rv_waitgroup both;

static void load(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) {
        atomic_store_explicit(&loading, 1, memory_order_relaxed);
        version++; // race
        atomic_store_explicit(&loading, 0, memory_order_relaxed);
    }
    rv_wg_done(&both);
}
static void look(void *arg)
{
    int seen = 0;
    (void)arg;
    for (int i = 0; i < 4; i++)
        if (atomic_load_explicit(&loading, memory_order_relaxed) && ++seen == 3) seen += version; // race
    rv_wg_done(&both);
}
static void start(void *arg)
{
    (void)arg;
    rv_wg_add(&both, 2);
    rv_go(load, NULL);
    rv_go(look, NULL);
    rv_wg_wait(&both);
}
int main(void) { return rv_run(start, NULL); }
