// proc.c: which goroutine runs next: picking, parking, waking, going idle. sched.h has the rules that this keeps.
//
// A goroutine that parks goes straight to the next one in its P's queue, without the scheduler's stack (g0) between: one switch.
// g0 is for what takes longer: an empty queue, a look at the global queue (every 61st time), a goroutine that is locked to
// another M or whose context is still being saved.
//
// Looking for work, in this order: due timers, next and the ring, the global queue, ready descriptors, other Ps' rings and timers.
// An M that found nothing goes on looking for SPIN_NS before it sleeps, if another P runs: a futex wake costs the waker 8 us, and the sleeper
// 16. Meanwhile it reads no line that a busy P writes, which would cost that P a cache miss at each of its
// next writes, but only rv__sched.hint, where a P that has something to steal leaves its number; and all queues every LOOK_NS.
#include "runtime/sched.h"

#include <errno.h>

#include "runtime/feed.h"
#include "runtime/netpoll.h"

enum {
    GLOBAL_EVERY = 61,
    SPIN_NS = 50000,
    LOOK_NS = 10000,
    WAKE_NEXT_CYCLES = 250000,     // about 100 us
    WAKE_NEXT_MOST = 256 * 250000, // about 25 ms
    SAVE_PATIENCE = 100
};

RV__START_ASM

struct rv__sched rv__sched;
__thread struct rv__m *rv__m_tls __attribute__((tls_model("initial-exec")));

static uint64_t cycles(void) { return __builtin_ia32_rdtsc(); }
static uint32_t random_of(struct rv__m *m)
{
    uint32_t x = m->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return m->random = x;
}

// ---- the global queue ------------------------------------------------------------------------------------------------

void rv__global_put(struct rv__g *g)
{
    rv__lock(&rv__sched.lock);
    rv__glist_push(&rv__sched.global, g);
    base_store_relaxed(&rv__sched.global_n, rv__sched.global_n + 1); // relaxed: a hint; who acts on it takes the lock
    base_store_relaxed(&rv__sched.begun_n, rv__sched.begun_n + 1);
    rv__unlock(&rv__sched.lock);
}
void rv__global_put_list(struct rv__glist *l)
{
    if (!l->head) return;
    rv__lock(&rv__sched.lock);
    struct rv__glist *q = &rv__sched.global;
    if (q->tail)
        q->tail->next = l->head;
    else
        q->head = l->head;
    q->tail = l->tail;
    q->n += l->n;
    base_store_relaxed(&rv__sched.global_n, rv__sched.global_n + l->n);
    base_store_relaxed(&rv__sched.begun_n, rv__sched.begun_n + l->n);
    rv__unlock(&rv__sched.lock);
    *l = (struct rv__glist){0};
}
static void took_locked(uint32_t n, bool begun)
{
    if (begun) base_store_relaxed(&rv__sched.begun_n, rv__sched.begun_n - n);
    base_store_relaxed(&rv__sched.global_n, rv__sched.global_n - n); // relaxed: a hint; who acts on it takes the lock
}
// Urgent ones first, but one time in four the others, unless sysmon has just made room for the former.
static struct rv__glist *list_locked(void)
{
    const bool others = ++rv__sched.turn % 4 == 0 && rv__sched.global.n && !base_load_relaxed(&rv__sched.serve);
    return rv__sched.urgent.n && !others ? &rv__sched.urgent : &rv__sched.global;
}
static struct rv__g *from_list_locked(struct rv__p *p, uint32_t most)
{
    struct rv__glist *q = list_locked();
    const uint32_t share = q->n / (uint32_t)base_load_relaxed(&rv__sched.procs) + 1, had = q->n;
    struct rv__g *g = rv__glist_pop(q);
    if (most > share) most = share;
    while (--most && q->head && rv__runq_put(&p->runq, q->head)) rv__glist_pop(q);
    took_locked(had - q->n, true);
    return g;
}
struct rv__m *rv__owner_of_next(struct rv__p *p)
{
    if (base_load_relaxed(&rv__sched.global_n) == 0 || !rv__runq_empty(&p->runq)) return NULL; // relaxed: a hint
    rv__lock(&rv__sched.lock);
    struct rv__glist *q = list_locked();
    struct rv__m *owner = q->head ? q->head->locked : NULL;
    if (owner) {
        rv__glist_pop(q);
        took_locked(1, true);
    }
    rv__unlock(&rv__sched.lock);
    return owner;
}
// The first chunk of q: one of it, or all of it. *empty: the chunk, if nothing is left in it.
static struct rv__g *from_chunk_locked(struct rv__p *p, struct rv__chunks *q, uint32_t most, struct rv__chunk **empty)
{
    struct rv__chunk *c = q->first;
    const uint32_t at = c->at;
    struct rv__g *g = c->gs[c->at++];
    while (--most && c->at < c->n && (g->context.pc ? rv__runq_put : rv__runq_push)(&p->runq, c->gs[c->at])) c->at++;
    took_locked(c->at - at, q == &rv__sched.spilled);
    if (c->at < c->n) return g;
    *empty = c;
    q->first = c->next;
    if (!c->next) q->last = NULL;
    return g;
}
// One to run, and up to most - 1 others into the P's queue. fresh: those that have not begun, too.
static struct rv__g *global_get(struct rv__p *p, uint32_t most, bool fresh)
{
    if (base_load_relaxed(fresh ? &rv__sched.global_n : &rv__sched.begun_n) == 0) return NULL;
    struct rv__chunk *empty = NULL;
    struct rv__g *g = NULL;
    rv__lock(&rv__sched.lock);
    if (rv__sched.global.n || rv__sched.urgent.n)
        g = from_list_locked(p, most);
    else if (rv__sched.spilled.first)
        g = from_chunk_locked(p, &rv__sched.spilled, most, &empty);
    else if (fresh && rv__sched.fresh.first)
        g = from_chunk_locked(p, &rv__sched.fresh, most, &empty);
    rv__unlock(&rv__sched.lock);
    if (empty) rv__small_put(&p->small, empty, sizeof *empty);
    return g;
}

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
static void wake_for_ring(struct rv__p *p)
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
static void learn(bool found)
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
    struct rv__chunks *q = fresh ? &rv__sched.fresh : &rv__sched.spilled;
    rv__lock(&rv__sched.lock);
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
    base_store_relaxed(&rv__sched.global_n, rv__sched.global_n + c->n);
    if (!fresh) base_store_relaxed(&rv__sched.begun_n, rv__sched.begun_n + c->n);
    rv__unlock(&rv__sched.lock);
}
static inline void put_last(struct rv__p *p, struct rv__g *g)
{
    if (unlikely(!rv__runq_put(&p->runq, g))) spill(p, g, false);
}
static inline void put_by_age(struct rv__p *p, struct rv__g *g)
{
    if (g->context.pc != 0)
        put_last(p, g);
    else if (unlikely(!rv__runq_push(&p->runq, g)))
        spill(p, g, true);
}
static inline void put_first(struct rv__p *p, struct rv__g *g)
{
    struct rv__g *was = rv__runq_put_next(&p->runq, g);
    if (was) put_by_age(p, was);
    if (likely(base_load_relaxed(&rv__sched.idle_ps) == 0)) return; // relaxed: sched.h, lost wake-ups
    if (was || rv__runq_length(&p->runq))
        wake_for_ring(p);
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
// All of l at the end of p's ring, or of the global queue. Wakes nobody but plain threads.
static void queue_list(struct rv__p *p, struct rv__glist *l)
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
    queue_list(p, l);
    if (base_load_relaxed(&rv__sched.idle_ps) == 0) return; // relaxed: sched.h, lost wake-ups
    if (p)
        wake_for_ring(p);
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

static inline void arrive(struct rv__m *m)
{
    base_store_release(m->left, 0u); // release: its context is saved; pairs with the acquire in may_run
}
static inline bool may_run(const struct rv__g *g)
{
    return base_load_acquire(&g->on_cpu) == 0; // acquire: its context
}
COLD static void first_stack(struct rv__p *p, struct rv__g *g)
{
    if (!rv__stack_get(&p->stacks, 0, &g->stack)) rv__fatal("out of memory: no stack for goroutine %lu", g->id);
}
// g is about to run in m.
static inline void bring(struct rv__m *m, struct rv__p *p, struct rv__g *g)
{
    base_store_relaxed(&g->on_cpu, 1u);         // relaxed: g is ours
    base_store_relaxed(&g->state, RV__RUNNING); // relaxed: for dumps
    g->m = m;
    base_store_relaxed(&m->g, g); // relaxed: for sysmon
    base_store_relaxed(&p->tick, p->tick + 1);
    if (g->context.pc == 0) {
        if (g->stack.lo == 0) first_stack(p, g);
        rv__context_init(&g->context, g->stack.hi);
    }
    rv__feed_carry(g->strand);
}
// Who can run at once after `me` in its P; NULL: g0 shall see.
static inline struct rv__g *pick(struct rv__m *m, struct rv__p *p, const struct rv__g *me)
{
    if (unlikely(p->tick % GLOBAL_EVERY == 0 || base_load_relaxed(&m->preempt) || me->locked || m->main)) {
        base_store_relaxed(&p->tick, p->tick + 1);
        return NULL;
    }
    struct rv__g *g = rv__runq_get_begun(&p->runq);
    if (unlikely(!g)) {
        if (base_load_relaxed(&rv__sched.begun_n)) return NULL; // relaxed: a hint: they come first
        g = rv__runq_pop(&p->runq);
    }
    if (unlikely(!g || g == me)) return g;
    if (likely(!g->locked && may_run(g))) return g;
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
        bring(m, rv__p_of(m), next);
        rv__switch(&g->context, &next->context);
    } else {
        rv__feed_carry(NULL);
        base_store_relaxed(&m->g, NULL);
        rv__switch(&g->context, &m->g0);
    }
    m = rv__m();
    arrive(m);
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
    rv__feed_finish(m->g);
    m->left = &m->nowhere;
    base_store_relaxed(&m->g, NULL);
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
    arrive(m);
    struct rv__g *g = m->g;
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
    base_store_relaxed(&p->ended, p->ended + 1);
    if (unlikely(base_load_relaxed(&rv__sched.main_waits) != NULL)) rv__main_check(); // relaxed: run.c has the fence
    struct rv__g *next = pick(m, p, g);
    if (unlikely(g->locked != NULL)) m->end = true; // it was locked to the thread, which ends with it
    rv__stack_put(&p->stacks, &g->stack);
    rv__g_free(p, g);
    if (likely(next != NULL)) {
        bring(m, p, next);
        rv__switch_away(&next->context);
    }
    base_store_relaxed(&m->g, NULL);
    rv__switch_away(&m->g0);
}

// ---- looking for work ------------------------------------------------------------------------------------------------

static bool run_timers(struct rv__timers *ts)
{
    const int64_t next = rv__timers_next(ts);
    if (next == RV__NEVER) return false;
    const int64_t now = rv__now();
    return next <= now && rv__timers_run(ts, now) != 0;
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
static void wake_for_more(struct rv__p *p) // than p's M runs at once, since it has nothing else
{
    if (rv__runq_length(&p->runq) > 1 && base_load_relaxed(&rv__sched.idle_ps))
        wake_for_ring(p); // relaxed: as in put_first
}
static struct rv__g *ready_descriptors(struct rv__p *p)
{
    if (rv__netpoll_waiters() == 0) return NULL;
    struct rv__glist l = {0};
    rv__netpoll(0, &l);
    queue_list(p, &l);
    wake_for_more(p);
    return rv__runq_get(&p->runq);
}
static struct rv__g *local_work(struct rv__p *p)
{
    struct rv__g *g;
    if (run_timers(&p->timers)) wake_for_more(p);
    if (unlikely(base_load_relaxed(&rv__sched.serve)) && (g = global_get(p, 1, false)) != NULL) return g;
    if (p->tick % GLOBAL_EVERY == 1 && (g = global_get(p, 1, true)) != NULL) return g;
    if ((g = rv__runq_get_begun(&p->runq)) != NULL) return g;
    if ((g = global_get(p, RUNQ_SIZE / 2, false)) != NULL) return g;
    if ((g = rv__runq_pop(&p->runq)) != NULL) return g;
    if ((g = global_get(p, RUNQ_SIZE / 2, true)) != NULL) return g;
    return ready_descriptors(p);
}
static struct rv__g *steal_from(struct rv__p *p, struct rv__p *victim, bool with_next)
{
    struct rv__g *some[RUNQ_SIZE / 2];
    const uint32_t n = rv__runq_steal(&victim->runq, some, with_next);
    if (n == 0) return NULL;
    for (uint32_t i = 1; i < n; i++) put_by_age(p, some[i]); // the thief's ring is empty: they fit
    return some[0];
}
struct
    look { // what a spinning M saw in `next` of each P; what is still there LOOK_NS later may be taken: a pair that runs
    // in turn on one P is faster than on two
    struct rv__g *next[RV__MAX_P];
    uint32_t tick[RV__MAX_P];
};
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
    const uint32_t hint = base_load_acquire(&rv__sched.hint); // acquire: pairs with the release in wake_for_ring
    if (hint) {
        base_store_relaxed(&rv__sched.hint, 0u);
        struct rv__p *victim = rv__sched.ps[hint - 1];
        struct rv__g *g = victim == p ? NULL : steal_from(p, victim, false);
        if (g) return g;
    }
    if (base_load_relaxed(&rv__sched.global_n)) return global_get(p, RUNQ_SIZE / 2, true);
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
        if (m->spinning) learn(false);
        return NULL;
    }
    if (!may_spin(m)) return NULL;
    struct look seen;
    for (uint32_t i = 0; i < RV__MAX_P; i++) seen.next[i] = NULL;
    int64_t look_at = rv__now(), end = look_at + SPIN_NS;
    for (int64_t now = 0; now < end && !base_load_relaxed(&rv__sched.stopping); now = rv__now()) {
        struct rv__g *g = spin_once(m, p, &seen, &look_at, now);
        if (g) {
            learn(true);
            return g;
        }
        for (int i = 0; i < 20; i++) base_pause();
    }
    learn(false);
    return NULL;
}
bool rv__anything_to_do(void)
{
    if (base_load_relaxed(&rv__sched.global_n) || base_load_relaxed(&rv__sched.stopping)) return true;
    const uint32_t n = base_load_acquire(&rv__sched.n_ps);
    int64_t first = RV__NEVER;
    for (uint32_t i = 0; i < n; i++) {
        struct rv__p *p = rv__sched.ps[i];
        if (!rv__runq_empty(&p->runq)) return true;
        if (rv__timers_next(&p->timers) < first) first = rv__timers_next(&p->timers);
    }
    return first != RV__NEVER && first <= rv__now();
}
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
    queue_list(p, &l);
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
    if (rv__sched.global_n || base_load_relaxed(&rv__sched.stopping)) {
        rv__unlock(&rv__sched.lock);
        return;
    }
    struct rv__p *p = rv__p_release(m);
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
        struct rv__p *free_p = rv__anything_to_do() ? rv__p_idle_get() : NULL;
        if (free_p) {
            rv__p_acquire(m, free_p);
            return;
        }
        rv__m_idle_put(m);
        if (unlikely(rv__maybe_dead())) rv__monitor_wake();
        rv__m_park(m);
        struct rv__p *p = m->next_p;
        m->next_p = NULL;
        if (p) rv__p_acquire(m, p);
        if (!p && m->spinning) stop_spinning(m);
    }
}
// This P is one too many: gives all it has away.
COLD static void retire(struct rv__m *m, struct rv__p *p)
{
    struct rv__glist l = {0};
    for (struct rv__g *g; (g = rv__runq_get(&p->runq)) != NULL;) rv__glist_push(&l, g);
    rv__global_put_list(&l);
    rv__timers_move(&p->timers, &rv__sched.ps[0]->timers);
    for (; p->stacks.n; p->stacks.n--) {
        const uintptr_t lo = p->stacks.lo[p->stacks.n - 1];
        rv__stack_put_slow(NULL, &(struct rv__stack){lo, lo + rv__stack_slot_usable()});
    }
    rv__small_flush(&p->small);
    rv__g_give(p);
    rv__p_release(m);
    base_store_release(&p->status, RV__P_RETIRED); // release: who sets it up again finds it empty
    stop_spinning(m);
    rv__wake_one();
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
        struct rv__g *g = local_work(p);
        if (!g) g = spin(m, p);
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
    for (int i = 0; !may_run(g); i++) {
        base_pause();
        if (i % SAVE_PATIENCE == SAVE_PATIENCE - 1) sys_yield(); // its M lost the CPU
    }
}
void rv__schedule(struct rv__m *m)
{
    bool ran = false; // of rv_run's M: it runs main until that first parks, and waits for the end then
    while (!m->end) {
        arrive(m);
        m->left = &m->nowhere;
        base_store_relaxed(&m->preempt, 0u); // whoever was meant has stopped
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
        bring(m, rv__p_of(m), g);
        rv__switch(&m->g0, &g->context);
        m = rv__m();
    }
}
