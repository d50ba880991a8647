// find.c: what an M does that has nothing to run: it looks for work, spins, polls, goes idle. sched.h has the rules that this keeps,
// proc.c how it goes on from one goroutine to the next.
//
// Looking for work, in this order: due timers, next and the ring, the global queue, ready descriptors, other Ps' rings and timers.
// An M that found nothing goes on looking for SPIN_NS before it sleeps, if another P runs: a futex wake costs the waker 8 us, and the sleeper
// 16. Meanwhile it reads no line that a busy P writes, which would cost that P a cache miss at each of its
// next writes, but only rv__sched.hint, where a P that has something to steal leaves its number; and all queues every LOOK_NS.
#include "runtime/netpoll.h"
#include "runtime/proc.h"
#include "runtime/seeded.h"

enum { SPIN_NS = 50000, LOOK_NS = 10000, SAVE_PATIENCE = 100 };

// ---- looking for work ------------------------------------------------------------------------------------------------

static bool run_timers(struct rv__timers *ts)
{
    const int64_t next = rv__timers_next(ts);
    if (next == RV__NEVER) return false;
    const int64_t now = rv__now();
    if (next > now) return false;
    base_store_relaxed(&rv__m()->fires, true); // relaxed: for who stops the world
    const bool fired = rv__timers_run(ts, now) != 0;
    base_store_relaxed(&rv__m()->fires, false);
    return fired;
}
static void wake_for_more(struct rv__p *p) // than p's M runs at once, since it has nothing else
{
    if (rv__runq_length(&p->runq) > 1 && base_load_relaxed(&rv__sched.idle_ps))
        rv__wake_for_ring(p); // relaxed: as in put_first
}
static struct rv__g *ready_descriptors(struct rv__p *p)
{
    if (rv__netpoll_waiters() == 0) return NULL;
    struct rv__glist l = {0};
    rv__netpoll(0, &l);
    rv__queue_list(p, &l);
    wake_for_more(p);
    return rv__runq_get(&p->runq);
}
static struct rv__g *local_work(struct rv__p *p)
{
    struct rv__g *g;
    if (run_timers(&p->timers)) wake_for_more(p);
    if (unlikely(base_load_relaxed(&rv__sched.serve)) && (g = rv__global_get(p, 1, false)) != NULL) return g;
    if (p->tick % RV__GLOBAL_EVERY == 1 && (g = rv__global_get(p, 1, true)) != NULL) return g;
    if ((g = rv__runq_get_begun(&p->runq)) != NULL) return g;
    if ((g = rv__global_get(p, RUNQ_SIZE / 2, false)) != NULL) return g;
    if ((g = rv__runq_pop(&p->runq)) != NULL) return g;
    if ((g = rv__global_get(p, RUNQ_SIZE / 2, true)) != NULL) return g;
    return ready_descriptors(p);
}
static struct rv__g *steal_from(struct rv__p *p, struct rv__p *victim, bool with_next)
{
    struct rv__g *some[RUNQ_SIZE / 2];
    const uint32_t n = rv__runq_steal(&victim->runq, some, with_next);
    if (n == 0) return NULL;
    for (uint32_t i = 1; i < n; i++) rv__put_by_age(p, some[i]); // the thief's ring is empty: they fit
    return some[0];
}
struct
    look { // what a spinning M saw in `next` of each P; what is still there LOOK_NS later may be taken: a pair that runs
    // in turn on one P is faster than on two
    struct rv__g *next[RV__MAX_P];
    uint32_t tick[RV__MAX_P];
};
static uint32_t random_of(struct rv__m *m)
{
    uint32_t x = m->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return m->random = x;
}
static struct rv__g *look_at_all(struct rv__m *m, struct rv__p *p, struct look *seen)
{
    const uint32_t n = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps themselves
    const uint32_t start = random_of(m) % n;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t i = (start + k) % n;
        struct rv__p *victim = rv__sched.ps[i];
        if (victim == p) continue;
        run_timers(&victim->timers); // what it fires is ready here
        struct rv__g *next = rv__runq_next(&victim->runq);
        const uint32_t tick = base_load_relaxed(&victim->tick);
        const bool stays = next && seen && seen->next[i] == next && seen->tick[i] == tick;
        if (seen) seen->next[i] = next, seen->tick[i] = tick;
        struct rv__g *g = steal_from(p, victim, stays);
        if (g) return g;
    }
    return rv__runq_get(&p->runq);
}
static bool may_spin(struct rv__m *m)
{
    if (m->spinning) return true;
    const uint32_t procs = (uint32_t)base_load_relaxed(&rv__sched.procs), idle = base_load_relaxed(&rv__sched.idle_ps);
    if (procs == 1 || 2 * base_load_relaxed(&rv__sched.spinning) >= procs - (idle < procs ? idle : procs)) return false;
    m->spinning = true;
    base_add_acq_rel(&rv__sched.spinning, 1u);
    return true;
}
static struct rv__g *spin_once(struct rv__m *m, struct rv__p *p, struct look *seen, int64_t *look_at, int64_t now)
{
    const uint32_t hint = base_load_acquire(&rv__sched.hint); // acquire: pairs with the release in rv__wake_for_ring
    if (hint) {
        base_store_relaxed(&rv__sched.hint, 0u);
        struct rv__p *victim = rv__sched.ps[hint - 1];
        struct rv__g *g = victim == p ? NULL : steal_from(p, victim, false);
        if (g) return g;
    }
    if (base_load_relaxed(&rv__sched.global_n)) return rv__global_get(p, RUNQ_SIZE / 2, true);
    if (now < *look_at) return NULL;
    *look_at = now + LOOK_NS;
    struct rv__g *g = look_at_all(m, p, seen);
    if (!g) run_timers(&p->timers);
    if (!g) g = rv__runq_get(&p->runq);
    return g || base_load_relaxed(&rv__sched.poller) ? g : ready_descriptors(p);
}
// All other Ps are idle, and nothing waits: what comes next is a descriptor's or a timer's, and those are waited for by sleeping.
static bool nothing_can_come(void)
{
    return base_load_relaxed(&rv__sched.idle_ps) + 1 >=
               (uint32_t)base_load_relaxed(&rv__sched.procs) && // relaxed: hints
           !rv__anything_to_do();
}
static struct rv__g *spin(struct rv__m *m, struct rv__p *p)
{
    if (nothing_can_come()) {
        if (m->spinning) rv__wake_learn(false);
        return NULL;
    }
    if (!may_spin(m)) return NULL;
    struct look seen;
    for (uint32_t i = 0; i < RV__MAX_P; i++) seen.next[i] = NULL;
    int64_t look_at = rv__now(), end = look_at + SPIN_NS;
    for (int64_t now = 0; now < end && !base_load_relaxed(&rv__sched.stopping); now = rv__now()) {
        struct rv__g *g = spin_once(m, p, &seen, &look_at, now);
        if (g) {
            rv__wake_learn(true);
            return g;
        }
        for (int i = 0; i < 20; i++) base_pause();
    }
    rv__wake_learn(false);
    return NULL;
}
// Since when there is something to do, or from when on there will be: 0: now.
static int64_t first_due(void)
{
    if (base_load_relaxed(&rv__sched.global_n) || base_load_relaxed(&rv__sched.stopping)) return 0;
    const uint32_t n = base_load_acquire(&rv__sched.n_ps);
    int64_t first = RV__NEVER;
    for (uint32_t i = 0; i < n; i++) {
        struct rv__p *p = rv__sched.ps[i];
        if (!rv__runq_empty(&p->runq)) return 0;
        if (rv__timers_next(&p->timers) < first) first = rv__timers_next(&p->timers);
    }
    return first;
}
bool rv__anything_to_do(void)
{
    const int64_t first = first_due();
    return first == 0 || (first != RV__NEVER &&
                          (unlikely(rv__seeded_on()) || first <= rv__now())); // there who has the P makes it now
}
bool rv__anything_by(int64_t when) { return first_due() <= when; }
static void stop_spinning(struct rv__m *m)
{
    if (!m->spinning) return;
    m->spinning = false;
    base_sub_acq_rel(&rv__sched.spinning, 1u); // acq_rel: pairs with the cas in rv__wake_one
}
// m has work, and no longer looks for any: what others made meanwhile, when they saw it looking, needs somebody else.
static void found(struct rv__m *m)
{
    if (!m->spinning) return;
    stop_spinning(m);
    base_store_relaxed(&rv__sched.hint, 0u);
    if (base_load_relaxed(&rv__sched.idle_ps) && rv__anything_to_do()) rv__wake_one();
}

// ---- going idle ------------------------------------------------------------------------------------------------------

static int64_t first_timer(void)
{
    int64_t first = RV__NEVER;
    const uint32_t n = base_load_acquire(&rv__sched.n_ps);
    for (uint32_t i = 0; i < n; i++) {
        const int64_t next = rv__timers_next(&rv__sched.ps[i]->timers);
        if (next < first) first = next;
    }
    return first;
}
// An M that goes idle polls by itself; one that gives its P away and waits for something else leaves it to others.
bool rv__wants_poller(void)
{
    return base_load_relaxed(&rv__sched.poller) == 0 && (rv__netpoll_waiters() != 0 || first_timer() != RV__NEVER);
}
bool rv__wants_m(void) { return rv__anything_to_do() || rv__wants_poller(); }
// Makes m the poller, if there is something to wait for and nobody does. Before it waits, m calls membarrier: whoever makes a timer
// the earliest, or work for an idle P, sees poll_until or the poller then, or poll sees what it made.
static bool begin_poll(void)
{
    uint32_t nobody = 0;
    if (!rv__wants_poller() || !base_cas_acq_rel(&rv__sched.poller, &nobody, 1u))
        return false;                             // acq_rel: one at a time
    base_store_relaxed(&rv__sched.poll_until, 0); // until it is known, nobody need break the wait
    base_store_relaxed(&rv__sched.poll_until, first_timer());
    return true;
}
static void end_poll(void)
{
    base_store_relaxed(&rv__sched.last_poll, rv__now());
    base_store_release(&rv__sched.poller, 0u); // release: pairs with the next poller's cas
}
// The poller's wait, and what comes of it. It takes an idle P also when nothing came: who made work and found no idle M has
// broken the wait (rv__m_start). Without a P it goes on to look at the queues, so nobody need be woken for what it put there.
static void poll(struct rv__m *m)
{
    struct rv__glist l = {0};
    const int64_t later = first_timer(), until = base_load_relaxed(&rv__sched.poll_until), now = rv__now();
    // Not longer than until, even if that timer is gone: who adds one that is due after `until` has left us asleep.
    const int64_t when = later < until ? later : until;
    if (!rv__anything_to_do() || base_load_relaxed(&rv__sched.idle_ps) == 0)
        rv__netpoll(when == RV__NEVER ? -1 : when > now ? when - now : 0, &l);
    end_poll();
    struct rv__p *p = rv__p_idle_get();
    if (p) rv__p_acquire(m, p);
    rv__queue_list(p, &l);
    if (p) wake_for_more(p);
}
static bool poll_idle(struct rv__m *m)
{
    if (base_load_relaxed(&rv__sched.idle_ps) == 0) return false; // who has a P looks, or sysmon
    if (!begin_poll()) return false;
    sys_membarrier();
    poll(m);
    return true;
}
// m found nothing for its P. The last one to do so goes on to poll; one membarrier serves both.
static void give_up_p(struct rv__m *m)
{
    rv__lock(&rv__sched.lock);
    struct rv__p *p = rv__p_of(m);
    if (rv__sched.global_n || base_load_relaxed(&rv__sched.stopping) || (int)p->index >= rv__sched.procs) {
        rv__unlock(&rv__sched.lock);
        return;
    }
    rv__p_release(m);
    rv__p_idle_put_locked(p);
    rv__unlock(&rv__sched.lock);
    stop_spinning(m);
    const bool polls = begin_poll();
    sys_membarrier(); // sched.h, lost wake-ups: who made work before this did not see us idle
    p = rv__anything_to_do() ? rv__p_idle_get() : NULL;
    if (p) {
        rv__p_acquire(m, p);
        if (polls) end_poll();
    } else if (polls) {
        poll(m);
    }
}
// Without a P: waits for one. Returns with one, or when it is time to end.
static void idle(struct rv__m *m)
{
    while (!rv__p_of(m) && !base_load_relaxed(&rv__sched.stopping)) {
        if (poll_idle(m)) continue;
        if (!rv__m_idle_put(m)) {
            struct rv__p *free_p = rv__p_idle_get();
            if (free_p) rv__p_acquire(m, free_p);
            continue;
        }
        if (unlikely(rv__maybe_dead())) rv__monitor_wake();
        rv__m_park(m);
        struct rv__p *p = m->next_p;
        m->next_p = NULL;
        if (p) rv__p_acquire(m, p);
        if (!p && m->spinning) stop_spinning(m);
    }
}
// p is one too many.
COLD static void retire(struct rv__m *m, struct rv__p *p)
{
    rv__p_release(m);
    stop_spinning(m);
    rv__p_retire(p);
}
static struct rv__g *find(struct rv__m *m)
{
    while (!base_load_relaxed(&rv__sched.stopping)) {
        struct rv__p *p = rv__p_of(m);
        if (!p) {
            idle(m);
            continue;
        }
        if (unlikely((int)p->index >= base_load_relaxed(&rv__sched.procs))) {
            retire(m, p);
            continue;
        }
        struct rv__g *g = unlikely(rv__seeded_on()) ? rv__seeded_find(p) : local_work(p);
        if (!g && likely(!rv__seeded_on())) g = spin(m, p);
        if (g) {
            found(m);
            return g;
        }
        give_up_p(m);
    }
    return NULL;
}
// g runs in another M only: gives it the P.
static void pass_to_owner(struct rv__m *m, struct rv__g *g)
{
    struct rv__p *p = rv__p_release(m);
    rv__m_unpark(g->locked, p);
}
// m's own goroutine waits, and m runs nobody else: until it is given a P to run it.
static void wait_for_own(struct rv__m *m)
{
    struct rv__p *p = rv__p_release(m);
    if (p) rv__p_hand_off(p);
    base_add_relaxed(&rv__sched.own_waiting, 1u); // relaxed: for sysmon
    if (unlikely(rv__maybe_dead())) rv__monitor_wake();
    rv__m_park(m);
    base_add_relaxed(&rv__sched.own_waiting, -1u);
    p = m->next_p;
    m->next_p = NULL;
    if (p) rv__p_acquire(m, p);
}
static void wait_until_saved(const struct rv__g *g)
{
    for (int i = 0; !rv__may_run(g); i++) {
        base_pause();
        if (i % SAVE_PATIENCE == SAVE_PATIENCE - 1) sys_yield(); // its M lost the CPU
    }
}
void rv__schedule(struct rv__m *m)
{
    // Of rv_run's M: it runs main until that first parks, and waits for the end then; under sched=seed it runs nobody.
    bool ran = rv__seeded_on();
    while (!m->end) {
        rv__arrive(m);
        m->left = &m->nowhere;
        base_store_relaxed(&m->preempt, rv__seeded_on()); // whoever was meant has stopped
        struct rv__g *g = m->picked;
        m->picked = NULL;
        if ((m->locked && g != m->locked) || (m->main && ran)) {
            if (g) rv__global_put(g);
            wait_for_own(m);
            g = m->locked;
            if (base_load_relaxed(&rv__sched.stopping)) return;
        } else if (!g) {
            g = find(m);
        }
        if (!g) return;
        ran = true;
        if (g->locked && g->locked != m) {
            pass_to_owner(m, g);
            continue;
        }
        wait_until_saved(g);
        rv__bring(m, rv__p_of(m), g);
        rv__fiber_leave(&m->fiber, &g->fiber);
        rv__switch(&m->g0, &g->context);
        rv__fiber_arrive(&m->fiber);
        m = rv__m();
    }
}
