// detector/symbolize_process.c: starting, asking and ending the symboliser, without the program noticing.
//
// It is made by clone(CLONE_VM | CLONE_VFORK) and executes at once: nothing is copied, however large the shadow is, and
// no pthread_atfork handler runs. It is a child's child, so the program's wait() never sees it: exit signal 0 hides the
// one in between, which is gone at once, but would not hide the symboliser, because execve turns it into SIGCHLD. It
// gets one end of a socket pair as stdin and stdout, nothing else of the program's: no other descriptor, no environment,
// and every signal blocked, so that a Ctrl-C meant for the program does not end it before the last report. It ends when
// our end of the socket is closed, or when one answer takes it too long. Every wait for it has a time-out.
#include "detector/symbolize.h"
#include "detector/symbolize_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/env.h"
#include "base/flags.h"
#include "base/print.h"
#include "base/sys.h"

#ifndef RAVEL_LIBEXEC
#error "RAVEL_LIBEXEC is the directory of the symboliser"
#endif

enum { HOME_BYTES = 1024, ANSWER_MAX = 256 << 10, ANSWER_MS = 20000, STOP_MS = 1000, STACK = 16 << 10 };

// Where the symboliser lies; a newline ends it. cmake --install replaces the whole section (cli/symbolize/).
static const char home[HOME_BYTES] __attribute__((section(".ravel.home"), used)) = RAVEL_LIBEXEC "\n";

static char path[4096];       // constant after configure
static bool from_environment; // constant after configure
static struct det_fd sock = {.fd = -1};
static bool given_up;           // it is not there, or it failed: do not try again
static char answer[ANSWER_MAX]; // NUL-terminated

// ---- descriptors ---------------------------------------------------------------------------------------------

struct det_fd det_fd_keep(int fd)
{
    enum { HIGH = 900 }; // below the usual limit of 1024
    const long moved = sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH);
    if (moved >= 0) {
        sys_call1(SYS_close, fd);
        fd = (int)moved;
    }
    struct stat st;
    if (sys_call2(SYS_fstat, fd, &st) < 0) return (struct det_fd){.fd = -1};
    return (struct det_fd){fd, st.st_dev, st.st_ino};
}
bool det_fd_good(const struct det_fd *f)
{
    struct stat st;
    return f->fd >= 0 && sys_call2(SYS_fstat, f->fd, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode;
}
void det_fd_close(struct det_fd *f)
{
    if (det_fd_good(f)) sys_call1(SYS_close, f->fd);
    f->fd = -1;
}

// ---- starting ------------------------------------------------------------------------------------------------

void det_symbolizer_configure(void)
{
    struct base_buf b = {path, 0, sizeof path, false};
    const char *const told = base_env("RAVEL_SYMBOLIZER");
    from_environment = told && *told;
    if (from_environment) {
        base_puts(&b, told);
        return;
    }
    const char *p = home;
    __asm__("" : "+r"(p)); // what the compiler knows of its contents need not be so
    size_t n = 0;
    while (n < HOME_BYTES && p[n] && p[n] != '\n') n++;
    base_putf(&b, "%.*s/symbolize", (int)n, p);
}

struct start {
    int end;     // the symboliser's end of the socket
    long failed; // an errno, set from the other side of clone
};
// These two run on stacks of their own in our memory while this thread is suspended; only raw system calls, no errno.
static void run_symboliser(void *arg)
{
    struct start *const s = arg;
    char *const argv[] = {path, NULL};
    char *const envp[] = {"LC_ALL=C", NULL};
    if (s->end <= 2) s->end = (int)sys_call3(SYS_fcntl, s->end, F_DUPFD_CLOEXEC, 3);
    const long null = sys_call4(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY, 0);
    if (null >= 0) sys_call3(SYS_dup3, null, 2, 0);
    sys_call3(SYS_dup3, s->end, 0, 0);
    sys_call3(SYS_dup3, s->end, 1, 0);
    if (sys_call3(SYS_close_range, 3, ~0u, 0) < 0)
        for (int fd = 3; fd < 4096; fd++) sys_call1(SYS_close, fd); // before Linux 5.9
    s->failed = -sys_call3(SYS_execve, path, argv, envp);
}
static long clone_run(void *stack_end, void (*fn)(void *), void *arg);
static void run_between(void *arg)
{
    static char stack[STACK] __attribute__((aligned(16)));
    struct start *const s = arg;
    const long pid = clone_run(stack + STACK, run_symboliser, s);
    if (pid < 0) s->failed = -pid;
}
// vfork that returns in the child on another stack: calls fn(arg) there, then exits. The pid, or -errno.
static long clone_run(void *stack_end, void (*fn)(void *), void *arg)
{
    void **const top = (void **)stack_end - 2;
    top[0] = (void *)fn;
    top[1] = arg;
    long ret;
    __asm__ volatile("xor %%edx, %%edx\n\t"
                     "xor %%r10d, %%r10d\n\t"
                     "xor %%r8d, %%r8d\n\t"
                     "syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "mov $127, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "1:"
                     : "=a"(ret)
                     : "a"(SYS_clone), "D"(CLONE_VM | CLONE_VFORK), "S"(top), [exit] "i"(SYS_exit)
                     : "rcx", "rdx", "r8", "r10", "r11", "memory", "cc");
    return ret;
}
static void give_up(const char *why)
{
    if (!given_up)
        base_flags_complain("%s %s, so reports name modules and offsets only%s", path, why,
                            from_environment ? " (RAVEL_SYMBOLIZER says where it is)" : "");
    given_up = true;
}
static bool start(void)
{
    static char stack[STACK] __attribute__((aligned(16)));
    int ends[2];
    if (sys_call4(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        give_up("could not be started");
        return false;
    }
    struct start s = {.end = ends[1], .failed = 0};
    uint64_t all = ~(uint64_t)0, saved;
    sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &saved, sizeof all);
    const long between = clone_run(stack + STACK, run_between, &s);
    if (between > 0) sys_call4(SYS_wait4, between, NULL, __WCLONE, NULL);
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &saved, NULL, sizeof saved);
    sys_call1(SYS_close, ends[1]);
    if (between > 0 && !s.failed) {
        sock = det_fd_keep(ends[0]);
        return true;
    }
    sys_call1(SYS_close, ends[0]);
    give_up(s.failed == ENOENT ? "is not there" : "could not be started");
    return false;
}

// ---- asking --------------------------------------------------------------------------------------------------

static bool send_all(const char *p, size_t n)
{
    while (n) { // MSG_NOSIGNAL: no SIGPIPE for the program when the symboliser is gone
        const long k = sys_call6(SYS_sendto, sock.fd, (long)p, (long)n, MSG_NOSIGNAL, 0, 0);
        if (k == -EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}
// Waits until there is something to read, or the other end is closed. The time that is left is counted here, since
// signals for the program may interrupt the wait again and again.
static bool wait_readable(uint64_t deadline_ns)
{
    for (;;) {
        const uint64_t now = sys_now_ns();
        if (now >= deadline_ns) return false;
        struct pollfd p = {.fd = sock.fd, .events = POLLIN};
        const long k = sys_call3(SYS_poll, &p, 1, (deadline_ns - now) / 1000000 + 1);
        if (k > 0) return true;
        if (k < 0 && k != -EINTR) return false;
    }
}
// Reads up to the empty line; false when that does not come.
static bool receive(uint64_t deadline_ns)
{
    size_t n = 0;
    while (n < ANSWER_MAX - 1 && wait_readable(deadline_ns)) {
        const long k = sys_read(sock.fd, answer + n, ANSWER_MAX - 1 - n);
        if (k <= 0) return false;
        n += (size_t)k;
        answer[n] = 0;
        if (answer[n - 1] == '\n' && (n == 1 || answer[n - 2] == '\n')) {
            answer[n - 1] = 0;
            return true;
        }
    }
    return false;
}
const char *det_symbolizer_ask(const char *request, size_t n)
{
    if (given_up || !base_flags.symbolize) return NULL;
    if (!det_fd_good(&sock) && !start()) return NULL; // none yet, or the program has closed it
    if (send_all(request, n) && receive(sys_now_ns() + ANSWER_MS * (uint64_t)1000000)) return answer;
    det_fd_close(&sock);
    give_up("died or did not answer");
    return NULL;
}

void det_symbolizer_stop(void)
{
    if (!det_fd_good(&sock)) return;
    sys_call2(SYS_shutdown, sock.fd, SHUT_WR);                 // it reads the end of its input, and ends
    wait_readable(sys_now_ns() + STOP_MS * (uint64_t)1000000); // so that it does not outlive the program
    det_fd_close(&sock);
}
void det_symbolizer_forked(void) { det_fd_close(&sock); }
