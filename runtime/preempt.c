// preempt.c: a goroutine that has run for too long stops where it is, and its P goes on without it.
//
// sysmon sends SIGURG to its thread. The handler gives the P to an idle M, queues the goroutine as one that runs in this M
// only, and waits, inside the handler, until somebody who picked it passes a P back. So a goroutine that is preempted in the middle
// of malloc, of a thread-local variable's use, or of a signal handler goes on in the same thread.
//
//   (1) Not inside a section of ours or of the detector's: there the handler leaves `preempt` set, and the end of
//       the section stops in place (rv__leave).
//   (2) A preempted goroutine may hold any lock of libc's. So the P is given to an M that exists already; when none is idle,
//       nobody is preempted, and the maker (m.c) is asked for one.
//   (3) A thread that sleeps in the kernel is not signalled; its P is taken without it (rv__retake_sleeper). Where it fell asleep between
//       that look and the signal, the kernel restarts the call (SA_RESTART), or we do: a call that it does not restart by itself
//       has returned -EINTR to the instruction after `syscall`, and we go back to before it. It had just begun.
#include "runtime/sched.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <ucontext.h>

#include "base/print.h"
#include "runtime/feed.h"
#include "runtime/seeded.h"

static struct sigaction previous;

static void stop_in_place(struct rv__m *m)
{
    struct rv__g *g = m->g;
    base_store_relaxed(&m->preempt, rv__seeded);
    if (!g || !rv__p_of(m) || base_load_relaxed(&rv__sched.stopping) || !rv__anything_to_do()) return;
    struct rv__m *other = rv__m_idle_get();
    if (!other) return;
    struct rv__p *p = rv__p_release(m);
    base_store_relaxed(&g->state, RV__PREEMPTED);
    g->locked = m;
    rv__global_put(g);
    rv__m_unpark(other, p);
    rv__m_park(m);
    p = m->next_p;
    m->next_p = NULL;
    g->locked = m->locked ? m : NULL;
    base_store_relaxed(&g->state, RV__RUNNING);
    if (p) rv__p_acquire(m, p); // else rv_run is over: it goes on, without a P, to its next call of ours
}
struct rv__m *rv__preempt_park(struct rv__m *m)
{
    if (likely(!rv__seeded)) {
        stop_in_place(m);
        return m;
    }
    rv__seeded_yield(m);
    return rv__m();
}

#if defined(__x86_64__)
// A system call that was interrupted by our signal is made again. What it was is the constant that the wrapper put into eax just
// before (glibc's do); where that is not so, the program sees EINTR.
static void restart_call(ucontext_t *u)
{
    greg_t *r = u->uc_mcontext.gregs;
    const uint8_t *pc = (const uint8_t *)r[REG_RIP];
    if (r[REG_RAX] != -EINTR || pc[-2] != 0x0f || pc[-1] != 0x05 || pc[-7] != 0xb8) return;
    uint32_t nr;
    __builtin_memcpy(&nr, pc - 6, sizeof nr);
    r[REG_RAX] = nr;
    r[REG_RIP] -= 2;
}
#endif

static void handler(int sig, siginfo_t *info, void *context)
{
    const int saved = errno;
    struct rv__m *m = rv__m();
    const bool ours = m && base_load_relaxed(&m->signalled);
    if (ours) {
        base_store_relaxed(&m->signalled, 0u);
        restart_call(context);
        if (base_load_relaxed(&m->preempt) && m->seq % 2 == 0 && !rv__feed_inside()) {
            if (unlikely(rv__seeded)) rv__seeded_preempted(m->g, context);
            rv__section_begin(m);
            stop_in_place(m);
            rv__section_end(m);
        }
    } else if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(sig, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(sig);
    }
    errno = saved;
}
void rv__preempt_init(void)
{
    struct sigaction now, a = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigaction(SIGURG, NULL, &now);
    if (now.sa_sigaction == handler) return;
    previous = now;
    a.sa_sigaction = handler;
    sigfillset(&a.sa_mask);
    sigaction(SIGURG, &a, NULL);
}

// ---- sysmon's side ---------------------------------------------------------------------------------------------------

// Whether the thread runs, or would if it had a CPU. False: it sleeps in the kernel, or is gone.
bool rv__runs(int tid)
{
    BASE_BUF(path, 64);
    char text[512];
    base_putf(&path, "/proc/self/task/%d/stat", tid);
    const int fd = (int)sys_call3(SYS_open, path.p, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return false;
    const long n = sys_read(fd, text, sizeof text - 1);
    sys_call1(SYS_close, fd);
    for (long i = n - 2; i > 0; i--) // "(name) S": the name may hold anything, so from the end
        if (text[i] == ')') return text[i + 2] == 'R';
    return false;
}
// m sleeps in the kernel, and holds p, without having told us.
static bool retake_sleeper(struct rv__m *m, struct rv__p *p)
{
    uint32_t calm = RV__CALM;
    if (!base_cas_acq_rel(&m->attention, &calm, (uint32_t)RV__TAKING)) return false;
    // If m is outside of sections after this, the next one begins with TAKING in sight.
    const bool outside = sys_membarrier() && base_load_acquire(&m->seq) % 2 == 0 && base_load_relaxed(&m->p) == p;
    if (outside) {
        base_store_release(&p->runq.owner_seq, NULL);
        base_store_relaxed(&p->m, NULL);
        base_store_relaxed(&m->p, NULL);
    }
    base_store_release(&m->attention, outside ? RV__TAKEN : RV__CALM); // release: m->p; pairs with rv__attend
    if (outside) rv__p_hand_off(p);
    return outside;
}
bool rv__preempt(struct rv__p *p)
{
    struct rv__m *m = base_load_acquire(&p->m);
    if (!m || base_load_relaxed(&p->status) != RV__P_RUNNING) return false;
    if (base_load_relaxed(&rv__sched.idle_ms) == 0) {
        rv__m_want();
        return false;
    }
    if (!rv__runs(m->tid)) return retake_sleeper(m, p);
    base_store_relaxed(&m->preempt, 1u);
    base_store_release(&m->signalled, 1u); // release: preempt
    sys_call3(SYS_tgkill, sys_getpid(), m->tid, SIGURG);
    return true;
}
