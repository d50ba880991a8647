// test_procs.c: no P is lost when their number changes, none too many is counted as idle, and no part of the global queue waits for
// another one to be empty.
#include "runtime/sched.h"
#include "tests/runtime/rig.h"

// ---- Ps that come and go -----------------------------------------------------------------------------------------------

enum { MOST = 4, CHANGES = 3000 };
static uint32_t stop; // atomic
static void yields(void *arg)
{
    (void)arg;
    while (!base_load_relaxed(&stop)) rv_gosched(); // relaxed: only a flag
}
// What procs.c promises whenever the lock is free. n: what GOMAXPROCS is; nobody else changes it.
static void check_ps(int n)
{
    int lost = 0, surplus = 0, listed = 0;
    struct rv__g *const g = rv__enter();
    rv__lock(&rv__sched.lock);
    for (int i = 0; i < n; i++) lost += rv__sched.ps[i]->status == RV__P_RETIRED;
    for (const struct rv__p *p = rv__sched.idle_p; p; p = p->idle_next, listed++) surplus += (int)p->index >= n;
    const int counted = (int)rv__sched.idle_ps;
    rv__unlock(&rv__sched.lock);
    rv__leave(g);
    cr_assert_eq(lost, 0, "%d of %d Ps are retired, and nobody will ever bring them back", lost, n);
    cr_assert_eq(surplus, 0, "%d idle Ps more than the %d there are: sysmon takes all for idle", surplus, n);
    cr_assert_eq(listed, counted);
}
static void change(void *arg)
{
    uint64_t random = rig_seed();
    (void)arg;
    for (int i = 0; i < MOST; i++) rv_go(yields, NULL);
    for (int i = 0; i < CHANGES; i++) {
        const int n = 1 + (int)(rig_random(&random) % MOST);
        rv_gomaxprocs(n);
        if (i % 3 == 0) rv_gosched(); // others spin, go idle, retire
        check_ps(n);
    }
    base_store_relaxed(&stop, 1u);
    RIG_UNTIL(rv_num_goroutine() == 1);
}
Test(procs, none_is_lost_and_none_too_many_is_idle, .timeout = 120) { cr_assert_eq(rv_run(change, NULL), 0); }

// Taken from the list, in a section of its caller's that goes on; never the first one, which is never surplus.
static struct rv__p *take_idle(void)
{
    struct rv__p *p = NULL;
    RIG_UNTIL((p = rv__p_idle_get()) != NULL);
    struct rv__m *const m = rv__begin();
    if (p->index != 0) return p;
    struct rv__p *const mine = rv__p_release(m);
    rv__p_acquire(m, p);
    return mine;
}
// One that is held by nobody who could look for work with it, when it becomes surplus, retires as it is handed on.
static void hand_off_surplus(void *arg)
{
    (void)arg;
    rv_gomaxprocs(2);
    struct rv__p *const p = take_idle();
    rv__procs_set(1);
    rv__p_hand_off(p);
    rv__end();
    check_ps(1);
    cr_assert_eq(p->status, RV__P_RETIRED);
}
Test(procs, surplus_ones_retire_when_handed_on, .timeout = 60) { cr_assert_eq(rv_run(hand_off_surplus, NULL), 0); }

// A P that is idle and has work (its M slept in the kernel, and no other was at hand) is emptied when it retires: on one P nobody steals.
static void mark(void *ran) { *(bool *)ran = true; }
static void retire_with_work(void *arg)
{
    bool ran = false;
    (void)arg;
    rv_gomaxprocs(2);
    struct rv__p *const leaves = take_idle();
    struct rv__g *const g = rv__g_make(NULL, rv__p(), mark, &ran, 0, 0);
    base_store_release(&leaves->runq.owner_seq, &rv__m()->seq); // release: as in rv__p_acquire
    rv__runq_put(&leaves->runq, g);
    base_store_release(&leaves->runq.owner_seq, NULL);
    rv__lock(&rv__sched.lock);
    rv__p_idle_put_locked(leaves);
    rv__unlock(&rv__sched.lock);
    rv__end();
    rv_gomaxprocs(1);
    RIG_UNTIL(ran);
}
Test(procs, an_idle_one_is_emptied, .timeout = 60) { cr_assert_eq(rv_run(retire_with_work, NULL), 0); }

// ---- parts of the global queue -----------------------------------------------------------------------------------------

enum { MANY = 4 * RUNQ_SIZE };
static uint32_t ended; // atomic
static void end(void *arg)
{
    (void)arg;
    base_add_relaxed(&ended, 1u); // relaxed: a count
}
static void yield_and_end(void *arg)
{
    for (int i = 0; i < 3; i++) rv_gosched();
    end(arg);
}
// More than a ring and a stack hold, and somebody who yields alone, and is in the global queue each time.
static void overflow(void *fn)
{
    rv_gomaxprocs(1);
    for (int i = 0; i < MANY; i++) rv_go(*(rv_fn **)fn, NULL);
    RIG_UNTIL(base_load_relaxed(&ended) == MANY);
}
Test(global, those_that_have_not_begun_get_their_turn, .timeout = 60)
{
    rv_fn *fn = end;
    cr_assert_eq(rv_run(overflow, &fn), 0);
}
Test(global, those_that_were_spilled_get_their_turn, .timeout = 60)
{
    rv_fn *fn = yield_and_end;
    cr_assert_eq(rv_run(overflow, &fn), 0);
}
