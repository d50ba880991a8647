// fault.c: a goroutine that has used up its stack is told from any other fault, and reported.
//
// The fault lies in the guard below the running goroutine's stack (stack.h), so there is no room for a handler: each M has a signal
// stack, from the same pool. The report itself runs on a stack of its own, since the program may have given
// the thread a small one. It ends the process, so one is enough: who comes second waits for the end (rv__dump_claim).
//
// Every other fault is the program's: it goes to the handler that was there before rv_run, called as it asked to be, or to the
// default action, at the very instruction. A handler that the program installs later replaces ours, and gets overflows, too.
#include "runtime/fault.h"

#include <errno.h>
#include <signal.h>
#include <ucontext.h>

#include "base/arena.h"
#include "base/print.h"
#include "runtime/dump.h"
#include "runtime/sched.h"

bool base_arena_in_cores = true; // base/arena.h: Gs and Ms, for ravel-gdb.py

static const int signals[2] = {SIGSEGV, SIGBUS};
static struct sigaction previous[2]; // constant once set, but for SA_RESETHAND
static __thread struct rv__stack mine
    __attribute__((tls_model("initial-exec"))); // the signal stack that we gave this thread

// ---- the report ------------------------------------------------------------------------------------------------------

static char report_stack[128 << 10] __attribute__((aligned(64)));
static struct { // of the one thread that has claimed the end
    struct rv__g *g;
    const void *ucontext;
} overflow;

static _Noreturn void report(void)
{
    BASE_BUF(b, 256);
    const struct rv__g *g = overflow.g;
    base_putf(
        &b,
        "fatal error: stack overflow\n\ngoroutine %lu has used up its stack of %zu bytes; rv_go_options.stack_size "
        "gives it more\n\n",
        g->id, (size_t)(g->stack.hi - g->stack.lo));
    rv__dump_text(b.p, b.n);
    rv__dump_one(overflow.g, overflow.ucontext);
    rv__fatal_exit();
}
static _Noreturn void report_overflow(struct rv__g *g, const void *ucontext)
{
    rv__dump_claim();
    overflow.g = g;
    overflow.ucontext = ucontext;
    const struct rv__context c = rv__context_call(report, (uintptr_t)report_stack + sizeof report_stack);
    rv__switch_away(&c);
}

// ---- faults ----------------------------------------------------------------------------------------------------------

static struct rv__g *running(void)
{
    const struct rv__m *m = rv__m();
    return m && m->g && m->g->kind == RV__GOROUTINE ? m->g : NULL;
}
static bool is_overflow(const struct rv__g *g, const siginfo_t *info)
{
    struct rv__stack s;
    const uintptr_t at = (uintptr_t)info->si_addr;
    return info->si_code > 0 && g && rv__stack_find(at, &s) && s.lo == g->stack.lo &&
           at < s.lo; // > 0: the kernel's own
}
// What would have happened without us. Back at the instruction that faulted it faults again, and nobody catches it.
static void by_default(int sig, const siginfo_t *info)
{
    const struct sigaction a = {.sa_handler = SIG_DFL};
    sigaction(sig, &a, NULL);
    if (info->si_code <= 0) sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), sig); // somebody sent it
}
static void pass_on(int sig, siginfo_t *info, void *ucontext)
{
    struct sigaction *p = &previous[sig == SIGBUS], was = *p;
    if (was.sa_flags & SA_RESETHAND) *p = (struct sigaction){.sa_handler = SIG_DFL};
    if (was.sa_flags & SA_SIGINFO)
        was.sa_sigaction(sig, info, ucontext);
    else if (was.sa_handler != SIG_DFL && was.sa_handler != SIG_IGN)
        was.sa_handler(sig);
    else if (was.sa_handler == SIG_DFL || info->si_code > 0) // a fault cannot be ignored
        by_default(sig, info);
}
static void handler(int sig, siginfo_t *info, void *ucontext)
{
    const int saved = errno;
    struct rv__g *g = running();
    if (is_overflow(g, info)) report_overflow(g, ucontext);
    pass_on(sig, info, ucontext);
    errno = saved;
}
// With the mask and the flags of the one before, so that it finds what it asked for.
void rv__fault_init(void)
{
    for (int i = 0; i < 2; i++) {
        sigaction(signals[i], NULL, &previous[i]);
        struct sigaction a = previous[i];
        a.sa_sigaction = handler;
        a.sa_flags = (a.sa_flags & ~SA_RESETHAND) | SA_SIGINFO | SA_ONSTACK;
        sigaction(signals[i], &a, NULL);
    }
}

// ---- signal stacks ---------------------------------------------------------------------------------------------------

// A fault that is blocked would end the process without a word.
static void unblock_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigaddset(&set, faults[i]);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
void rv__fault_thread_init(void)
{
    stack_t now;
    unblock_faults();
    if (sigaltstack(NULL, &now) != 0 || !(now.ss_flags & SS_DISABLE) || !rv__stack_get_slow(NULL, 0, &mine)) return;
    const stack_t s = {.ss_sp = (void *)mine.lo, .ss_size = mine.hi - mine.lo};
    sigaltstack(&s, NULL);
}
void rv__fault_thread_exit(void)
{
    stack_t now;
    if (!mine.lo) return;
    const stack_t none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(NULL, &now) == 0 && (uintptr_t)now.ss_sp == mine.lo && sigaltstack(&none, NULL) != 0)
        return; // it runs on it
    rv__stack_put_slow(NULL, &mine);
    mine.lo = 0;
}
