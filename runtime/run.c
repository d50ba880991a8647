// run.c: rv_run from its beginning to its end.
//
// The end. The main goroutine has returned: `stopping` is set, and each M is told (attention DROPPED, or a permit without
// a P). An M that runs a goroutine goes on until that next calls us; there its thread ends, and the goroutine is
// never seen again: it is not frozen in the middle of malloc, say. rv_run waits until no M is inside a section, and then
// forgets all queues; Ms that are still in the program's code hold nothing of ours.
#include "runtime/sched.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/env.h"
#include "base/flags.h"
#include "base/print.h"
#include "runtime/dump.h"
#include "runtime/fault.h"
#include "runtime/feed.h"
#include "runtime/leak.h"
#include "runtime/netpoll.h"
#include "runtime/pool.h"
#include "runtime/seeded.h"

enum { MAIN_STACK = 8 << 20, RUN_FRAME = 5 * sizeof(uintptr_t) }; // registers, pushed right below the frame pointer

const char *const rv__why_text[] = {
#define W(name, text) text,
    RV__WHYS(W)
#undef W
};
static struct main_call {
    rv_fn *fn;
    void *arg;
    struct rv__m *m;
    uintptr_t pc;    // of the call
    uintptr_t frame; // of rv_run: what lies above it is the caller's
} call;
uintptr_t rv__run_frame(void) { return call.frame; }

int64_t rv__real_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); // not by base/sys.h: the vDSO needs no system call
    return t.tv_sec * 1000000000 + t.tv_nsec;
}
// relaxed: as rv__seeded_now needs it
int64_t rv__now(void) { return unlikely(base_load_relaxed(&rv__seeded)) ? rv__seeded_now() : rv__real_now(); }
int64_t rv_now(void)
{
    if (unlikely(rv__seeded_on())) rv__seeded_look_at_clock();
    return rv__now();
}

int64_t rv_num_goroutine(void)
{
    const uint32_t n_ps = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps
    int64_t n = -base_load_relaxed(&rv__sched.ended);
    // All ends before any beginning: one that begins and ends meanwhile must not count as an end alone, or main would stop waiting.
    for (uint32_t i = 0; i < n_ps; i++)
        n -= base_load_acquire(&rv__sched.ps[i]->ended); // acquire: pairs with rv__goexit0
    n += base_load_relaxed(&rv__sched.created);
    for (uint32_t i = 0; i < n_ps; i++) n += base_load_relaxed(&rv__sched.ps[i]->created);
    return n;
}
rv_gid rv_goid(void)
{
    const struct rv__m *m = rv__m();
    return m && m->g ? m->g->id : 0;
}

// ---- the beginning ---------------------------------------------------------------------------------------------------

// The main goroutine. (Its name says to reports that it is ours.) It begins in the thread that called rv_run, and that thread runs nobody else: so it is free when main ends.
static void rv__main_goroutine(void *arg)
{
    (void)arg;
    call.fn(call.arg);
    rv__end_run();
}
// Main waits for all others: who ends as the last one but main wakes it.
static void wait_for_others(struct rv__g *g)
{
    rv__enter();
    rv__park_begin(g, RV__WHY_LEFTOVER, NULL);
    base_store_release(&rv__sched.main_waits, g); // release: from here on it may be made ready
    sys_membarrier(); // StoreLoad, for them too, who have no fence before they look (rv__goexit0): either the last one sees
                      // main_waits, or we that it has ended
    if (rv_num_goroutine() > 1 || base_exchange_acq_rel(&rv__sched.main_waits, NULL) == NULL)
        rv__park(g);
    else
        base_store_relaxed(&g->state, RV__RUNNING);
    rv__leave(g);
}
void rv__main_check(void)
{
    base_fence_seq_cst(); // StoreLoad: our end, before the count; see wait_for_others
    if (rv_num_goroutine() > 1) return;
    struct rv__g *g = base_exchange_acq_rel(&rv__sched.main_waits, NULL); // acq_rel: one of us wakes it
    if (g) rv__ready(g);
}
static void see_to_leftover(struct rv__g *g)
{
    const int64_t left = rv_num_goroutine() - 1;
    if (left == 0 || base_flags.leftover == BASE_LEFTOVER_IGNORE) return;
    if (base_flags.leftover == BASE_LEFTOVER_WAIT) {
        wait_for_others(g);
        return;
    }
    BASE_BUF(title, 100);
    base_putf(&title, "ravel: main has returned, and %ld goroutines are left:\n\n", left);
    rv__dump_others(title.p);
}
_Noreturn void rv__end_run(void)
{
    struct rv__g *g = rv__m()->g;
    if (unlikely(g->extra != NULL)) rv__extra_finish(g);
    see_to_leftover(g);
    if (base_flags.leak_check) rv__leak_at_end();
    rv__enter();
    struct rv__m *m = rv__m();
    rv__feed_put(RV__CALLER, &call);
    rv__feed_finish(g);
    base_store_release(&rv__sched.stopping, 1u); // release: what main did, before who sees it
    if (m != call.m) rv__m_unpark(call.m, NULL);
    rv__drop(m);
}
static bool start_helpers(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &rv__sched.mask); // the program's signals are for the program's threads
    sigdelset(&rv__sched.mask, SIGURG);                  // by which goroutines are preempted
    const bool maker = pthread_create(&rv__sched.maker, NULL, rv__m_maker, NULL) == 0;
    const bool monitor = maker && pthread_create(&rv__sched.monitor, NULL, rv__sysmon, rv__m_make()) == 0;
    pthread_sigmask(SIG_SETMASK, &rv__sched.mask, NULL);
    if (maker && !monitor) {
        base_store_relaxed(&rv__sched.stopping, 1u);
        rv__m_want();
        pthread_join(rv__sched.maker, NULL);
    }
    return monitor;
}
COLD static void in_child(void)
{
    struct rv__m *m = rv__m();
    if (!base_load_relaxed(&rv__sched.running)) return; // nothing of ours is in the middle of anything
    base_store_relaxed(&rv__sched.forked, 1u);
    if (m) base_store_relaxed(&m->attention, (uint32_t)RV__FORKED);
}
static void init_once(void)
{
    base_flags_parse(base_env("RAVEL_OPTIONS"), "RAVEL_OPTIONS");
    rv__seeded_init();
    rv__fault_init();
    rv__feed_init();
    pthread_atfork(NULL, NULL, in_child);
}
static int procs_wanted(void)
{
    if (rv__seeded_on()) return 1;
    const int n = base_flags.maxprocs > 0 ? base_flags.maxprocs : rv_num_cpu();
    return n < RV__MAX_P ? n : RV__MAX_P;
}
// True: this thread may run; one rv_run at a time.
static int begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (rv__m() && rv__m()->g && base_load_relaxed(&rv__sched.running)) return -EBUSY;
    if (base_load_relaxed(&rv__sched.forked)) rv__fatal("rv_run in a child of fork: only exec and _exit may follow");
    uint32_t no = 0;
    if (!base_cas_acq_rel(&rv__sched.running, &no, 1u)) return -EBUSY; // acq_rel: pairs with the end of the run before
    pthread_once(&once, init_once);
    rv__preempt_init();
    rv__dump_init();
    base_store_relaxed(&rv__sched.stopping, 0u);
    return 0;
}
static struct rv__g *make_main(struct rv__m *m)
{
    rv__procs_set(procs_wanted());
    struct rv__p *p = rv__p_idle_get();
    rv__p_acquire(m, p);
    struct rv__g *g = rv__g_make(NULL, p, rv__main_goroutine, NULL, MAIN_STACK, call.pc);
    if (g) g->go_pc = 0; // nobody's go made it
    return g;
}

// ---- the end ---------------------------------------------------------------------------------------------------------

static void drop_ms(struct rv__m *me)
{
    // Nobody begins from here on, in the next run, say. acquire: pairs with m_main
    while (base_load_acquire(&rv__sched.starting)) sys_yield();
    rv__netpoll_break();
    for (struct rv__m *m = base_load_acquire(&rv__sched.all_m); m; m = m->all_next) {
        // acquire: pairs with rv__m_begin; relaxed: a plain thread's never changes
        if (m == me || base_load_acquire(&m->tid) == 0 || base_load_relaxed(&m->g) == &m->hidden) continue;
        base_store_release(&m->attention, (uint32_t)RV__DROPPED); // release: pairs with the acquire in rv__attend
        rv__m_unpark(m, NULL);
    }
    sys_membarrier(); // every section from here on begins with a look at attention
    for (struct rv__m *m = rv__sched.all_m; m; m = m->all_next)
        while (m != me && base_load_acquire(&m->tid) && base_load_acquire(&m->seq) % 2) sys_yield();
    // They are gone, or in the program's code, and may come back in the next run: their Ps are then others'.
    for (struct rv__m *m = rv__sched.all_m; m; m = m->all_next) base_store_relaxed(&m->p, NULL);
}
static void forget(void)
{
    for (struct rv__g_block *b = rv__g_blocks; b; b = b->next)
        for (uint64_t i = 0; i < b->n; i++) b->gs[i].dropped = base_load_relaxed(&b->gs[i].state) != RV__FREE;
    rv__netpoll_forget();
    rv__seeded_forget();
    rv__pools_forget();
    for (uint32_t i = 0; i < rv__sched.n_ps; i++) {
        struct rv__p *p = rv__sched.ps[i];
        rv__runq_init(&p->runq);
        rv__timers_clear(&p->timers);
        base_store_relaxed(&p->m, NULL);
        p->created = p->ended = 0;
        base_store_relaxed(&p->status, (uintptr_t)RV__P_RETIRED);
    }
    rv__sched.global = rv__sched.urgent = (struct rv__glist){0};
    rv__sched.spilled = rv__sched.fresh = (struct rv__chunks){0};
    rv__sched.idle_p = NULL;
    rv__sched.idle_m = NULL;
    rv__sched.created = rv__sched.ended = 0;
    rv__sched.idle_ps = rv__sched.idle_ms = rv__sched.global_n = rv__sched.begun_n = 0;
    rv__sched.spinning = rv__sched.hint = rv__sched.poller = rv__sched.serve = 0;
}
static void finish(struct rv__m *m)
{
    rv__p_release(m);
    rv__m_want();
    rv__monitor_wake();
    pthread_join(rv__sched.maker, NULL);
    pthread_join(rv__sched.monitor, NULL);
    drop_ms(m);
    rv__feed_drop();
    forget();
    rv__section_end(m);
    rv__m_finish(m);
    base_store_release(&rv__sched.running, 0u); // release: pairs with the cas in begin
}
int rv_run(rv_fn *fn, void *arg)
{
    if (!fn) return -EINVAL;
    const int err = begin();
    if (err) return err;
    if (!start_helpers()) {
        base_store_release(&rv__sched.running, 0u);
        return -EAGAIN;
    }
    struct rv__m *was = rv__m(); // this thread may have been a plain one that used channels
    struct rv__m *m = rv__m_make();
    __builtin_unwind_init(); // all that the caller keeps in registers is in this frame
    call = (struct main_call){fn, arg, m, RV__CALLER, (uintptr_t)__builtin_frame_address(0) - RUN_FRAME};
    rv__m_begin(m);
    m->main = true;
    rv__m_watch_exit(m);
    rv__section_begin(m);
    rv__m_want();
    struct rv__g *g = make_main(m);
    if (g) {
        m->picked = g;
        rv__schedule(m);
    }
    base_store_relaxed(&rv__sched.stopping, 1u);
    rv__feed_carry(NULL);
    finish(m);
    rv__feed_get(call.pc, &call); // rv_run's caller goes on after main
    m->main = false;
    rv__m_watch_exit(was);
    rv__m_tls = was;
    return g ? 0 : -ENOMEM;
}
