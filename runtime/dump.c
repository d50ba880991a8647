// dump.c: goroutines as Go prints them.
//
//     goroutine 7 "worker" [chan receive, 5 minutes] {job=12}:
//     rv_chan_recv()
//     	/home/ada/prog+0x4b20
//     work()
//     	/home/ada/prog+0x1e3a
//     created by start_workers in goroutine 1
//     	/home/ada/prog+0x1ef0
//
// SIGQUIT. Whoever gets the signal makes a child process by the bare system call, which sees all memory as it is at that
// moment, and has it print. The program goes on meanwhile, except for the thread that got the signal, which waits for the child; no
// lock is taken, so the signal may come at any instruction. What runs in other threads has its registers there, where the child
// cannot look; it is said. The copy is not quite of one moment (a page may be copied before another thread changes it, and the next
// one after): a walk that goes astray ends in the child's own handler, and costs that goroutine's frames.
// A fatal error prints in the process itself: it is about to end.
#include "runtime/dump.h"

#include <errno.h>
#include <signal.h>
#include <sched.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/print.h"
#include "runtime/leak.h"
#include "runtime/sched.h"
#include "runtime/waits.h"
#include "runtime/where.h"
#include "runtime/world.h"

enum { FRAMES = 100, OWN = 10, OUT = 32 << 10, LINE = 2048, CHILD_SECONDS = 60, NOTE_NS = 1000000000 };
#define MINUTE 60000000000

static char out_text[OUT];
static struct base_buf out = {out_text, 0, OUT, false};
static uint32_t claimed;             // atomic: somebody prints the end
static uint32_t dumping;             // atomic: a SIGQUIT is being served
static int64_t noted_at, idle_since; // atomic: rv__note_waits
void *rv__astray[5];                 // where the child goes on when a walk hits memory that is none
static bool may_go_astray;

static void flush(void)
{
    sys_write_all(2, out.p, out.n);
    out.n = 0;
}
static void make_room(void)
{
    if (out.cap - out.n < LINE) flush();
}

// ---- frames ----------------------------------------------------------------------------------------------------------

static void put_place(uintptr_t pc, const struct rv__where *w)
{
    if (w->module)
        base_putf(&out, "\t%s+0x%lx\n", w->module, w->offset);
    else
        base_putf(&out, "\t0x%lx\n", pc);
}
// Without what compilers append: ".cold", ".part.0".
static void put_function(const struct rv__where *w)
{
    const char *const f = w->function ? w->function : "?";
    int n = 1;
    while (f[n] && f[n] != '.' && n < 512) n++;
    base_putf(&out, "%.*s", n, f);
}
static void put_frame(uintptr_t pc, bool is_return)
{
    make_room();
    if (pc == RV__ELIDED) {
        base_puts(&out, "...additional frames elided...\n");
        return;
    }
    const struct rv__where w = rv__where(pc - is_return);
    put_function(&w);
    base_puts(&out, "()\n");
    put_place(pc, &w);
}
static bool named(uintptr_t pc, const char *name)
{
    const char *const f = rv__where(pc).function;
    return f && base_strcmp(f, name) == 0;
}
static const char *name_at(uintptr_t pc)
{
    const char *const f = rv__where(pc - 1).function;
    return f ? f : "";
}
// How many innermost frames are of no interest: those below the first function of ravel.h, or, where the compiler made a jump of the
// last call and that one is gone, up to the last function that is only ours.
static int own_frames(const uintptr_t *pcs, int n)
{
    int own = 0;
    for (int i = 0; i < n && i < OWN; i++) {
        const char *const f = rv__where(pcs[i] - (i > 0)).function;
        if (!f || base_strncmp(f, "rv_", 3) != 0) continue;
        if (f[3] != '_') return i;
        own = i + 1;
    }
    return own < n ? own : 0;
}
// Without what started the goroutine.
static int without_start(const uintptr_t *pcs, int n)
{
    for (int i = n; i-- > 0;)
        if (named(pcs[i] - 1, "rv__main")) return i > 0 && named(pcs[i - 1] - 1, "rv__main_goroutine") ? i - 1 : i;
    return n;
}
// skip_own: the innermost ones are ours.
static void put_frames(const uintptr_t *pcs, int n, bool skip_own)
{
    const int end = without_start(pcs, n);
    for (int i = skip_own ? own_frames(pcs, end) : 0; i < end; i++) put_frame(pcs[i], i > 0);
}

// ---- a goroutine -------------------------------------------------------------------------------------------------------

static const char *state_text(const struct rv__g *g)
{
    switch (base_load_relaxed(&g->state)) { // relaxed: it may change while we look; see the head of this file
    case RV__RUNNABLE: return "runnable";
    case RV__RUNNING: return "running";
    case RV__SYSCALL: return "syscall";
    case RV__PREEMPTED: return "preempted";
    case RV__WAITING: return g->why && g->why < RV__WHY_COUNT ? rv__why_text[g->why] : "waiting";
    default: return "dead";
    }
}
static int64_t waiting_since(const struct rv__g *g)
{
    if (base_load_relaxed(&g->state) != RV__WAITING) return 0;
    const int64_t since = base_load_relaxed(&g->since);
    const bool idle = base_load_relaxed(&rv__sched.monitor_asleep);
    return since ? since : idle ? base_load_relaxed(&idle_since) : 0; // relaxed, all three: a figure for people
}
static void put_text(const char *s, size_t most) // a name that somebody chose: one line
{
    for (size_t i = 0; i < most && s[i]; i++) base_putn(&out, (unsigned char)s[i] < ' ' ? "?" : &s[i], 1);
}
static void put_header(const struct rv__g *g, int64_t now)
{
    const int64_t since = waiting_since(g);
    make_room();
    base_putf(&out, "goroutine %lu ", g->id);
    if (g->extra && g->extra->name[0]) {
        base_puts(&out, "\"");
        put_text(g->extra->name, sizeof g->extra->name);
        base_puts(&out, "\" ");
    }
    base_putf(&out, "[%s%s", state_text(g), rv__leaked(g) ? " (leaked)" : "");
    if (since && now - since >= MINUTE) base_putf(&out, ", %ld minutes", (now - since) / MINUTE);
    if (g->lock_depth) base_puts(&out, ", locked to thread");
    base_puts(&out, "]");
    if (g->extra && g->extra->labels[0]) {
        base_puts(&out, " {");
        put_text(g->extra->labels, sizeof g->extra->labels);
        base_puts(&out, "}");
    }
    base_puts(&out, ":\n");
}
static void put_creator(const struct rv__g *g)
{
    if (!g->go_pc) return;
    const struct rv__where w = rv__where(g->go_pc - 1);
    make_room();
    base_puts(&out, "created by ");
    put_function(&w);
    if (g->parent)
        base_putf(&out, " in goroutine %lu\n", g->parent);
    else
        base_puts(&out, " in a plain thread\n");
    put_place(g->go_pc, &w);
}
static void put_parked(const struct rv__g *g)
{
    uintptr_t pcs[FRAMES];
    int n = 0;
    const uint8_t state = base_load_relaxed(&g->state);
    if ((state != RV__WAITING && state != RV__RUNNABLE) || base_load_relaxed(&g->on_cpu))
        base_puts(&out, "\tgoroutine running on another thread; stack unavailable\n");
    else if (g->context.pc == 0) // it has never run
        put_frame((uintptr_t)g->fn, false);
    else if (may_go_astray && __builtin_setjmp(rv__astray))
        base_puts(&out, "\tstack unavailable\n");
    else if ((n = rv__walk_parked(&g->context, pcs, FRAMES)) > 0)
        put_frames(pcs, n, true);
}
static void put_current(const struct rv__g *g, const void *ucontext)
{
    uintptr_t pcs[FRAMES];
    if (g)
        put_header(g, rv__real_now());
    else
        base_putf(&out, "thread %d [running]:\n", sys_gettid());
    const int n = ucontext ? rv__walk_signal(ucontext, pcs, FRAMES) : rv__walk_here(pcs, FRAMES);
    put_frames(pcs, n, !ucontext);
    if (g) put_creator(g);
}

static void put_goroutine(const struct rv__g *g, int64_t now)
{
    put_header(g, now);
    put_parked(g);
    put_creator(g);
}
void rv__dump_parked(const struct rv__g *g)
{
    put_goroutine(g, rv__real_now());
    make_room();
}
void rv__dump_flush(void) { flush(); }
struct base_buf *rv__dump_out(void)
{
    make_room();
    return &out;
}
bool rv__dump_has(const struct rv__g *g, const char *function, bool top)
{
    uintptr_t pcs[FRAMES];
    if (g->context.pc == 0) return named((uintptr_t)g->fn, function);
    if (may_go_astray && __builtin_setjmp(rv__astray)) return false;
    const int n = without_start(pcs, rv__walk_parked(&g->context, pcs, FRAMES)), own = own_frames(pcs, n);
    for (int i = own; i < n; i++) {
        const bool theirs = base_strncmp(name_at(pcs[i]), "rv_", 3) != 0;
        if (named(pcs[i] - (i > 0), function)) return true;
        if (top && theirs) return false;
    }
    return !top && g->go_pc && named(g->go_pc - 1, function);
}

// ---- all of them -------------------------------------------------------------------------------------------------------

struct every { // goroutine, in the order of their numbers
    struct rv__g **g;
    size_t n, room;
};
static void sift(struct rv__g **g, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && g[child]->id < g[child + 1]->id) child++;
        if (g[at]->id >= g[child]->id) return;
        struct rv__g *const t = g[at];
        g[at] = g[child];
        g[child] = t;
    }
}
static void sort(struct rv__g **g, size_t n)
{
    for (size_t i = n / 2; i-- > 0;) sift(g, i, n);
    for (size_t i = n; i-- > 1;) {
        struct rv__g *const t = g[0];
        g[0] = g[i];
        g[i] = t;
        sift(g, 0, i);
    }
}
static struct every collect(const struct rv__g *but)
{
    struct every e = {0};
    const struct rv__g_block *const first = base_load_acquire(&rv__g_blocks); // acquire: pairs with more_gs
    for (const struct rv__g_block *b = first; b; b = b->next) e.room += b->n;
    e.g = sys_reserve(e.room * sizeof *e.g + 1);
    for (const struct rv__g_block *b = first; e.g && b; b = b->next)
        for (uint64_t i = 0; i < b->n; i++)
            if (base_load_acquire(&b->gs[i].state) != RV__FREE && &b->gs[i] != but) e.g[e.n++] = (void *)&b->gs[i];
    sort(e.g, e.n);
    return e;
}
static void put_threads(void) // plain ones that wait at something of ours
{
    for (struct rv__m *m = base_load_acquire(&rv__sched.all_m); m; m = m->all_next) // acquire: pairs with rv__m_make
        if (base_load_relaxed(&m->hidden.state) == RV__WAITING) {
            make_room();
            base_putf(&out, "\nthread %d [%s]:\n\tplain thread; stack unavailable\n", m->tid, state_text(&m->hidden));
        }
}
static void put_all(const struct rv__g *but, bool first, bool and_waits)
{
    const struct every e = collect(but);
    const int64_t now = rv__real_now();
    for (size_t i = 0; i < e.n; i++) {
        make_room();
        if (!first) base_puts(&out, "\n");
        first = false;
        put_goroutine(e.g[i], now);
        if (and_waits) rv__waits_put(&out, e.g[i]);
    }
    put_threads();
}

// ---- the end of the process ----------------------------------------------------------------------------------------------

void rv__dump_claim(void)
{
    if (base_exchange_acquire(&claimed, 1u) == 0) return; // acquire: the buffer
    for (;;) sys_futex_wait(&claimed, 1);
}
void rv__dump_text(const char *text, size_t n) { base_putn(&out, text, n); }
void rv__dump_one(struct rv__g *g, const void *ucontext)
{
    put_current(g, ucontext);
    flush();
}
void rv__dump_all(void)
{
    put_all(NULL, true, true);
    flush();
}

// ---- SIGQUIT -------------------------------------------------------------------------------------------------------------

static void went_astray(int sig)
{
    (void)sig;
    if (may_go_astray) __builtin_longjmp(rv__astray, 1);
    sys_exit(1);
}
static void prepare_child(void)
{
    const struct itimerval limit = {
        .it_value = {.tv_sec = CHILD_SECONDS}}; // the loader's lock may be held for ever here
    struct sigaction a = {.sa_handler = went_astray, .sa_flags = SA_NODEFER};
    sigset_t unblocked;
    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
    a.sa_handler = SIG_DFL;
    sigaction(SIGALRM, &a, NULL);
    sigemptyset(&unblocked);
    sigaddset(&unblocked, SIGALRM);
    sigaddset(&unblocked, SIGSEGV);
    sigaddset(&unblocked, SIGBUS);
    sigprocmask(SIG_UNBLOCK, &unblocked, NULL);
    setitimer(ITIMER_REAL, &limit, NULL);
    may_go_astray = true;
}
int rv__in_copy(void (*fn)(void *), void *arg)
{
    // No SIGCHLD (no signal in the flags), and nobody's wait() but ours sees it.
    const long child = sys_call6(SYS_clone, 0, 0, 0, 0, 0, 0);
    if (child != 0) return (int)child;
    prepare_child();
    fn(arg);
    flush();
    sys_exit(0);
}
bool rv__copy_ended_well(int child)
{
    int status = 0;
    while (sys_call4(SYS_wait4, child, &status, __WALL, NULL) == -EINTR) continue;
    return status == 0;
}
struct view { // of a dump: what it says first, whom the signal met and where, whether all others follow
    const char *title;
    const struct rv__g *me;
    const void *ucontext;
    bool others, stopped;
};
static void print_in_child(void *arg)
{
    const struct view *const v = arg;
    if (v->stopped) rv__leak_look(v->ucontext, 0);
    base_puts(&out, v->title);
    if (v->me) put_current(v->me, v->ucontext);
    flush();
    if (v->others) put_all(v->me, v->me == NULL, false);
}
static void serve(const char *title, const struct rv__g *me, const void *ucontext, bool others)
{
    struct view v = {title, me, ucontext, others, ucontext && others && rv__world_stop()};
    const int child = rv__in_copy(print_in_child, &v);
    if (v.stopped) rv__world_start();
    if (child < 0)
        base_say("no goroutines shown: there is no memory for a copy of the process (error %d)", -child);
    else if (!rv__copy_ended_well(child))
        base_say("the list of goroutines may be short: it took too long, or failed");
}
void rv__dump_running(const char *title, const struct rv__g *g, const void *ucontext)
{
    serve(title, g, ucontext, false);
}
void rv__dump_others(const char *title) { serve(title, NULL, NULL, true); }
static void on_quit(int sig, siginfo_t *info, void *ucontext)
{
    (void)info;
    const int saved = errno;
    if (!base_load_relaxed(&rv__sched.running)) { // not ours to serve: what would have been
        struct sigaction a = {.sa_handler = SIG_DFL};
        sigaction(sig, &a, NULL);
        sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), sig);
    } else if (base_exchange_acquire(&dumping, 1u) == 0) {
        const struct rv__m *const m = rv__m();
        serve("SIGQUIT: quit\n\n", m && m->g && m->g->kind == RV__GOROUTINE ? m->g : NULL, ucontext, true);
        base_store_release(&dumping, 0u);
    }
    errno = saved;
}
void rv__dump_init(void)
{
    struct sigaction now, a = {.sa_sigaction = on_quit, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigaction(SIGQUIT, NULL, &now);
    if (now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_DFL) return;
    sigfillset(&a.sa_mask);
    sigaction(SIGQUIT, &a, NULL);
}

// ---- since when ----------------------------------------------------------------------------------------------------------

void rv__note_waits(int64_t now, bool idle)
{
    if (idle) base_store_relaxed(&idle_since, now); // relaxed: a figure for people, as all here
    if (noted_at == 0) noted_at = now;              // nobody has waited for long yet
    if (now - noted_at < 10 * (int64_t)NOTE_NS) return;
    noted_at = now;
    for (struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next) // acquire: as in collect
        for (uint64_t i = 0; i < b->n; i++)
            if (base_load_relaxed(&b->gs[i].state) == RV__WAITING && base_load_relaxed(&b->gs[i].since) == 0)
                base_store_relaxed(&b->gs[i].since, now);
}
