// proc.c: which goroutine runs next on a P: picking, parking, waking. An M that has nothing to pick looks for work in find.c.
// sched.h has the rules that both keep.
//
// A goroutine that parks goes straight to the next one in its P's queue, without the scheduler's stack (g0) between: one switch.
// g0 is for what takes longer: an empty queue, a look at the global queue (every 61st time), a goroutine that is locked to
// another M or whose context is still being saved.
#include "runtime/proc.h"

#include "runtime/netpoll.h"

enum {
    WAKE_NEXT_CYCLES = 250000,    // about 100 us
    WAKE_NEXT_MOST = 256 * 250000 // about 25 ms
};

RV__START_ASM

struct rv__sched rv__sched;
__thread struct rv__m *rv__m_tls __attribute__((tls_model("initial-exec")));

static uint64_t cycles(void) { return __builtin_ia32_rdtsc(); }

// ---- waking ----------------------------------------------------------------------------------------------------------

void rv__wake_one(void)
{
    if (base_load_relaxed(&rv__sched.spinning) != 0 || base_load_relaxed(&rv__sched.idle_ps) == 0) return;
    uint32_t none = 0;
    // acq_rel: one waker at a time; the M that is woken is born spinning, so the count is its own already
    if (!base_cas_acq_rel(&rv__sched.spinning, &none, 1u)) return;
    if (!rv__m_start()) base_sub_acq_rel(&rv__sched.spinning, 1u);
}
// There is more in p's queue than its M will run at once.
void rv__wake_for_ring(struct rv__p *p)
{
    if (base_load_relaxed(&rv__sched.spinning) != 0) {
        if (base_load_relaxed(&rv__sched.hint) == 0)
            base_store_release(&rv__sched.hint, p->index + 1); // release: the queue
        return;
    }
    rv__wake_one();
}
// There is something in `next`. Mostly the running goroutine parks soon, and it is run here; a wake-up costs more than many of
// those. So one is spent on it every 100 us at most, and half as often each time that the M that woke found nothing.
static uint64_t next_pause = WAKE_NEXT_CYCLES; // atomic
static void wake_for_next(struct rv__p *p)
{
    if (base_load_relaxed(&rv__sched.spinning) != 0) return; // it looks here every LOOK_NS
    const uint64_t now = cycles();
    if (now - p->woke_at < base_load_relaxed(&next_pause)) return; // relaxed: a guess
    p->woke_at = now;
    rv__wake_one();
}
void rv__wake_learn(bool found)
{
    const uint64_t was = base_load_relaxed(&next_pause), twice = was < WAKE_NEXT_MOST ? 2 * was : was;
    const uint64_t next = found ? WAKE_NEXT_CYCLES : twice;
    if (next != was) base_store_relaxed(&next_pause, next);
}
// p's ring, or its stack (fresh), is full: the older half of it goes to the global queue, and g with it.
COLD static void spill(struct rv__p *p, struct rv__g *g, bool fresh)
{
    struct rv__chunk *c = rv__small_get(&p->small, sizeof *c);
    if (!c) rv__fatal("out of memory: no room for a run queue");
    c->next = NULL;
    c->at = 0;
    c->n = (fresh ? rv__runq_spill_fresh : rv__runq_spill)(&p->runq, c->gs, RV__CHUNK - 1);
    c->gs[c->n++] = g;
    rv__global_put_chunk(c, fresh);
}
static inline void put_last(struct rv__p *p, struct rv__g *g)
{
    if (unlikely(!rv__runq_put(&p->runq, g))) spill(p, g, false);
}
void rv__put_by_age(struct rv__p *p, struct rv__g *g)
{
    if (g->context.pc != 0)
        put_last(p, g);
    else if (unlikely(!rv__runq_push(&p->runq, g)))
        spill(p, g, true);
}
static inline void put_first(struct rv__p *p, struct rv__g *g)
{
    struct rv__g *was = rv__runq_put_next(&p->runq, g);
    if (was) rv__put_by_age(p, was);
    if (likely(base_load_relaxed(&rv__sched.idle_ps) == 0)) return; // relaxed: sched.h, lost wake-ups
    if (was || rv__runq_length(&p->runq))
        rv__wake_for_ring(p);
    else
        wake_for_next(p);
}
COLD static void ready_elsewhere(struct rv__g *g)
{
    if (g->kind == RV__THREAD) {
        base_store_release(&g->futex, 1u); // release: what the waker did; pairs with the acquire in park_thread
        sys_futex_wake(&g->futex, 1);
        return;
    }
    rv__urgent_put(g);
    rv__wake_one();
}
void rv__ready(struct rv__g *g)
{
    struct rv__p *p = rv__p_of(rv__m());
    base_store_relaxed(&g->state, RV__RUNNABLE); // relaxed: ours alone until it is queued
    if (unlikely(!p || g->kind == RV__THREAD)) {
        ready_elsewhere(g);
        return;
    }
    put_first(p, g);
}
// A timer's fire makes g ready: behind the others, since many come at once. Whoever ran the timers sees to it that somebody is woken.
void rv__ready_fired(struct rv__g *g)
{
    struct rv__p *p = rv__p_of(rv__m());
    if (unlikely(!p)) {
        rv__ready(g);
        return;
    }
    base_store_relaxed(&g->state, RV__RUNNABLE); // relaxed: as in rv__ready
    put_last(p, g);
}
// All of l at the end of p's ring, or of the global queue. Wakes nobody but plain threads.
void rv__queue_list(struct rv__p *p, struct rv__glist *l)
{
    struct rv__glist far = {0};
    for (struct rv__g *g; (g = rv__glist_pop(l)) != NULL;) {
        base_store_relaxed(&g->state, RV__RUNNABLE);
        if (g->kind == RV__THREAD)
            ready_elsewhere(g);
        else if (!p || !rv__runq_put(&p->runq, g))
            rv__glist_push(&far, g);
    }
    rv__global_put_list(&far);
}
void rv__ready_list(struct rv__glist *l)
{
    struct rv__p *p = rv__p_of(rv__m());
    if (!l->head) return;
    rv__queue_list(p, l);
    if (base_load_relaxed(&rv__sched.idle_ps) == 0) return; // relaxed: sched.h, lost wake-ups
    if (p)
        rv__wake_for_ring(p);
    else
        rv__wake_one();
}
struct rv__p *rv__p(void) { return rv__p_of(rv__m()); }
struct rv__small_cache *rv__small_here(void)
{
    struct rv__p *p = rv__p();
    return p ? &p->small : NULL;
}

void rv__wake_timers(int64_t when)
{
    // The other side: poll_until = ..., membarrier, look at all heaps.
    if (base_load_relaxed(&rv__sched.poller) && when < base_load_relaxed(&rv__sched.poll_until)) rv__netpoll_break();
}

// ---- from one goroutine to the next ----------------------------------------------------------------------------------

COLD void rv__first_stack(struct rv__p *p, struct rv__g *g)
{
    if (!rv__stack_get(&p->stacks, 0, &g->stack)) rv__fatal("out of memory: no stack for goroutine %lu", g->id);
}
// Who can run at once after `me` in its P; NULL: g0 shall see.
static inline struct rv__g *pick(struct rv__m *m, struct rv__p *p, const struct rv__g *me)
{
    if (unlikely(p->tick % RV__GLOBAL_EVERY == 0 || base_load_relaxed(&m->preempt) || me->locked || m->main)) {
        base_store_relaxed(&p->tick, p->tick + 1);
        return NULL;
    }
    struct rv__g *g = rv__runq_get_begun(&p->runq);
    if (unlikely(!g)) {
        if (base_load_relaxed(&rv__sched.begun_n)) return NULL; // relaxed: a hint: they come first
        g = rv__runq_pop(&p->runq);
    }
    if (unlikely(!g || g == me)) return g;
    if (likely(!g->locked && rv__may_run(g))) return g;
    m->picked = g;
    return NULL;
}
// Leaves g for next, or for g0 (NULL), and comes back when g is brought.
ALWAYS_INLINE void leave_for(struct rv__m *m, struct rv__g *g, struct rv__g *next)
{
    g->saved_errno = *m->errno_at;
    g->fpu = rv__fpu_read();
    if (unlikely(g->fpu)) rv__fpu_write(0);
    m->left = &g->on_cpu;
    if (likely(next != NULL)) {
        rv__bring(m, rv__p_of(m), next);
        rv__fiber_leave(&g->fiber, &next->fiber);
        rv__switch(&g->context, &next->context);
    } else {
        rv__feed_carry(NULL);
        base_store_relaxed(&m->g, NULL);
        rv__fiber_leave(&g->fiber, &m->fiber);
        rv__switch(&g->context, &m->g0);
    }
    rv__fiber_arrive(&g->fiber);
    m = rv__m();
    rv__arrive(m);
    *m->errno_at = g->saved_errno;
    if (unlikely(g->fpu)) rv__fpu_write(g->fpu);
}
void rv__run_next(struct rv__m *m, struct rv__g *g)
{
    struct rv__p *p = rv__p_of(m);
    struct rv__g *next = pick(m, p, g);
    if (likely(next != g)) {
        leave_for(m, g, next);
        return;
    }
    base_store_relaxed(&g->state, RV__RUNNING); // it was woken, or is the only one, before it had left
    base_store_relaxed(&p->tick, p->tick + 1);
}
void rv__to_g0(struct rv__m *m, struct rv__g *g) { leave_for(m, g, NULL); }
_Noreturn void rv__drop(struct rv__m *m)
{
    m->end = true;
    base_store_relaxed(&m->p, NULL); // its P is forgotten with all others, and may be the next run's by now
    rv__feed_finish(m->g);
    m->left = &m->nowhere;
    base_store_relaxed(&m->g, NULL);
    rv__fiber_end(&m->fiber);
    rv__switch_away(&m->g0);
}
static void park_thread(struct rv__g *g)
{
    base_add_relaxed(&rv__sched.foreign_parked, 1u); // relaxed: for sysmon
    if (unlikely(rv__maybe_dead())) rv__monitor_wake();
    // acquire: pairs with the release in ready_elsewhere
    while (base_load_acquire(&g->futex) == 0) sys_futex_wait(&g->futex, 0);
    base_add_relaxed(&rv__sched.foreign_parked, -1u);
    base_store_relaxed(&g->futex, 0u); // relaxed: ours again
    base_store_relaxed(&g->state, RV__RUNNING);
}
void rv__park(struct rv__g *g)
{
    if (unlikely(g->kind == RV__THREAD))
        park_thread(g);
    else
        rv__run_next(rv__m(), g);
    g->object = NULL;
    base_store_relaxed(&g->since, 0); // relaxed: a figure for people
}
void rv_gosched(void)
{
    struct rv__m *m = rv__begin();
    struct rv__g *g = m->g;
    struct rv__p *p = rv__p_of(m);
    if (unlikely(g->kind == RV__THREAD)) {
        rv__end();
        sys_yield();
        return;
    }
    base_store_relaxed(&g->state, RV__RUNNABLE);
    if (unlikely(base_load_relaxed(&rv__sched.global_n) && rv__runq_empty(&p->runq)))
        rv__global_put(g); // nobody here: those there are not to wait for 61 of its turns
    else
        put_last(p, g);
    if (!rv__runq_next(&p->runq)) { // who yields may wait for one that has not begun
        struct rv__g *fresh = rv__runq_pop(&p->runq);
        if (fresh) put_first(p, fresh);
    }
    rv__run_next(m, g);
    rv__end();
}

// ---- a goroutine's first and last steps ------------------------------------------------------------------------------

void rv__g_launch(struct rv__p *p, struct rv__g *g)
{
    if (likely(p != NULL)) {
        put_first(p, g);
        return;
    }
    rv__urgent_put(g);
    rv__wake_one();
}
// The first C function on a goroutine's stack: rv__start called it, inside the section of whoever switched here.
__attribute__((used)) _Noreturn void rv__main(void)
{
    struct rv__m *m = rv__m();
    struct rv__g *g = m->g;
    rv__fiber_arrive(&g->fiber);
    rv__arrive(m);
    if (unlikely(rv__feed != NULL)) rv__feed->start(g->strand, g->stack.lo, g->stack.hi);
    rv__end();
    g->fn(g->arg);
    rv__goexit0();
}
// Ends the running goroutine, outside a section. Its stack and its G may be somebody else's as soon as it has been left: nobody waits
// for on_cpu, since nothing is saved, and on this P nobody else takes either before the jump. (A full cache gives away
// its oldest half.)
_Noreturn void rv__goexit0(void)
{
    struct rv__g *g = rv__m()->g;
    if (unlikely(g->extra != NULL)) rv__extra_finish(g);
    struct rv__m *m = rv__begin();
    struct rv__p *p = rv__p_of(m);
    if (unlikely(rv__fpu_read())) rv__fpu_write(0);
    rv__feed_finish(g);
    m->left = &m->nowhere;
    base_store_relaxed(&g->state, RV__FREE);
    base_store_release(&p->ended, p->ended + 1); // release: its creation, to who counts
    if (unlikely(base_load_relaxed(&rv__sched.main_waits) != NULL)) rv__main_check(); // relaxed: run.c has the fence
    struct rv__g *next = pick(m, p, g);
    if (unlikely(g->locked != NULL)) m->end = true; // it was locked to the thread, which ends with it
    rv__stack_put(&p->stacks, &g->stack);
    rv__g_free(p, g);
    if (likely(next != NULL)) {
        rv__bring(m, p, next);
        rv__fiber_end(&next->fiber);
        rv__switch_away(&next->context);
    }
    base_store_relaxed(&m->g, NULL);
    rv__fiber_end(&m->fiber);
    rv__switch_away(&m->g0);
}
