// blocking.c: libc calls that may sleep and that the detector has nothing to say about: only a runtime with goroutines wants to
// know of them (blocking.h). With them the FILE lock and the signal mask, which belong to a thread.
//
// A call that is missing here is none the worse for it: its thread is found asleep after a while, and its P is taken
// (runtime/preempt.c). Not here, for that reason: those that open and close files, fsync and its kin, resolvers.
#include "instrument/blocking.h"

#define SLEEPS(type, name, params, args, surely)                                                                       \
    INTERFACE type name params                                                                                         \
    {                                                                                                                  \
        (void)ins_self();                                                                                              \
        return INS_BLOCKING(surely, REAL(name) args);                                                                  \
    }

// ---- time --------------------------------------------------------------------------------------------------------------

SLEEPS(unsigned, sleep, (unsigned s), (s), true)
SLEEPS(int, usleep, (useconds_t us), (us), true)
SLEEPS(int, nanosleep, (const struct timespec *t, struct timespec *left), (t, left), true)
SLEEPS(int, clock_nanosleep, (clockid_t c, int flags, const struct timespec *t, struct timespec *left),
       (c, flags, t, left), true)
SLEEPS(int, thrd_sleep, (const struct timespec *t, struct timespec *left), (t, left), true)
SLEEPS(int, pause, (void), (), true)

// ---- descriptors -------------------------------------------------------------------------------------------------------

SLEEPS(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms), ms != 0)
SLEEPS(int, __poll_chk, (struct pollfd * p, nfds_t n, int ms, size_t room), (p, n, ms, room), ms != 0)
SLEEPS(int, ppoll, (struct pollfd * p, nfds_t n, const struct timespec *t, const sigset_t *m), (p, n, t, m), false)
SLEEPS(int, __ppoll_chk, (struct pollfd * p, nfds_t n, const struct timespec *t, const sigset_t *m, size_t room),
       (p, n, t, m, room), false)
SLEEPS(int, select, (int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *t), (n, r, w, e, t), false)
SLEEPS(int, pselect, (int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *m),
       (n, r, w, e, t, m), false)
SLEEPS(ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), false)
SLEEPS(ssize_t, pread64, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at), false)
SLEEPS(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), false)
SLEEPS(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at), false)
SLEEPS(int, flock, (int fd, int how), (fd, how), false)
SLEEPS(int, lockf, (int fd, int how, off_t n), (fd, how, n), false)
SLEEPS(int, lockf64, (int fd, int how, off64_t n), (fd, how, n), false)

// Of what fcntl does, only these two wait. The argument is passed on as glibc itself reads it.
static bool waits(int command) { return command == F_SETLKW || command == F_OFD_SETLKW; }
#define FCNTL(name)                                                                                                    \
    INTERFACE int name(int fd, int command, ...)                                                                       \
    {                                                                                                                  \
        (void)ins_self();                                                                                              \
        va_list ap;                                                                                                    \
        va_start(ap, command);                                                                                         \
        void *const arg = va_arg(ap, void *);                                                                          \
        va_end(ap);                                                                                                    \
        if (likely(!waits(command))) return REAL(name)(fd, command, arg);                                              \
        return INS_BLOCKING(false, REAL(name)(fd, command, arg));                                                      \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

// ---- processes, signals, System V ----------------------------------------------------------------------------------------

SLEEPS(pid_t, wait, (int *status), (status), false)
SLEEPS(pid_t, waitpid, (pid_t pid, int *status, int flags), (pid, status, flags), false)
SLEEPS(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int flags), (type, id, info, flags), false)
SLEEPS(pid_t, wait3, (int *status, int flags, struct rusage *u), (status, flags, u), false)
SLEEPS(pid_t, wait4, (pid_t pid, int *status, int flags, struct rusage *u), (pid, status, flags, u), false)
SLEEPS(int, system, (const char *command), (command), false)
SLEEPS(int, pclose, (FILE * f), (f), false)
SLEEPS(int, sigsuspend, (const sigset_t *m), (m), true)
SLEEPS(int, sigwait, (const sigset_t *m, int *sig), (m, sig), false)
SLEEPS(int, sigwaitinfo, (const sigset_t *m, siginfo_t *info), (m, info), false)
SLEEPS(int, sigtimedwait, (const sigset_t *m, siginfo_t *info, const struct timespec *t), (m, info, t), false)
SLEEPS(ssize_t, msgrcv, (int q, void *p, size_t n, long type, int flags), (q, p, n, type, flags), false)
SLEEPS(int, msgsnd, (int q, const void *p, size_t n, int flags), (q, p, n, flags), false)
SLEEPS(int, semop, (int id, struct sembuf *ops, size_t n), (id, ops, n), false)
SLEEPS(int, semtimedop, (int id, struct sembuf *ops, size_t n, const struct timespec *t), (id, ops, n, t), false)

// ---- what belongs to a thread --------------------------------------------------------------------------------------------

// stdio itself takes the lock inside libc for the length of one call, in which nobody changes threads.
INTERFACE void flockfile(FILE *f)
{
    (void)ins_self();
    ins_pin();
    if (unlikely(ins_runtime != NULL)) do
            if (REAL(ftrylockfile)(f) == 0) return;
        while (ins_give_way());
    const bool began = ins_block(false);
    REAL(flockfile)(f);
    ins_unblock(began);
}
INTERFACE int ftrylockfile(FILE *f)
{
    (void)ins_self();
#define NOT_TAKEN(error) ((error) != 0)
    return INS_PINNED(REAL(ftrylockfile)(f), NOT_TAKEN);
}
INTERFACE void funlockfile(FILE *f)
{
    (void)ins_self();
    REAL(funlockfile)(f);
    ins_unpin();
}
INTERFACE int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    (void)ins_self();
    const int error = REAL(pthread_sigmask)(how, set, old);
    if (set && error == 0) ins_mask_changed();
    return error;
}
INTERFACE int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    (void)ins_self();
    const int error = REAL(sigprocmask)(how, set, old);
    if (set && error == 0) ins_mask_changed();
    return error;
}
