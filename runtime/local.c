// local.c: what few goroutines have: a name, labels, deferred functions, local values.
//
// All of it hangs at g->extra, which is made when the first of these is set and freed when the goroutine ends. Only the
// goroutine itself changes it, and its creator before it runs.
#include "runtime/local.h"

#include <errno.h>

#include "base/print.h"
#include "runtime/sched.h"
#include "runtime/small.h"

enum { ROUNDS = 4 }; // of destructors that set values anew, as pthread keys have

static rv_fn *destructors[RV__KEYS]; // written once, before the key is handed out
static uint32_t keys;                // atomic: how many there are

// ---- memory, inside a section ----------------------------------------------------------------------------------------

static void *take(size_t bytes, const char *what)
{
    char *const p = rv__small_get(rv__small_here(), bytes);
    if (!p) rv__fatal("out of memory: no %s", what);
    for (size_t i = 0; i < bytes; i++) p[i] = 0;
    return p;
}
static struct rv__extra *extra_of(struct rv__g *g)
{
    if (!g->extra) g->extra = take(sizeof *g->extra, "name, labels or local values for a goroutine");
    return g->extra;
}
static void copy_text(char *to, size_t room, const char *from)
{
    struct base_buf b = {to, 0, room, false};
    base_puts(&b, from ? from : "");
}
void rv__extra_inherit(struct rv__g *from, struct rv__g *to)
{
    if (from->extra->labels[0]) copy_text(extra_of(to)->labels, sizeof to->extra->labels, from->extra->labels);
}
void rv__extra_set(struct rv__g *g, const char *name, const char *labels)
{
    struct rv__extra *const e = extra_of(g);
    if (name) copy_text(e->name, sizeof e->name, name);
    if (labels) copy_text(e->labels, sizeof e->labels, labels);
}

// ---- the interface, outside of sections --------------------------------------------------------------------------------

// The running goroutine, or NULL on a plain thread.
static struct rv__g *goroutine(void)
{
    struct rv__m *const m = rv__m();
    return m && m->g && m->g->kind == RV__GOROUTINE ? m->g : NULL;
}
static struct rv__g *enter_goroutine(const char *who)
{
    if (!goroutine()) rv__fatal("%s on a plain thread: only goroutines have that", who);
    return rv__enter();
}

void rv_set_labels(const char *labels)
{
    struct rv__g *const g = enter_goroutine("rv_set_labels");
    if (labels || g->extra) copy_text(extra_of(g)->labels, sizeof g->extra->labels, labels);
    rv__leave(g);
}
void rv_defer(rv_fn *fn, void *arg)
{
    if (!fn) rv__fatal("rv_defer of a NULL function");
    struct rv__g *const g = enter_goroutine("rv_defer");
    struct rv__deferred *const d = take(sizeof *d, "deferred function");
    struct rv__extra *const e = extra_of(g);
    *d = (struct rv__deferred){e->deferred, fn, arg};
    e->deferred = d;
    rv__leave(g);
}
// A plain thread cannot rv_goexit: there the block's end is enough.
void rv_block_begin(struct rv_block *b)
{
    struct rv__g *const g = rv__enter();
    if (g->kind == RV__GOROUTINE) {
        struct rv__extra *const e = extra_of(g);
        b->outer = e->blocks;
        e->blocks = b;
    }
    rv__leave(g);
}
void rv_block_end(struct rv_block *b)
{
    struct rv__g *const g = rv__enter();
    if (g->kind == RV__GOROUTINE) g->extra->blocks = b->outer;
    rv__leave(g);
    b->fn(b->arg);
}
void rv_goexit(void)
{
    if (!goroutine()) rv__fatal("rv_goexit on a plain thread");
    rv__goexit0();
}

int rv_key_create(rv_key *key, rv_fn *destructor)
{
    static struct rv__lock lock;
    struct rv__g *const g = rv__enter();
    rv__lock(&lock);
    const uint32_t n = keys;
    if (n < RV__KEYS) {
        destructors[n] = destructor;
        base_store_release(&keys, n + 1); // release: the destructor; pairs with the acquire in destroy_locals
    }
    rv__unlock(&lock);
    rv__leave(g);
    if (n == RV__KEYS) return -EAGAIN;
    key->index = n;
    return 0;
}
void *rv_get(rv_key key)
{
    const struct rv__g *const g = goroutine();
    if (!g || !g->extra || !g->extra->locals || key.index >= RV__KEYS) return NULL;
    return g->extra->locals[key.index];
}
void rv_set(rv_key key, void *value)
{
    struct rv__g *const g = enter_goroutine("rv_set");
    if (key.index >= base_load_relaxed(&keys)) rv__fatal("rv_set with a key that rv_key_create did not make");
    struct rv__extra *const e = extra_of(g);
    if (!e->locals && value) e->locals = take(RV__KEYS * sizeof *e->locals, "local values for a goroutine");
    if (e->locals) e->locals[key.index] = value;
    rv__leave(g);
}

// ---- the end of a goroutine --------------------------------------------------------------------------------------------

// Each is taken out before it runs: it may defer others, and end the goroutine again by rv_goexit.
static void run_deferred(struct rv__extra *e)
{
    for (struct rv__deferred *d; (d = e->deferred) != NULL;) {
        const struct rv__deferred now = *d;
        struct rv__g *const g = rv__enter();
        e->deferred = d->next;
        rv__small_put(rv__small_here(), d, sizeof *d);
        rv__leave(g);
        now.fn(now.arg);
    }
}
static bool destroy_locals(struct rv__extra *e)
{
    bool any = false;
    const uint32_t n = base_load_acquire(&keys); // acquire: their destructors
    for (uint32_t i = 0; e->locals && i < n; i++) {
        void *const value = e->locals[i];
        if (!value) continue;
        e->locals[i] = NULL;
        if (!destructors[i]) continue;
        destructors[i](value);
        any = true;
    }
    return any;
}
void rv__extra_finish(struct rv__g *g)
{
    struct rv__extra *const e = g->extra;
    while (e->blocks) rv_block_end(e->blocks); // rv_goexit: their frames are still there, above us
    run_deferred(e);
    for (int i = 0; i < ROUNDS && destroy_locals(e); i++) run_deferred(e); // destructors may have deferred
    rv__enter();
    g->extra = NULL;
    if (e->locals) rv__small_put(rv__small_here(), e->locals, RV__KEYS * sizeof *e->locals);
    rv__small_put(rv__small_here(), e, sizeof *e);
    rv__leave(g);
}
