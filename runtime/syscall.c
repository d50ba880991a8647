// syscall.c: the edges of sections, and goroutines that are in the kernel.
//
// rv_syscall_enter leaves the P with the M, marked SYSCALL; rv_syscall_exit takes it back by one compare-and-swap. Meanwhile
// sysmon, or anybody, may take it by the same, and hand it on: whoever changes the status has the P. The mark carries
// the M, so that one whose P has been in a system call again, in another M, is not deceived.
//
// A goroutine that sleeps in the kernel without having told keeps its P until sysmon takes it: it sets attention to
// TAKING and calls membarrier. If the M is outside of sections then, each later one begins with seeing TAKING, and the P is sysmon's.
#include "runtime/sched.h"

#include "runtime/feed.h"
#include "runtime/seeded.h"

struct rv__g *rv__enter(void) { return rv__begin()->g; }
void rv__leave(struct rv__g *g)
{
    (void)g;
    rv__end();
}
// On g's own stack, in its own thread: g is queued as one that runs in this M only, and whoever picks it passes its P on.
void rv__wait_in_place(struct rv__m *m, struct rv__g *g)
{
    struct rv__p *p = rv__p_idle_get();
    if (!p) {
        g->locked = m;
        base_store_relaxed(&g->state, RV__PREEMPTED);
        rv__urgent_put(g);
        rv__wake_one();
        rv__m_park(m);
        p = m->next_p;
        m->next_p = NULL;
        g->locked = m->locked ? m : NULL;
        base_store_relaxed(&g->state, RV__RUNNING);
    }
    if (!p) rv__drop(m); // rv_run is over
    rv__p_acquire(m, p);
}
void rv__attend(struct rv__m *m)
{
    uint32_t a;
    // acquire: pairs with the release in rv__retake_sleeper
    while ((a = base_load_acquire(&m->attention)) == RV__TAKING) base_pause();
    if (a == RV__DROPPED) rv__drop(m);
    if (a == RV__FORKED) rv__fatal("in a child of fork only exec and _exit may follow");
    if (a == RV__IN_KERNEL) rv__fatal("rv_syscall_enter without rv_syscall_exit: no other call may come between");
    if (a != RV__TAKEN) return;
    base_store_relaxed(&m->attention, RV__CALM);
    rv__wait_in_place(m, m->g);
}

// ---- system calls ----------------------------------------------------------------------------------------------------

static uintptr_t mark(struct rv__m *m) { return (uintptr_t)m | RV__P_SYSCALL; }

// sysmon has made room for those that wait, and this M may be long in the kernel. Who comes after the last of them is the
// goroutine that had to make room.
COLD static void serve(struct rv__p *p)
{
    if (base_load_relaxed(&rv__sched.urgent.n) == 0) base_store_relaxed(&rv__sched.serve, 0u); // relaxed: hints, both
    if (base_load_relaxed(&rv__sched.global_n)) rv__retake(p);
}
void rv_syscall_enter(void)
{
    struct rv__g *g = rv__enter();
    struct rv__m *m = rv__m();
    struct rv__p *p = rv__p_of(m);
    if (likely(p != NULL)) {
        base_store_relaxed(&g->state, RV__SYSCALL);
        base_store_relaxed(&m->attention, RV__IN_KERNEL);
        base_store_relaxed(&p->calls, p->calls + 1);
        base_store_release(&p->status, mark(m)); // release: all that m did with the P
    }
    if (unlikely(base_load_relaxed(&rv__sched.serve)) && p) serve(p); // relaxed: a hint
    rv__section_end(m);
}
// No P is left for g.
COLD static void wait_for_turn(struct rv__m *m, struct rv__g *g, bool stays)
{
    if (stays || m->locked) {
        rv__wait_in_place(m, g);
        return;
    }
    struct rv__p *p = rv__p_idle_get();
    if (p) {
        rv__p_acquire(m, p);
        return;
    }
    base_store_relaxed(&g->state, RV__RUNNABLE);
    rv__urgent_put(g);
    rv__wake_one();
    rv__to_g0(m, g);
}
static inline void kernel_exit(bool stays)
{
    struct rv__m *m = rv__m();
    if (!m || m->g->kind == RV__THREAD) return;
    struct rv__g *g = m->g;
    rv__section_begin(m);
    uint32_t in_kernel = RV__IN_KERNEL;
    // acquire: pairs with the release in rv_run's end
    if (unlikely(!base_cas_acquire(&m->attention, &in_kernel, (uint32_t)RV__CALM))) rv__attend(m);
    struct rv__p *p = rv__p_of(m);
    uintptr_t seen = mark(m);
    // acquire: pairs with the release of whoever had it in between, if somebody had
    if (unlikely(!p || !base_cas_acquire(&p->status, &seen, (uintptr_t)RV__P_RUNNING))) {
        base_store_relaxed(&m->p, NULL);
        wait_for_turn(m, g, stays);
    }
    base_store_relaxed(&g->state, RV__RUNNING);
    rv__leave(g);
}
void rv_syscall_exit(void) { kernel_exit(false); }
bool rv__retake(struct rv__p *p)
{
    uintptr_t seen = base_load_relaxed(&p->status);
    if ((seen & RV__P_STATUS) != RV__P_SYSCALL) return false;
    // acq_rel: what the M did with the P before its call; and ours, for whom it is handed to
    if (!base_cas_acq_rel(&p->status, &seen, (uintptr_t)RV__P_IDLE)) return false;
    if (unlikely(rv__seeded_on())) rv__seeded_overtaken(base_load_relaxed(&p->m), "has been in a system call for 1 s");
    base_store_release(&p->runq.owner_seq, NULL);
    base_store_relaxed(&p->m, NULL);
    rv__p_hand_off(p);
    return true;
}
// The call will sleep: who waits need not wait for sysmon.
static void hand_on(struct rv__m *m, struct rv__p *p)
{
    if (!p || unlikely(rv__seeded_on()) || !rv__anything_to_do()) return;
    rv__section_begin(m);
    rv__retake(p);
    rv__section_end(m);
}
int rv_blocking(rv_fn *fn, void *arg)
{
    struct rv__m *m = rv__m();
    struct rv__p *p = m ? rv__p_of(m) : NULL;
    rv_syscall_enter();
    hand_on(m, p);
    fn(arg);
    rv_syscall_exit();
    return 0;
}
// A call of libc's. Where no right to run could be had or kept (rv_run is over, this is the child of a fork, the
// program itself has called rv_syscall_enter), it is just made.
bool rv__blocking_begin(bool surely)
{
    struct rv__m *m = rv__m();
    if (!m || !m->g || m->g->kind != RV__GOROUTINE) return false;
    const uint32_t a = base_load_relaxed(&m->attention); // relaxed: what matters here is this thread's own, or a hint
    if (a != RV__CALM && a != RV__TAKING && a != RV__TAKEN) return false;
    struct rv__p *p = rv__p_of(m);
    rv_syscall_enter();
    if (surely) hand_on(m, p);
    return true;
}
// The program has not asked for anything here, and may keep the address of a thread-local variable across the call.
void rv__blocking_end(void) { kernel_exit(true); }
