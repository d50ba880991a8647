// seeded.c: the deterministic mode (RAVEL_OPTIONS=sched=seed:N): goroutines run in an order that the number N gives, every time.
//
// There is one P. Goroutines become runnable as always, in its queue or the global one. But who gives the P up asks nobody
// in its own thread for the next one: `preempt` is set in every M all the time, so that g0 chooses, and so that each section ends with
// a draw whether others run first (rv__seeded_yield). g0 empties all queues into one set, and draws from that.
//   (1) What is drawn depends on the goroutines' numbers and on the order of what they did, never on an address, the
//       time of day, or which thread does it: newcomers to the set are sorted by their numbers, batch by batch, and
//       a batch is what became runnable between two choices.
//   (2) The generator, the clock and the set belong to who holds the P. (The clock is read by all.)
//   (3) The set is a part of the global queue: counted in rv__sched.global_n. So whoever looks for signs of work sees it.
//   (4) The P is given up only when nothing is runnable and no timer is pending.
// Time is virtual: STEP for every choice and every rv_now; when nobody can run it jumps to the first timer. Timers that are due together make
// their goroutines runnable together, so ties are drawn as well. Goroutines that wait for descriptors wait for the world,
// whose time is not ours: while there are any, time does not jump before as much real time has passed.
//
// One thread runs all goroutines, main included: a goroutine that is made to yield inside a call that never parks
// would otherwise go on in another thread, maybe with a pthread mutex in its hands. (rv_run's own thread runs nobody.) System calls keep the P.
// The end of the mode. A goroutine that keeps the P for so long that the program may never go on without help (seeded_watch.c) is overtaken: who
// takes the P from it ends the mode first, while nobody else has it (rv__seeded_end). The free scheduler goes on with what is runnable, and
// the clock with real time, from where it stands: timers keep their times. It does not begin again.
// What breaks this, and the promise of the same order, is in docs/seeded-scheduling.md.
#include "runtime/seeded.h"

#include "base/flags.h"
#include "runtime/feed.h"
#include "runtime/netpoll.h"
#include "runtime/sched.h"

enum { STEP = 1000, START = 1000000000, POLL_EVERY = 1000, SLICE = 1000000, FIRST_ROOM = 1024 };

uint32_t rv__seeded;
static uint64_t generator;       // of splitmix64
static int64_t clock_ns = START; // atomic
static int64_t shift;            // from real time to the clock, once the mode is over; written before that
static struct {                  // those who may run
    struct rv__g **g;
    uint32_t n, room;
} set;
static struct rv__g *last; // that ran, and whose leaving is not in the log yet
static uint32_t choices;

// "seed:N" to N.
static bool parse(const char *s, uint64_t *seed)
{
    static const char prefix[] = "seed:";
    if (base_strncmp(s, prefix, sizeof prefix - 1) != 0) return false;
    s += sizeof prefix - 1;
    if (!*s) return false;
    for (*seed = 0; *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(*seed, 10, seed) || __builtin_add_overflow(*seed, (uint64_t)(*s - '0'), seed)) break;
    return !*s;
}
void rv__seeded_init(void)
{
    const bool on = parse(base_flags.sched, &generator);
    if (on) base_store_relaxed(&rv__seeded, (uint32_t)RV__SEEDED); // relaxed: nobody else is there yet
    if (!on && base_strcmp(base_flags.sched, "free") != 0)
        base_flags_complain("RAVEL_OPTIONS: sched='%s' is neither free nor seed:N, N a number below 2^64",
                            base_flags.sched);
    if (!*base_flags.sched_log) return;
    if (on)
        rv__seeded_log_open(base_flags.sched_log);
    else
        base_flags_complain("RAVEL_OPTIONS: sched_log='%s' stays empty: it needs sched=seed:N", base_flags.sched_log);
}
void rv__seeded_forget(void)
{
    rv__seeded_log_flush();
    set.n = 0;
    last = NULL;
}

int64_t rv__seeded_now(void)
{
    const int64_t now = base_load_relaxed(&clock_ns);                     // relaxed: a clock orders nothing
    if (base_load_acquire(&rv__seeded) != RV__SEEDED_NO_MORE) return now; // acquire: shift
    const int64_t real = rv__real_now() + shift;
    return real > now ? real : now;
}
static void pass(int64_t ns) { base_add_relaxed(&clock_ns, ns); } // relaxed: as above
void rv__seeded_look_at_clock(void)
{
    if (rv_goid()) pass(STEP);
}

static uint64_t draw(void)
{
    uint64_t z = generator += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
uint32_t rv__seeded_choose(uint32_t n) { return n == 1 ? 0 : (uint32_t)((draw() >> 32) * n >> 32); }

// ---- the set -----------------------------------------------------------------------------------------------------------

COLD static void grow(void)
{
    const uint32_t room = set.room ? 2 * set.room : FIRST_ROOM;
    const size_t had = set.room * sizeof *set.g, bytes = room * sizeof *set.g;
    struct rv__g **const p = set.g ? sys_grow(set.g, had, bytes) : sys_alloc(bytes);
    if (!p) rv__fatal("out of memory for %u runnable goroutines", room);
    set.g = p;
    set.room = room;
}
static void add(struct rv__g *g)
{
    if (unlikely(set.n == set.room)) grow();
    set.g[set.n++] = g;
}
static void sort(struct rv__g **g, uint32_t n) // by number: few, mostly; Shell's with gaps of a third each
{
    uint32_t gap = 1;
    while (gap < n / 3) gap = 3 * gap + 1;
    for (; gap; gap /= 3)
        for (uint32_t i = gap; i < n; i++) {
            struct rv__g *const x = g[i];
            uint32_t k = i;
            for (; k >= gap && g[k - gap]->id > x->id; k -= gap) g[k] = g[k - gap];
            g[k] = x;
        }
}
static void add_list(struct rv__glist *l)
{
    for (struct rv__g *g; (g = rv__glist_pop(l)) != NULL;) add(g);
}
static void add_chunks(struct rv__p *p, struct rv__chunks *q)
{
    for (struct rv__chunk *c; (c = q->first) != NULL;) {
        for (uint32_t i = c->at; i < c->n; i++) add(c->gs[i]);
        q->first = c->next;
        rv__small_put(&p->small, c, sizeof *c);
    }
    q->last = NULL;
}
// Everybody who has become runnable since the last time.
static void collect(struct rv__p *p)
{
    const uint32_t had = set.n;
    for (struct rv__g *g; (g = rv__runq_get(&p->runq)) != NULL;) add(g);
    if (set.n == had && base_load_relaxed(&rv__sched.global_n) == had)
        return; // relaxed: others' may come a choice later
    rv__lock(&rv__sched.lock);
    add_list(&rv__sched.urgent);
    add_list(&rv__sched.global);
    add_chunks(p, &rv__sched.spilled);
    add_chunks(p, &rv__sched.fresh);
    base_store_relaxed(&rv__sched.begun_n, 0u); // relaxed: nobody but us acts on them
    base_store_relaxed(&rv__sched.global_n, set.n);
    rv__unlock(&rv__sched.lock);
    sort(set.g + had, set.n - had);
    for (uint32_t i = had; i < set.n; i++)
        if (set.g[i]->context.pc == 0)
            rv__seeded_log_start(rv__seeded_now(), set.g[i]);
        else if (set.g[i] != last)
            rv__seeded_log_ready(rv__seeded_now(), set.g[i]);
}
static struct rv__g *take(void)
{
    const uint32_t i = rv__seeded_choose(set.n);
    struct rv__g *const g = set.g[i];
    set.g[i] = set.g[--set.n];
    rv__lock(&rv__sched.lock);
    base_store_relaxed(&rv__sched.global_n, rv__sched.global_n - 1); // relaxed: a hint; the lock guards it
    rv__unlock(&rv__sched.lock);
    pass(STEP);
    choices++;
    rv__seeded_log(rv__seeded_now(), g, "run");
    rv__seeded_log_flush();
    return last = g;
}

void rv__seeded_end(void)
{
    rv__seeded_log_end(rv__seeded_now());
    rv__lock(&rv__sched.lock);
    for (uint32_t i = 0; i < set.n; i++) rv__glist_push(&rv__sched.global, set.g[i]); // counted there already
    base_store_relaxed(&rv__sched.begun_n, rv__sched.begun_n + set.n); // relaxed: a hint; the lock guards it
    rv__unlock(&rv__sched.lock);
    set.n = 0;
    last = NULL;
    shift = rv__seeded_now() - rv__real_now();
    base_store_release(&rv__seeded, (uint32_t)RV__SEEDED_NO_MORE); // release: shift; pairs with rv__seeded_now
}

// ---- choosing ----------------------------------------------------------------------------------------------------------

// What the goroutine that ran did, at the end.
static void log_leaving(void)
{
    static const char *const other[] = {
        [RV__FREE] = "end", [RV__RUNNABLE] = "yield", [RV__SYSCALL] = "call", [RV__PREEMPTED] = "preempted"};
    if (!last) return;
    const uint8_t state = base_load_relaxed(&last->state); // relaxed: it ran where we run
    if (state == RV__WAITING)
        rv__seeded_log_park(rv__seeded_now(), last);
    else if (state != RV__RUNNING)
        rv__seeded_log(rv__seeded_now(), last, other[state]);
}
static void poll(int64_t ns)
{
    struct rv__glist ready = {0};
    rv__netpoll(ns, &ready);
    rv__ready_list(&ready);
}
// Nobody can run before the first timer. True: its time has come; else something may have become ready.
static bool wait_for_timer(int64_t ns, int64_t *waited)
{
    if (rv__netpoll_waiters() == 0 || ns <= *waited) return true;
    const int64_t from = rv__real_now(), left = ns - *waited;
    poll(left < SLICE ? left : SLICE);
    *waited += rv__real_now() - from;
    return false;
}
struct rv__g *rv__seeded_find(struct rv__p *p)
{
    int64_t waited = 0; // in real time
    log_leaving();
    while (!base_load_relaxed(&rv__sched.stopping)) {
        rv__timers_run(&p->timers, rv__seeded_now());
        collect(p);
        if (set.n == 0 || choices % POLL_EVERY == 0) poll(0), collect(p);
        last = NULL;
        if (set.n) return take();
        const int64_t next = rv__timers_next(&p->timers);
        if (next == RV__NEVER) break;
        if (!wait_for_timer(next - rv__seeded_now(), &waited)) continue;
        pass(next - rv__seeded_now());
        rv__seeded_log_jump(rv__seeded_now());
    }
    rv__seeded_log_flush();
    return NULL;
}

// ---- yields --------------------------------------------------------------------------------------------------------------

static void let_others(struct rv__m *m, struct rv__g *g)
{
    base_store_relaxed(&g->state, RV__RUNNABLE);
    rv__global_put(g);
    rv__to_g0(m, g);
}
void rv__seeded_yield(struct rv__m *m)
{
    struct rv__g *const g = m->g;
    if (!g || g->kind == RV__THREAD || !rv__p_of(m) || base_load_relaxed(&rv__sched.stopping)) return;
    if (rv__seeded_choose(2) == 0) let_others(m, g);
}
// The running goroutine, where the program's own code has called. NULL: it is a plain thread; or code that must not park: of a handler that has
// interrupted us or runs on a signal stack, between rv_syscall_enter and _exit.
static struct rv__g *yields_here(const struct rv__m *m)
{
    struct rv__g *const g = m ? m->g : NULL;
    if (!g || g->kind == RV__THREAD || m->seq % 2 || rv__feed_inside()) return NULL;
    const uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    if (sp < g->stack.lo || sp >= g->stack.hi) return NULL;
    return base_load_relaxed(&m->attention) == RV__CALM ? g
                                                        : NULL; // relaxed: this thread's own, or the section sees to it
}
void rv__seeded_point_slow(void)
{
    if (!rv__seeded_on() || !yields_here(rv__m())) return;
    rv__begin();
    rv__end();
}
bool rv__seeded_give_way(void)
{
    struct rv__g *const g = rv__seeded_on() ? yields_here(rv__m()) : NULL;
    if (!g) return false;
    let_others(rv__begin(), g);
    rv__section_end(rv__m());
    return true;
}
