// g.c: goroutines are made and freed. A G is never given back to the system: a dump or a debugger may look at any of them at any time.
// Free ones wait with their P, the last one on top because it is in the cache.
#include "runtime/sched.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "runtime/feed.h"

struct rv__g_block *rv__g_blocks;
enum { FIRST = 16 * sizeof(struct rv__g_block), HUGE = 2 << 20 };

// ---- free ones: a P has two bundles, and exchanges whole ones with the common list, without a look at what is in them ------

static inline void push(struct rv__bundle *b, struct rv__g *g)
{
    g->next = b->head;
    b->head = g;
    b->n++;
}
static inline struct rv__g *pop(struct rv__bundle *b)
{
    struct rv__g *g = b->head;
    if (!g) return NULL;
    b->head = g->next;
    b->n--;
    return g;
}
static void give_locked(struct rv__bundle *b)
{
    if (!b->head) return;
    b->head->bundle_n = b->n;
    b->head->bundle_next = rv__sched.free;
    rv__sched.free = b->head;
    *b = (struct rv__bundle){0};
}
void rv__g_give(struct rv__p *p)
{
    rv__lock(&rv__sched.lock);
    give_locked(&p->free);
    give_locked(&p->spare);
    rv__unlock(&rv__sched.lock);
}
// Blocks come from regions of 2 MiB: a huge page each where there are some, a tenth of the time of as many small ones' faults. The
// first Gs do without.
static struct rv__g_block *new_block(void)
{
    static struct rv__lock lock;
    static char *at, *end; // guarded by lock
    rv__lock(&lock);
    if (!rv__g_blocks || (size_t)(end - at) < sizeof(struct rv__g_block) + 63) {
        const bool first = !rv__g_blocks;
        char *region = first ? base_arena_alloc(FIRST) : sys_reserve(2 * HUGE);
        if (!region) rv__fatal("out of memory: no room for another goroutine");
        at = first ? region : (char *)(((uintptr_t)region + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
        end = at + (first ? (size_t)FIRST : HUGE);
        if (!first) sys_call3(SYS_madvise, at, HUGE, MADV_HUGEPAGE);
    }
    struct rv__g_block *b = (void *)(((uintptr_t)at + 63) & ~(uintptr_t)63);
    at = (char *)(b + 1);
    rv__unlock(&lock);
    return b;
}
static void make_block(struct rv__bundle *to)
{
    struct rv__g_block *b = new_block();
    for (int i = RV__G_BLOCK - 1; i >= 0; i--) push(to, &b->gs[i]);
    b->n = RV__G_BLOCK;
    rv__lock(&rv__sched.lock);
    b->next = rv__g_blocks;
    base_store_release(&rv__g_blocks, b); // release: a dump that runs without the lock sees it whole
    rv__unlock(&rv__sched.lock);
}
COLD static void take_bundle(struct rv__bundle *to)
{
    rv__lock(&rv__sched.lock);
    struct rv__g *first = rv__sched.free;
    if (first) {
        rv__sched.free = first->bundle_next;
        *to = (struct rv__bundle){.head = first, .n = first->bundle_n};
    }
    rv__unlock(&rv__sched.lock);
    if (!first) make_block(to);
}
static struct rv__g *get_free(struct rv__p *p)
{
    struct rv__bundle one = {0}, *b = p ? &p->free : &one;
    struct rv__g *g = pop(b);
    if (likely(g != NULL)) return g;
    if (p && p->spare.head) {
        p->free = p->spare;
        p->spare = (struct rv__bundle){0};
    } else {
        take_bundle(b);
    }
    g = pop(b);
    if (!p) {
        rv__lock(&rv__sched.lock);
        give_locked(&one);
        rv__unlock(&rv__sched.lock);
    }
    return g;
}
void rv__g_free(struct rv__p *p, struct rv__g *g)
{
    g->m = NULL;
    g->locked = NULL;
    base_store_relaxed(&g->on_cpu, 0u);
    struct rv__bundle one = {0}, *b = p ? &p->free : &one;
    push(b, g);
    if (likely(p && b->n < RV__G_BLOCK)) return;
    rv__lock(&rv__sched.lock);
    give_locked(p ? &p->spare : &one);
    rv__unlock(&rv__sched.lock);
    if (!p) return;
    p->spare = p->free;
    p->free = (struct rv__bundle){0};
}

static rv_gid more_ids(struct rv__p *p)
{
    rv__lock(&rv__sched.lock);
    const rv_gid id = rv__sched.next_id + 1;
    rv__sched.next_id += p ? RV__ID_BATCH : 1;
    rv__unlock(&rv__sched.lock);
    if (p) p->id_next = id + 1, p->id_end = id + RV__ID_BATCH;
    return id;
}
rv_gid rv__g_id(struct rv__p *p) { return likely(p && p->id_next != p->id_end) ? p->id_next++ : more_ids(p); }
// Inside a section. NULL only for a stack of a size of its own that there is no memory for.
struct rv__g *rv__g_make(struct rv__g *creator, struct rv__p *p, rv_fn *fn, void *arg, size_t stack_size, uintptr_t pc)
{
    struct rv__g *g = get_free(p);
    g->stack = (struct rv__stack){0};
    if (unlikely(stack_size) && !rv__stack_get(p ? &p->stacks : NULL, stack_size, &g->stack)) {
        rv__g_free(p, g);
        return NULL;
    }
    g->fn = fn;
    g->arg = arg;
    g->context.pc = 0;
    g->id = rv__g_id(p);
    g->parent = creator ? creator->id : 0;
    g->go_pc = pc;
    g->saved_errno = 0;
    g->fpu = 0;
    g->dropped = g->leak_ignored = 0;
    g->strand = rv__feed_create(pc, g->id);
    g->lock_depth = g->pins = 0;
    g->masked = false;
    if (unlikely(creator && creator->extra)) rv__extra_inherit(creator, g);
    if (p)
        base_store_relaxed(&p->created, p->created + 1);
    else
        base_add_relaxed(&rv__sched.created, 1);
    base_store_release(&g->state, RV__RUNNABLE); // release: a dump that sees it runnable sees who it is
    return g;
}
rv_gid rv_go(rv_fn *fn, void *arg)
{
    if (unlikely(!fn)) rv__fatal("go of nil func value");
    struct rv__m *m = rv__begin();
    struct rv__p *p = rv__p_of(m);
    struct rv__g *g = rv__g_make(m->g, p, fn, arg, 0, RV__CALLER);
    const rv_gid id = g->id;
    rv__g_launch(p, g);
    rv__end();
    return id;
}
int rv_try_go(rv_fn *fn, void *arg, const rv_go_options *o, rv_gid *out)
{
    const size_t stack = o ? o->stack_size : 0;
    if (!fn || stack > (size_t)1 << 30) return -EINVAL;
    struct rv__g *me = rv__enter();
    struct rv__p *p = rv__p_of(rv__m());
    struct rv__g *g = rv__g_make(me, p, fn, arg, stack, RV__CALLER);
    if (g) {
        if (o && (o->name || o->labels)) rv__extra_set(g, o->name, o->labels);
        if (unlikely(rv__feed != NULL) && o && o->name) rv__feed->name(g->strand, o->name);
        if (out) *out = g->id;
        rv__g_launch(p, g);
    }
    rv__leave(me);
    return g ? 0 : -ENOMEM;
}
