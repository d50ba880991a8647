// atexit.c: what a thread did before it registered an exit handler is ordered before the handler, whichever thread
// runs it. atexit, and what C++ does for static objects, both come to __cxa_atexit. A handler of a library that is
// closed before the end runs then; its record is named by the library, as the handler is.
#include "instrument/interpose.h"

#include "base/arena.h"

struct handler {     // from the registration to the run; its address names the sync object
    void *free_link; // base_pool's
    void (*fn)(void *);
    void (*fn_code)(int, void *);
    void *arg;
};
static struct base_pool handlers = {.size = sizeof(struct handler)};

static struct handler *registers(struct det_strand *s, uintptr_t pc, void *arg)
{
    struct handler *h = base_pool_get(&handlers);
    h->arg = arg;
    det_release(s, pc, (uintptr_t)h, DET_MUST | DET_SET);
    return h;
}
static struct handler runs(struct handler *h)
{
    det_acquire(ins_self(), CALLER_PC, (uintptr_t)h, DET_MUST);
    const struct handler copy = *h;
    base_pool_put(&handlers, h);
    return copy;
}
static void run(void *arg)
{
    const struct handler h = runs(arg);
    h.fn(h.arg);
}
static void run_code(int code, void *arg)
{
    const struct handler h = runs(arg);
    h.fn_code(code, h.arg);
}
INTERFACE int __cxa_atexit(void (*fn)(void *), void *arg, void *dso)
{
    struct det_strand *s = ins_self();
    if (s == &det_nobody) return REAL(__cxa_atexit)(fn, arg, dso);
    struct handler *h = registers(s, CALLER_PC, arg);
    h->fn = fn;
    return REAL(__cxa_atexit)(run, h, dso);
}
INTERFACE int on_exit(void (*fn)(int, void *), void *arg)
{
    struct det_strand *s = ins_self();
    if (s == &det_nobody) return REAL(on_exit)(fn, arg);
    struct handler *h = registers(s, CALLER_PC, arg);
    h->fn_code = fn;
    return REAL(on_exit)(run_code, h);
}
