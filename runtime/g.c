// g.c: goroutines are made and freed. A G is never given back to the system: a dump or a debugger may look at any of them at any time.
// Free ones wait on their P's list, the last one first because it is in the cache; what is too many goes to a common list.
#include "runtime/sched.h"

#include <errno.h>

#include "base/arena.h"

struct rv__g_block *rv__g_blocks;

static struct rv__g *free_locked(struct rv__p *p)
{
    struct rv__g *g = rv__glist_pop(&rv__sched.free);
    for (uint32_t i = 0; p && i < RV__G_CACHED / 2 && rv__sched.free.head; i++)
        rv__glist_push(&p->free, rv__glist_pop(&rv__sched.free));
    return g;
}
COLD static struct rv__g *more_gs(struct rv__p *p)
{
    rv__lock(&rv__sched.lock);
    struct rv__g *g = free_locked(p);
    rv__unlock(&rv__sched.lock);
    if (g) return g;
    struct rv__g_block *b = base_arena_alloc(sizeof *b);
    struct rv__glist l = {0};
    for (int i = 1; i < RV__G_BLOCK; i++) rv__glist_push(p ? &p->free : &l, &b->gs[i]);
    b->n = RV__G_BLOCK;
    rv__lock(&rv__sched.lock);
    while (l.head) rv__glist_push(&rv__sched.free, rv__glist_pop(&l));
    b->next = rv__g_blocks;
    base_store_release(&rv__g_blocks, b); // release: a dump that runs without the lock sees it whole
    rv__unlock(&rv__sched.lock);
    return &b->gs[0];
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
// Inside a section. NULL only for a stack of a size of its own that there is no memory for.
struct rv__g *rv__g_make(struct rv__g *creator, struct rv__p *p, rv_fn *fn, void *arg, size_t stack_size, uintptr_t pc)
{
    struct rv__g *g = p ? rv__glist_pop(&p->free) : NULL;
    if (unlikely(!g)) g = more_gs(p);
    g->stack = (struct rv__stack){0};
    if (unlikely(stack_size) && !rv__stack_get(p ? &p->stacks : NULL, stack_size, &g->stack)) {
        rv__g_free(p, g);
        return NULL;
    }
    g->fn = fn;
    g->arg = arg;
    g->context.pc = 0;
    g->id = likely(p && p->id_next != p->id_end) ? p->id_next++ : more_ids(p);
    g->parent = creator ? creator->id : 0;
    g->go_pc = pc;
    g->saved_errno = 0;
    g->fpu = 0;
    g->dropped = 0;
    g->lock_depth = 0;
    if (unlikely(creator && creator->extra)) rv__extra_inherit(creator, g);
    if (p)
        base_store_relaxed(&p->created, p->created + 1);
    else
        base_add_relaxed(&rv__sched.created, 1);
    base_store_release(&g->state, RV__RUNNABLE); // release: a dump that sees it runnable sees who it is
    return g;
}
void rv__g_free(struct rv__p *p, struct rv__g *g)
{
    g->m = NULL;
    g->locked = NULL;
    base_store_relaxed(&g->on_cpu, 0u);
    if (p && p->free.n < RV__G_CACHED) { // last in, first out: it is in the cache
        g->next = p->free.head;
        p->free.head = g;
        if (!p->free.tail) p->free.tail = g;
        p->free.n++;
        return;
    }
    rv__lock(&rv__sched.lock);
    rv__glist_push(&rv__sched.free, g);
    for (uint32_t i = 0; p && i < RV__G_CACHED / 2; i++) rv__glist_push(&rv__sched.free, rv__glist_pop(&p->free));
    rv__unlock(&rv__sched.lock);
}
rv_gid rv_go(rv_fn *fn, void *arg)
{
    if (unlikely(!fn)) rv__fatal("go of nil func value");
    struct rv__g *me = rv__enter();
    struct rv__p *p = rv__p_of(rv__m());
    struct rv__g *g = rv__g_make(me, p, fn, arg, 0, (uintptr_t)__builtin_return_address(0));
    const rv_gid id = g->id;
    rv__g_launch(p, g);
    rv__leave(me);
    return id;
}
int rv_try_go(rv_fn *fn, void *arg, const rv_go_options *o, rv_gid *out)
{
    const size_t stack = o ? o->stack_size : 0;
    if (!fn || stack > (size_t)1 << 30) return -EINVAL;
    struct rv__g *me = rv__enter();
    struct rv__p *p = rv__p_of(rv__m());
    struct rv__g *g = rv__g_make(me, p, fn, arg, stack, (uintptr_t)__builtin_return_address(0));
    if (g) {
        if (o && (o->name || o->labels)) rv__extra_set(g, o->name, o->labels);
        if (out) *out = g->id;
        rv__g_launch(p, g);
    }
    rv__leave(me);
    return g ? 0 : -ENOMEM;
}
