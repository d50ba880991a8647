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
//   (3) A thread that sleeps in the kernel is not signalled; its P is taken without it (retake_sleeper). Where it fell asleep between
//       that look and the signal, the kernel restarts the call (SA_RESTART), or we do (restart_call); it had just begun.
//   (4) A signal that comes between rv_syscall_enter and _exit gives no P away: the P is whose who changes its status, and m->p is
//       only what m had. Giving it away here as well makes two owners of one P, and the P that m would bring back out of the
//       handler is forgotten by rv_syscall_exit, which looks for its mark: that P is then lost for good.
//
// The program may have a handler of SIGURG's too. Ours is told by what comes with it, and everything else is passed on; sysmon
// looks before each signal whether the program has put its own in our place, and takes its place again. What the program sees
// of that: sigaction names our handler, and calls that its own interrupts are restarted.
#include "runtime/sched.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <ucontext.h>

#include "base/print.h"
#include "runtime/feed.h"
#include "runtime/seeded.h"
#include "runtime/world.h"

static void stop_in_place(struct rv__m *m)
{
    struct rv__g *g = m->g;
    base_store_relaxed(&m->preempt, rv__seeded_on());
    if (base_load_relaxed(&m->attention) != RV__CALM)
        return; // (4), or the P is about to be taken; relaxed: as in rv__begin
    if (!g || !rv__p_of(m) || base_load_relaxed(&rv__sched.stopping) || !rv__anything_to_do()) return;
    struct rv__m *other = rv__m_next(rv__p_of(m));
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
    if (likely(!rv__seeded_on())) {
        stop_in_place(m);
        return m;
    }
    rv__seeded_yield(m);
    return rv__m();
}

// ---- the call that the signal has interrupted ----------------------------------------------------------------------

#if defined(__x86_64__)
// System calls that return EINTR whatever SA_RESTART says, or do when a time-out has been set for a socket (signal(7)).
static bool not_restarted(uint32_t nr)
{
    static const uint16_t calls[] = {
        SYS_poll,          SYS_select,          SYS_pause,           SYS_nanosleep,
        SYS_semop,         SYS_msgsnd,          SYS_msgrcv,          SYS_futex,
        SYS_read,          SYS_write,           SYS_readv,           SYS_writev,
        SYS_connect,       SYS_accept,          SYS_accept4,         SYS_recvfrom,
        SYS_sendto,        SYS_recvmsg,         SYS_sendmsg,         SYS_recvmmsg,
        SYS_sendmmsg,      SYS_io_getevents,    SYS_pselect6,        SYS_ppoll,
        SYS_epoll_wait,    SYS_epoll_pwait,     SYS_epoll_pwait2,    SYS_semtimedop,
        SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_clock_nanosleep,
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == nr) return true;
    return false;
}
// Bytes before pc, as many as can be read. By the kernel, since a mapping may begin there.
static size_t code_before(uintptr_t pc, uint8_t *to, size_t n)
{
    const struct iovec local = {to, n}, remote = {(void *)(pc - n), n};
    if (sys_call6(SYS_process_vm_readv, sys_getpid(), (long)&local, 1, (long)&remote, 1, 0) == (long)n) return n;
    const size_t in_page = pc % 4096 < n ? pc % 4096 : n; // the mapping begins here, or the kernel may not
    __builtin_memcpy(to, (const void *)(pc - in_page), in_page);
    return in_page;
}
// The number was put into eax not far before `syscall`, as a constant: so in all of glibc's wrappers; it may be followed by moves of
// arguments. (read's is 0, which is made by xor.) -1: not seen.
static long number_of(const uint8_t *code, size_t n)
{
    if (n < 4 || code[n - 2] != 0x0f || code[n - 1] != 0x05) return -1;
    if (code[n - 4] == 0x31 && code[n - 3] == 0xc0) return SYS_read;
    for (size_t at = n - 2; at >= 5; at--) {
        uint32_t nr;
        __builtin_memcpy(&nr, code + at - 4, sizeof nr);
        if (code[at - 5] == 0xb8 && not_restarted(nr)) return nr;
    }
    return -1;
}
// A pipe or a socket took a part, and then the writer slept, and met the signal. Where the count was short for another reason, the
// rest is refused, or may as well be written.
static void write_rest(greg_t *r, long nr)
{
    if (nr != SYS_write && nr != SYS_sendto) return;
    while (r[REG_RAX] < r[REG_RDX]) {
        const long n = sys_call6(nr, r[REG_RDI], r[REG_RSI] + r[REG_RAX], r[REG_RDX] - r[REG_RAX], r[REG_R10],
                                 r[REG_R8], r[REG_R9]);
        if (n <= 0) return;
        r[REG_RAX] += n;
    }
}
// Ours see to EINTR themselves, and a compiler may have made one `syscall` of two calls: there is no number to be read before it.
static bool in_section(void)
{
    const struct rv__m *const m = rv__m();
    return m && m->seq % 2;
}
// A call that our signal has interrupted is made again: true. The arguments are still in their registers. Two cases are left, in which
// the program sees EINTR: a call by syscall(2), whose number is gone; and none at all is seen of a program's handler that came
// just before, had SIGURG blocked, and was to end such a call by EINTR: that call goes on.
static bool restart_call(ucontext_t *u)
{
    enum { BEFORE = 48 };
    greg_t *r = u->uc_mcontext.gregs;
    uint8_t code[BEFORE];
    const bool short_count = r[REG_RAX] > 0 && (size_t)r[REG_RAX] < (size_t)r[REG_RDX];
    if ((r[REG_RAX] != -EINTR && !short_count) || r[REG_RIP] < 4096 || in_section()) return false;
    const size_t n = code_before((uintptr_t)r[REG_RIP], code, BEFORE);
    const long nr = number_of(code, n);
    if (nr < 0) return false;
    if (short_count) {
        write_rest(r, nr);
        return false;
    }
    r[REG_RAX] = nr;
    r[REG_RIP] -= 2;
    return true;
}
#endif

// ---- SIGURG ----------------------------------------------------------------------------------------------------------

enum { KEPT = 16 };
static struct sigaction kept[KEPT];                                      // what the program set up, one after the other
static uint32_t kept_n;                                                  // atomic: the last is in force
static __thread bool passing __attribute__((tls_model("initial-exec"))); // to a handler that may call ours

static void pass_on(int sig, siginfo_t *info, void *context)
{
    const uint32_t n = base_load_acquire(&kept_n); // acquire: pairs with the release in take_place
    if (n == 0 || passing) return;
    const struct sigaction *was = &kept[(n - 1) % KEPT];
    passing = true;
    if (was->sa_flags & SA_SIGINFO)
        was->sa_sigaction(sig, info, context);
    else if (was->sa_handler != SIG_DFL && was->sa_handler != SIG_IGN)
        was->sa_handler(sig);
    passing = false;
}
// In place: the section is the handler's own. A call that was interrupted goes on before that; should it sleep, its P is taken so.
static void stop_here(ucontext_t *context)
{
    struct rv__m *m = rv__m();
    if (restart_call(context) || !m || !base_load_relaxed(&m->preempt) || m->seq % 2 || rv__feed_inside()) return;
    rv__section_begin(m);
    // Not between rv_syscall_enter and _exit, where the P is anybody's; not while sysmon takes it.
    const bool calm = base_load_relaxed(&m->attention) == RV__CALM;
    base_store_release(&m->interrupted, context); // release: the registers, for who looks at all stacks (world.c)
    if (calm && (likely(!rv__seeded_on()) || rv__seeded_preempted(m, context))) stop_in_place(m);
    base_store_relaxed(&m->interrupted, NULL);
    rv__section_end(m);
}
static void handler(int sig, siginfo_t *info, void *context)
{
    const int saved = errno;
    if (info->si_code == SI_QUEUE && info->si_value.sival_ptr == &kept_n) {
        stop_here(context);
    } else if (info->si_code == SI_QUEUE && info->si_value.sival_ptr == &rv__world) {
        rv__world_wait(context);
        restart_call(context);
    } else {
        pass_on(sig, info, context);
    }
    errno = saved;
}
// The handler is ours, and knows the one before.
static void take_place(void)
{
    struct sigaction now, a = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigaction(SIGURG, NULL, &now);
    if (now.sa_sigaction == handler) return;
    kept[kept_n % KEPT] = now;
    base_store_release(&kept_n, kept_n + 1); // release: what it is
    a.sa_sigaction = handler;
    sigfillset(&a.sa_mask);
    sigaction(SIGURG, &a, NULL);
}
void rv__preempt_init(void) { take_place(); }

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
    if (unlikely(rv__seeded_on())) rv__seeded_overtaken(m, "has slept in the kernel for 1 s");
    base_store_release(&p->runq.owner_seq, NULL);
    base_store_relaxed(&p->m, NULL);
    base_store_relaxed(&m->p, NULL);
    base_store_release(&m->attention, (uint32_t)RV__TAKEN); // release: m->p; pairs with rv__attend
    rv__p_hand_off(p);
    return true;
}
static void send_to(int tid, void *what)
{
    siginfo_t info = {.si_signo = SIGURG, .si_code = SI_QUEUE};
    info.si_value.sival_ptr = what;
    sys_call4(SYS_rt_tgsigqueueinfo, sys_getpid(), tid, SIGURG, &info);
}
void rv__preempt_signal(struct rv__m *m)
{
    base_store_relaxed(&m->preempt, 1u); // relaxed: the signal is after it
    send_to(base_load_relaxed(&m->tid), &kept_n);
}
void rv__preempt_world(int tid)
{
    take_place();
    send_to(tid, &rv__world);
}
bool rv__preempt(struct rv__p *p)
{
    struct rv__m *m = base_load_acquire(&p->m);
    if (!m || base_load_relaxed(&p->status) != RV__P_RUNNING) return false;
    if (base_load_relaxed(&rv__sched.idle_ms) == 0) {
        rv__m_want();
        return false;
    }
    // relaxed: its thread may end just now, and another M have p; then it runs nothing of p, and is left in peace
    if (!rv__runs(base_load_relaxed(&m->tid))) return retake_sleeper(m, p);
    take_place();
    rv__preempt_signal(m);
    return true;
}
