// procs.c: how many Ps there are (GOMAXPROCS), at any time and without stopping anybody.
//
// Those from number `procs` on are surplus. One that is idle retires when procs is lowered; one that is held, when its holder next
// looks for work, or hands it on, or wants to put it on the list of idle Ps. So that list never holds a surplus one: sysmon sleeps
// when it is as long as procs, and a goroutine that runs on meanwhile would never be preempted. Whoever has a P alone
// decides under sched.lock whether it retires, and that it has: procs may have been raised since it looked, and then it
// is put on the list after all, or it would be missing until procs is next changed.
#include "base/arena.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"

static struct rv__p *make_p(uint32_t index)
{
    struct rv__p *p = (struct rv__p *)(((uintptr_t)base_arena_alloc(sizeof *p + 64) + 63) & ~(uintptr_t)63);
    p->index = index;
    rv__runq_init(&p->runq);
    rv__timers_init(&p->timers);
    base_store_relaxed(&p->status, (uintptr_t)RV__P_RETIRED);
    return p;
}
static bool surplus(const struct rv__p *p) { return (int)p->index >= base_load_relaxed(&rv__sched.procs); }

// All that p has, to others. The caller, in a section, has p alone, but thieves take part: to them it is the owner.
static void empty(struct rv__p *p)
{
    struct rv__glist l = {0};
    base_store_release(&p->runq.owner_seq, &rv__m()->seq); // release: as in rv__p_acquire
    for (struct rv__g *g; (g = rv__runq_get(&p->runq)) != NULL;) rv__glist_push(&l, g);
    rv__global_put_list(&l);
    rv__timers_move(&p->timers, &rv__sched.ps[0]->timers);
    for (; p->stacks.n; p->stacks.n--) {
        const uintptr_t lo = p->stacks.lo[p->stacks.n - 1];
        rv__stack_put_slow(NULL, &(struct rv__stack){lo, lo + rv__stack_slot_usable()});
    }
    rv__small_flush(&p->small);
    rv__g_give(p);
    base_store_release(&p->runq.owner_seq, NULL); // release: as in rv__p_release
}
void rv__p_retire(struct rv__p *p)
{
    empty(p);
    rv__lock(&rv__sched.lock);
    if (surplus(p))
        base_store_relaxed(&p->status, (uintptr_t)RV__P_RETIRED); // relaxed: under the lock, as who reads it
    else
        rv__p_idle_put_locked(p);
    rv__unlock(&rv__sched.lock);
    sys_membarrier(); // sched.h, lost wake-ups: p may be idle now
    if (rv__anything_to_do()) rv__wake_one();
}
void rv__p_idle_put(struct rv__p *p)
{
    rv__lock(&rv__sched.lock);
    const bool retires = surplus(p);
    if (!retires) rv__p_idle_put_locked(p);
    rv__unlock(&rv__sched.lock);
    if (retires) rv__p_retire(p);
}
// Out of the list of idle ones; linked by idle_next.
static struct rv__p *take_surplus_locked(void)
{
    struct rv__p *taken = NULL;
    for (struct rv__p **at = &rv__sched.idle_p; *at;) {
        struct rv__p *p = *at;
        if (!surplus(p)) {
            at = &p->idle_next;
            continue;
        }
        *at = p->idle_next;
        base_store_relaxed(&rv__sched.idle_ps, rv__sched.idle_ps - 1); // relaxed: as in rv__p_idle_get
        p->idle_next = taken;
        taken = p;
    }
    return taken;
}
static struct rv__p *set_locked(int n) // the idle ones that are to retire
{
    const uint32_t had = rv__sched.n_ps;
    for (uint32_t i = had; i < (uint32_t)n; i++) rv__sched.ps[i] = make_p(i);
    if ((uint32_t)n > had) base_store_release(&rv__sched.n_ps, (uint32_t)n); // release: the Ps
    base_store_relaxed(&rv__sched.procs, n);
    for (int i = 0; i < n; i++)
        if (base_load_relaxed(&rv__sched.ps[i]->status) == RV__P_RETIRED) // relaxed: under the lock, as who retires it
            rv__p_idle_put_locked(rv__sched.ps[i]);
    return take_surplus_locked();
}
void rv__procs_set(int n)
{
    rv__lock(&rv__sched.lock);
    struct rv__p *p = set_locked(n);
    rv__unlock(&rv__sched.lock);
    for (struct rv__p *next; p; p = next) {
        next = p->idle_next;
        rv__p_retire(p);
    }
}
int rv_gomaxprocs(int n)
{
    if (n > RV__MAX_P) n = RV__MAX_P;
    struct rv__g *g = rv__enter();
    const int was = base_load_relaxed(&rv__sched.procs); // relaxed: of two at once, either may be the first
    if (n >= 1 && likely(!rv__seeded_on()) && base_load_relaxed(&rv__sched.running)) rv__procs_set(n);
    if (n > was) rv__wake_one();
    rv__leave(g);
    return was;
}
