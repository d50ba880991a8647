// norace_hooks.c: every libc call that may sleep says so to the runtime before and after, in pairs; what belongs to a thread is
// pinned while it is held. The runtime here is a table that counts.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "../../../base/hooks.h"

const struct base_detector *ravel_attach(const struct base_runtime *);
static volatile int open_pairs, pairs, sure, pins, masks; // volatile: compilers know that libc calls nobody back
static bool begin(bool surely)
{
    open_pairs++;
    sure += surely;
    return true;
}
static void end(void) { open_pairs--, pairs++; }
static void pin(void) { pins++; }
static void unpin(void) { pins--; }
static void mask(void) { masks++; }
static const struct base_runtime table = {sizeof table, begin, end, pin, unpin, mask, NULL, NULL};

static void check(int line, bool right)
{
    if (right && !open_pairs) return;
    printf("line %d: pairs %d, open %d, sure %d, pins %d, masks %d\n", line, pairs, open_pairs, sure, pins, masks);
    exit(1);
}
// One pair, nothing pinned; the value of the call.
#define ONCE(call) (pairs = sure = 0, check_(__LINE__, (long)(call)))
static long check_(int line, long result)
{
    check(line, pairs == 1 && pins == 0);
    return result;
}
#define SURE(call) (ONCE(call), check(__LINE__, sure == 1))

static const struct timespec none, past = {.tv_sec = 1};
static void sleeps(void)
{
    SURE(usleep(1));
    SURE(sleep(0));
    SURE(nanosleep(&none, NULL));
    SURE(clock_nanosleep(CLOCK_MONOTONIC, 0, &none, NULL));
    SURE(thrd_sleep(&none, NULL));
}
static void descriptors(void)
{
    int p[2], s[2];
    char c = 0;
    struct iovec v = {&c, 1};
    struct timeval now = {0};
    struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1};
    check(__LINE__, pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    struct pollfd f = {p[0], POLLIN, 0};
    ONCE(write(p[1], &c, 1)), ONCE(read(p[0], &c, 1)), ONCE(writev(p[1], &v, 1)), ONCE(readv(p[0], &v, 1));
    ONCE(send(s[0], &c, 1, 0)), ONCE(recv(s[1], &c, 1, 0)), ONCE(sendto(s[0], &c, 1, 0, NULL, 0));
    ONCE(recvfrom(s[1], &c, 1, 0, NULL, NULL)), ONCE(sendmsg(s[0], &h, 0)), ONCE(recvmsg(s[1], &h, 0));
    ONCE(poll(&f, 1, 0)), ONCE(ppoll(&f, 1, &none, NULL)), ONCE(select(0, NULL, NULL, NULL, &now));
    ONCE(pselect(0, NULL, NULL, NULL, &none, NULL));
    ONCE(accept(s[0], NULL, NULL)), ONCE(accept4(s[0], NULL, NULL, 0)), ONCE(connect(p[0], NULL, 0));
    const int ep = epoll_create1(0), ev = eventfd(0, 0);
    struct epoll_event e;
    eventfd_t one;
    ONCE(epoll_wait(ep, &e, 1, 0)), ONCE(epoll_pwait(ep, &e, 1, 0, NULL));
    ONCE(eventfd_write(ev, 1)), ONCE(eventfd_read(ev, &one));
    FILE *t = tmpfile();
    const int fd = fileno(t);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    ONCE(pwrite(fd, &c, 1, 0)), ONCE(pread(fd, &c, 1, 0)), ONCE(pwrite64(fd, &c, 1, 0)), ONCE(pread64(fd, &c, 1, 0));
    ONCE(flock(fd, LOCK_EX)), ONCE(lockf(fd, F_LOCK, 1)), ONCE(lockf64(fd, F_LOCK, 1)), ONCE(fcntl(fd, F_SETLKW, &l));
    pairs = 0;
    check(__LINE__, fcntl(fd, F_GETFD) == 0 && fcntl(fd, F_SETLK, &l) == 0 && pairs == 0);
    fclose(t);
}
static void processes(void)
{
    siginfo_t info;
    sigset_t set, old;
    int status, sig;
    if (fork() == 0) _exit(0);
    ONCE(waitpid(-1, &status, 0)), ONCE(wait(&status)), ONCE(wait3(&status, 0, NULL)),
        ONCE(wait4(-1, &status, 0, NULL));
    ONCE(waitid(P_ALL, 0, &info, WEXITED));
    ONCE(system("true"));
    ONCE(pclose(popen("true", "r")));
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    masks = 0;
    pthread_sigmask(SIG_BLOCK, &set, &old), sigprocmask(SIG_BLOCK, NULL, &old), sigprocmask(SIG_BLOCK, &set, &old);
    check(__LINE__, masks == 2 && pins == 0);
    raise(SIGUSR1), ONCE(sigwait(&set, &sig)), raise(SIGUSR1), ONCE(sigwaitinfo(&set, &info));
    ONCE(sigtimedwait(&set, &info, &none));
    const int q = msgget(IPC_PRIVATE, 0600), sems = semget(IPC_PRIVATE, 1, 0600);
    struct {
        long type;
        char text;
    } m = {.type = 1};
    struct sembuf up = {.sem_op = 1};
    ONCE(msgsnd(q, &m, 1, 0)), ONCE(msgrcv(q, &m, 1, 0, 0)), ONCE(semop(sems, &up, 1));
    ONCE(semtimedop(sems, &up, 1, &none));
    msgctl(q, IPC_RMID, NULL), semctl(sems, 0, IPC_RMID);
}
static void *nothing(void *arg) { return arg; }
static void threads(void)
{
    pthread_t t;
    sem_t sem;
    pthread_barrier_t b;
    pthread_create(&t, NULL, nothing, NULL), ONCE(pthread_join(t, NULL));
    sem_init(&sem, 0, 3), ONCE(sem_wait(&sem)), ONCE(sem_timedwait(&sem, &past));
    ONCE(sem_clockwait(&sem, CLOCK_MONOTONIC, &past));
    pthread_barrier_init(&b, NULL, 1), ONCE(pthread_barrier_wait(&b));
}
// pins: 1 while it is held, 0 after it, 0 when it was not had.
#define HELD(lock)    check(__LINE__, (lock) == 0 && pins == 1)
#define FREE(unlock)  check(__LINE__, ((unlock), pins == 0))
#define REFUSED(lock) check(__LINE__, (lock) != 0 && pins == 0)
static void mutexes(void)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    mtx_t x;
    mtx_init(&x, mtx_timed);
    HELD(pthread_mutex_lock(&m));
    pairs = 0;
    check(__LINE__, pthread_cond_timedwait(&c, &m, &past) != 0 && pairs == 1 && pins == 1);
    FREE(pthread_mutex_unlock(&m));
    HELD(pthread_mutex_trylock(&m)), FREE(pthread_mutex_unlock(&m));
    HELD(pthread_mutex_timedlock(&m, &past)), FREE(pthread_mutex_unlock(&m));
    HELD(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &past)), pins = 0, pairs = 0;
    REFUSED(pthread_mutex_trylock(&m));
    REFUSED(pthread_mutex_timedlock(&m, &past));
    REFUSED(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &past));
    check(__LINE__, pairs == 2);
    HELD(mtx_lock(&x)), FREE(mtx_unlock(&x)), HELD(mtx_timedlock(&x, &past)), pins = 0;
    REFUSED(mtx_trylock(&x)), REFUSED(mtx_timedlock(&x, &past));
}
static void others(void)
{
    pthread_rwlock_t r = PTHREAD_RWLOCK_INITIALIZER;
    pthread_spinlock_t s;
    FILE *f = tmpfile();
    pthread_spin_init(&s, 0);
    HELD(pthread_rwlock_rdlock(&r)), FREE(pthread_rwlock_unlock(&r));
    HELD(pthread_rwlock_wrlock(&r)), pins = 0;
    REFUSED(pthread_rwlock_rdlock(&r)), REFUSED(pthread_rwlock_tryrdlock(&r)), REFUSED(pthread_rwlock_trywrlock(&r));
    HELD(pthread_spin_lock(&s)), pins = 0;
    REFUSED(pthread_spin_trylock(&s)), FREE((pins++, pthread_spin_unlock(&s)));
    flockfile(f), check(__LINE__, pins == 1), FREE(funlockfile(f));
    HELD(ftrylockfile(f)), FREE(funlockfile(f));
}
int main(void)
{
    if (!ravel_attach(&table)) return 1;
    sleeps();
    descriptors();
    processes();
    threads();
    mutexes();
    others();
}
