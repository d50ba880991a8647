// leak.c: goroutines that can never be woken.
//
// A goroutine waits at an object; somebody must come to it, by a pointer. So: what can run are the roots, and whatever they reach, by
// any number of pointers (leak_memory.c). A goroutine whose object is reached may be woken, so its stack counts from then on,
// and so forth until nothing new is reached. Who still waits then is leaked.
//   roots     goroutines that run, are ready, sleep, wait for a descriptor, or in a select with a time-out; all other threads,
//             with their registers; thread-local variables; globals; what pending timers will call
//   not roots the runtime's own tables; the dead parts of stacks
// A context leads to those who wait with it, by its list of watches, which lie on their stacks and know what they wait for.
// It is conservative: a word that looks like a pointer is one, so it may miss a leak, and what it finds is one. Two things could spoil
// that, and then what is found is called "blocked", which no check counts: a thread whose registers could not be had, and memory
// that cannot be looked at, a device's. Who is reached through memory that other processes write, too, is "blocked" as well.
//
// All of it is done in a copy of the process, made while all other threads stand still (world.h): the program goes on meanwhile. The copy
// prints the findings, and leaves the numbers in a page that both share.
#include "runtime/leak.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/flags.h"
#include "base/owned.h"
#include "base/tls.h"
#include "runtime/chan.h"
#include "runtime/dump.h"
#include "runtime/feed.h"
#include "runtime/leak_memory.h"
#include "runtime/sched.h"
#include "runtime/stack_arena.h"
#include "runtime/waits.h"
#include "runtime/world.h"

enum {
    RED_ZONE = 128,
    PUSHED = 5 * sizeof(uintptr_t),
    THREAD_SIZE = 2304,
    FPU = 512,
    SHOWN = 50,
    WAIT_MOST_NS = 100000000
};
enum leak { NOT_LOOKED_AT, ROOT, WAITS, REACHED, SHARED, LEAKED };

// ---- in the copy: the goroutines -------------------------------------------------------------------------------------------

typedef void each(struct rv__g *g);
static void for_each(each *fn)
{
    for (struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next) // acquire: pairs with make_block
        for (uint64_t i = 0; i < b->n; i++)
            if (base_load_relaxed(&b->gs[i].state) != RV__FREE && !b->gs[i].dropped) fn(&b->gs[i]);
}
static bool ends_by_itself(const struct rv__g *g)
{
    switch (g->why) {
    case RV__WHY_CHAN_SEND_NIL:
    case RV__WHY_CHAN_RECV_NIL:
    case RV__WHY_SELECT_NONE: return false;
    case RV__WHY_SELECT: return rv__select_ends(g->select);
    case RV__WHY_SLEEP:
    case RV__WHY_IO:
    case RV__WHY_LEFTOVER:
    case RV__WHY_TIMER: return true;
    default: return g->object == NULL;
    }
}
static void classify(struct rv__g *g)
{
    if (g->leak == ROOT) return; // a thread's stack pointer is in its stack
    g->leak = base_load_relaxed(&g->state) == RV__WAITING && !ends_by_itself(g) ? WAITS : ROOT;
}
static bool is_reached(const struct rv__g *g)
{
    rv_chan *ch;
    bool send;
    if (g->why != RV__WHY_SELECT) return g->object && rv__memory_reached((uintptr_t)g->object);
    for (int i = 0; rv__select_at(g->select, i, &ch, &send); i++)
        if (ch && rv__memory_reached((uintptr_t)ch)) return true;
    return false;
}

// ---- in the copy: what can run ---------------------------------------------------------------------------------------------

static bool uncertain;       // the registers of some thread, or some memory, are not known
static enum leak reached_as; // who is reached now
static bool more;

static struct rv__g *owner_of(uintptr_t sp) // the goroutine whose stack that is
{
    struct rv__stack s;
    if (!rv__stack_find(sp, &s)) return NULL;
    for (struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next) // acquire: as in for_each
        for (uint64_t i = 0; i < b->n; i++)
            if (base_load_relaxed(&b->gs[i].state) != RV__FREE && b->gs[i].stack.lo == s.lo) return &b->gs[i];
    return NULL;
}
static struct rv__m *m_of(uintptr_t tp)
{
    struct rv__m *m = base_load_acquire(&rv__sched.all_m); // acquire: pairs with rv__m_make
    while (m && (!m->tid || (uintptr_t)m->thread != tp)) m = m->all_next;
    return m;
}
static uintptr_t sp_of(const ucontext_t *u) { return (uintptr_t)u->uc_mcontext.gregs[REG_RSP] - RED_ZONE; }
static uintptr_t running_sp[RV__THREADS + 1]; // of each thread, the caller last
static uintptr_t running_tp[RV__THREADS + 1];
static const ucontext_t *running_at[RV__THREADS + 1];
static uint32_t n_running;

static void run_on(uintptr_t sp, uintptr_t tp, const ucontext_t *at)
{
    struct rv__g *const g = owner_of(sp);
    const struct rv__m *const m = m_of(tp);
    running_sp[n_running] = sp;
    running_at[n_running] = at;
    running_tp[n_running++] = tp;
    if (g) {
        g->leak = ROOT;
        g->context.sp = sp; // in this copy it will not be gone on from
    }
    if (m && m->main)
        rv__memory_dead_below(rv__run_frame());
    else if (m && m->g != &m->hidden)
        rv__memory_dead_below(tp - base_static_tls());
    else if (!g)
        rv__memory_dead_below(sp);
}
// Before the map is read: whose stack is whose, and which are in use.
static void see_threads(const ucontext_t *own, uintptr_t sp)
{
    for (uint32_t i = 0; i < rv__world.n; i++) {
        const struct rv__thread *const t = &rv__world.threads[i];
        if (t->context)
            run_on(sp_of(t->context), t->tp, t->context);
        else if (t->sp)
            run_on(t->sp - RED_ZONE, 0, NULL);
    }
    // Helpers have nothing of the program's.
    rv__memory_dead_below((uintptr_t)rv__sched.monitor - base_static_tls());
    rv__memory_dead_below((uintptr_t)rv__sched.maker - base_static_tls());
    run_on(own ? sp_of(own) : sp, (uintptr_t)__builtin_thread_pointer(), own);
    uncertain = rv__world.unknown != 0;
}
static void root_registers(const ucontext_t *u)
{
    const uintptr_t regs = (uintptr_t)u->uc_mcontext.gregs, fp = (uintptr_t)u->uc_mcontext.fpregs;
    rv__memory_root(regs, regs + sizeof u->uc_mcontext.gregs);
    if (fp) rv__memory_root(fp, fp + FPU);
}
static void root_thread(uint32_t i)
{
    const ucontext_t *const u = running_at[i];
    const uintptr_t sp = running_sp[i], tp = running_tp[i];
    const struct rv__m *const m = m_of(tp);
    struct rv__stack s;
    const bool on_goroutine = rv__stack_find(sp, &s), ours = m && m->g != &m->hidden;
    // An M that looks for work, or waits for it, has nothing of the program's, only what is left of it in registers and on its stack.
    const bool idle = ours && !on_goroutine && !m->fires;
    if (u && !idle) root_registers(u);
    if (on_goroutine)
        rv__memory_root(sp, s.hi); // or that for signals
    else if (!ours)
        rv__memory_root_thread(sp);
    else if (!idle)
        rv__memory_root(sp, m->main ? rv__run_frame() : tp);
    if (m && m->main) rv__memory_root_thread(rv__run_frame());
    if (tp) rv__memory_root(tp - base_static_tls(), tp + THREAD_SIZE); // else it lies above sp
}
static void root_stack(struct rv__g *g)
{
    if (g->extra) rv__memory_root_word((uintptr_t)g->extra);
    if (g->context.pc == 0) {
        rv__memory_root_word((uintptr_t)g->arg);
        return;
    }
    rv__memory_root(g->context.sp, g->stack.hi);
    rv__memory_root_word(g->context.fp);
}
static void root_ready(struct rv__g *g)
{
    const uint8_t state = base_load_relaxed(&g->state);
    if (g->leak != ROOT) return;
    for (uint32_t i = 0; i < n_running; i++)
        if (running_sp[i] - g->stack.lo < g->stack.hi - g->stack.lo) { // root_thread has seen to it
            if (g->extra) rv__memory_root_word((uintptr_t)g->extra);
            return;
        }
    root_stack(g);
    if (state == RV__WAITING || state == RV__RUNNABLE) return;
    uncertain = true; // it runs, in a thread that did not stop
    rv__memory_root(g->stack.lo, g->stack.hi);
}
// What a timer calls, and with what. (One on the stack of who waits has nothing but that.)
static void root_timers(void)
{
    for (uint32_t i = 0; i < rv__sched.n_ps; i++) {
        const struct rv__timers *const ts = &rv__sched.ps[i]->timers;
        for (uint32_t k = 0; k < ts->n; k++) {
            const uintptr_t t = (uintptr_t)ts->heap[k].timer;
            struct rv__stack s;
            rv__memory_root(t, t + sizeof(rv_timer));
            if (!rv__stack_find(t, &s)) rv__memory_root_word(t);
        }
    }
}

// ---- in the copy: the search -----------------------------------------------------------------------------------------------

// Slots of stacks that no goroutine has are nobody's memory.
static void see_stacks(void)
{
    for (uint32_t a = 0; a < RV__ARENAS && rv__arenas[a].base; a++) {
        const struct rv__arena *const arena = &rv__arenas[a];
        struct rv__g **const owner = sys_reserve(arena->slots * sizeof(*owner) + 1);
        uintptr_t from = arena->base;
        if (!owner) {
            uncertain = true;
            continue;
        }
        for (struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next) // acquire: as in for_each
            for (uint64_t i = 0; i < b->n; i++) {
                struct rv__g *const g = &b->gs[i];
                const uint32_t slot = g->leak && g->stack.lo ? rv__arena_find(g->stack.lo) : RV__NO_SLOT;
                if (slot != RV__NO_SLOT && rv__arena_of(slot) == arena) owner[rv__slot_index(slot)] = g;
            }
        for (uint32_t i = 0; i < arena->slots; i++) {
            if (!owner[i] || owner[i]->context.pc == 0) continue;
            rv__memory_hide(from, owner[i]->stack.lo);
            rv__memory_stack(owner[i]->stack.lo, owner[i]->context.sp, owner[i]->stack.hi);
            from = owner[i]->stack.hi;
        }
        rv__memory_hide(from, arena->base + arena->slots * arena->stride);
    }
}
static void reach(struct rv__g *g)
{
    if (g->leak != WAITS || !is_reached(g)) return;
    g->leak = (uint8_t)reached_as;
    root_stack(g);
    more = true;
}
static void reach_all(enum leak as)
{
    reached_as = as;
    do {
        more = false;
        rv__memory_search();
        for_each(reach);
    } while (more);
}
static void condemn(struct rv__g *g)
{
    if (g->leak == WAITS) g->leak = uncertain ? SHARED : LEAKED;
}
void rv__leak_look(const void *ucontext, uintptr_t sp)
{
    see_threads(ucontext, sp);
    for_each(classify);
    see_stacks();
    if (!rv__memory_open()) return;
    for (uint32_t i = 0; i < n_running; i++) root_thread(i);
    for_each(root_ready);
    root_timers();
    reach_all(REACHED);
    rv__memory_root_shared();
    reach_all(SHARED);
    uncertain |= rv__memory_unseen();
    for_each(condemn);
}
bool rv__leaked(const struct rv__g *g) { return g->leak == LEAKED; }

// ---- in the copy: the findings ---------------------------------------------------------------------------------------------

static struct request {
    const rv_leak_options *o;
    uintptr_t sp; // of the caller
    rv_gid me;
    bool print;
} request;
static struct result { // shared with the copy
    uint32_t done, findings, blocked;
} * result;

static bool listed(const struct rv__g *g, const char *const *names, bool top)
{
    for (; names && *names; names++)
        if (rv__dump_has(g, *names, top)) return true;
    return false;
}
static bool is_ignored(const struct rv__g *g)
{
    const rv_leak_options *const o = request.o;
    if (g->id == request.me || base_load_relaxed(&g->leak_ignored)) return true; // relaxed: this is a copy
    return o && (listed(g, o->ignore_top, true) || listed(g, o->ignore_any, false));
}
static const char *method(const struct rv__g *g)
{
    if (g->leak == LEAKED) return "nothing that can run reaches what it waits for (unreachable, conservative scan)";
    if (g->leak == SHARED) return "blocked: it may be reached through memory, or registers, that cannot be searched";
    return "left: it is still there";
}
static void put_finding(struct rv__g *g)
{
    rv__dump_parked(g);
    rv__waits_put(rv__dump_out(), g);
    base_putf(rv__dump_out(), "\tfound by: %s\n\n", method(g));
}
static bool counts(const struct rv__g *g)
{
    const bool left = request.o && request.o->flags & RV_LEAK_LEFT;
    return g->leak == LEAKED || (left && g->leak != NOT_LOOKED_AT);
}
static void put_title(void)
{
    struct base_buf *const out = rv__dump_out();
    base_putf(out, "ravel: %u goroutine%s", result->findings, result->findings == 1 ? " is" : "s are");
    base_puts(out, request.o && request.o->flags & RV_LEAK_LEFT ? " left" : " leaked");
    if (result->blocked) base_putf(out, ", %u blocked", result->blocked);
    base_puts(out, ":\n\n");
}
static void count_one(struct rv__g *g)
{
    const bool finding = counts(g), blocked = !finding && g->leak == SHARED;
    if ((!finding && !blocked) || is_ignored(g)) {
        g->leak = NOT_LOOKED_AT; // no more to do with it
        return;
    }
    result->findings += finding;
    result->blocked += blocked;
}
static void print_one(struct rv__g *g)
{
    static uint32_t shown;
    if (g->leak != NOT_LOOKED_AT && shown++ < SHOWN) put_finding(g);
}
static void look_and_print(void *arg)
{
    (void)arg;
    rv__leak_look(NULL, request.sp);
    for_each(count_one);
    if (request.print && result->findings + result->blocked) {
        put_title();
        for_each(print_one);
        if (result->findings + result->blocked > SHOWN)
            base_putf(rv__dump_out(), "... and %u more\n\n", result->findings + result->blocked - SHOWN);
    }
    result->done = 1;
}

// ---- in the program --------------------------------------------------------------------------------------------------------

static uint32_t checking; // atomic: one check at a time
static uint32_t at_end;   // findings when main returned, of all runs

static bool shared_page(void)
{
    if (result) return true;
    const long p = sys_call6(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p < 0 && p > -4096) return false;
    base_owned_add((void *)p, 4096);
    result = (struct result *)p;
    return true;
}
// The child; -EAGAIN: there is none.
static NOINLINE int copy(void)
{
    struct rv__g *const g = rv__enter();
    int child = -EAGAIN;
    request.me = g->kind == RV__GOROUTINE ? g->id : 0;
    while (!rv__world_stop()) sys_yield();
    child = rv__in_copy(look_and_print, NULL);
    rv__world_start();
    rv__leave(g);
    return child;
}
static int look(const rv_leak_options *o, uintptr_t sp, bool print)
{
    request = (struct request){.o = o, .sp = sp, .print = print};
    *result = (struct result){0};
    const int child = copy();
    if (child < 0) return -EAGAIN;
    rv_syscall_enter();
    const bool well = rv__copy_ended_well(child);
    rv_syscall_exit();
    return well && result->done ? (int)result->findings : -EAGAIN;
}
static int look_again(const rv_leak_options *o, uintptr_t sp)
{
    const bool quiet = o && o->flags & RV_LEAK_QUIET;
    int64_t pause = 1000;
    for (int left = o ? o->retries : 0; left > 0; left--) {
        const int n = look(o, sp, false);
        if (n <= 0) return n;
        rv_sleep(pause);
        pause = 2 * pause < WAIT_MOST_NS ? 2 * pause : WAIT_MOST_NS;
    }
    return look(o, sp, !quiet);
}
int rv_leak_check(const rv_leak_options *o)
{
    __builtin_unwind_init(); // what the caller keeps in registers is pushed right below the frame pointer; deeper frames are ours
    const uintptr_t sp = (uintptr_t)__builtin_frame_address(0) - PUSHED;
    while (base_exchange_acquire(&checking, 1u)) rv_gosched(); // acquire: request and result
    const int n = shared_page() ? look_again(o, sp) : -EAGAIN;
    base_store_release(&checking, 0u);
    return n;
}
static void ignore(struct rv__g *g) { base_store_relaxed(&g->leak_ignored, 1); } // relaxed: a mark
void rv_leak_ignore_current(void) { for_each(ignore); }

void rv__leak_at_end(void)
{
    const int n = rv_leak_check(NULL);
    if (n <= 0) return;
    at_end += (uint32_t)n;
    if (rv__feed) rv__feed->found((uint32_t)n);
}
// After all handlers of the program's. With the detectors they see to the exit code.
__attribute__((destructor(101))) static void exit_code(void)
{
    if (!at_end || rv__feed || !base_flags.exitcode) return;
    fflush(NULL);
    sys_exit(base_flags.exitcode);
}
