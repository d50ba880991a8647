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
//   (4) A signal that comes between rv_syscall_enter and _exit gives no P away: the P is whose who changes its status, and m->p is
//       only what m had. Giving it away here as well makes two owners of one P, and the P that m would bring back out of the
//       handler is forgotten by rv_syscall_exit, which looks for its mark: that P is then lost for good.
#include "runtime/sched.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <ucontext.h>

#include "base/print.h"
#include "runtime/feed.h"

static struct sigaction previous;

void rv__preempt_park(struct rv__m *m)
{
    struct rv__g *g = m->g;
    base_store_relaxed(&m->preempt, 0u);
    if (base_load_relaxed(&m->attention) != RV__CALM)
        return; // (4), or the P is about to be taken; relaxed: as in rv__begin
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
            rv__section_begin(m);
            rv__preempt_park(m);
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
static bool runs(int tid)
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
// m sleeps in the kernel, and holds p, without having told us. It wakes up when it likes, so it may be about to tell: in
// rv_syscall_enter, it may have found attention CALM before we changed it, and write IN_KERNEL over our TAKING; then its P is
// to be taken by the status. Seeing the end of that section (acquire) we see what it wrote. TAKING that is still
// there after m has been seen outside of sections stays: each later section begins by waiting for us.
static bool retake_sleeper(struct rv__m *m, struct rv__p *p)
{
    uint32_t calm = RV__CALM, taking = RV__TAKING;
    if (!base_cas_acq_rel(&m->attention, &calm, (uint32_t)RV__TAKING)) return false;
    const bool outside = sys_membarrier() && base_load_acquire(&m->seq) % 2 == 0 && base_load_relaxed(&m->p) == p &&
                         base_load_relaxed(&m->attention) == RV__TAKING;
    if (!outside) {
        base_cas_relaxed(&m->attention, &taking, (uint32_t)RV__CALM); // relaxed: nothing was done under it
        return false;
    }
    base_store_release(&p->runq.owner_seq, NULL);
    base_store_relaxed(&p->m, NULL);
    base_store_relaxed(&m->p, NULL);
    base_store_release(&m->attention, (uint32_t)RV__TAKEN); // release: m->p; pairs with rv__attend
    rv__p_hand_off(p);
    return true;
}
bool rv__preempt(struct rv__p *p)
{
    struct rv__m *m = base_load_acquire(&p->m);
    if (!m || base_load_relaxed(&p->status) != RV__P_RUNNING) return false;
    if (base_load_relaxed(&rv__sched.idle_ms) == 0) {
        rv__m_want();
        return false;
    }
    if (!runs(m->tid)) return retake_sleeper(m, p);
    base_store_relaxed(&m->preempt, 1u);
    base_store_release(&m->signalled, 1u); // release: preempt
    sys_call3(SYS_tgkill, sys_getpid(), m->tid, SIGURG);
    return true;
}
