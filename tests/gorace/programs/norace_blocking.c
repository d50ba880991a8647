// norace_blocking.c: goroutines in libc's blocking calls. Each waits for what another brings about, which on one P can run
// only if the P is handed on; and one that held a mutex while it was parked unlocks it in the thread that locked it.
#include "gorace.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int right, int line)
{
    if (right) return;
    printf("line %d\n", line);
    exit(1);
}
#define MUST(condition) must(condition, __LINE__)

static int fds[2];
static sem_t sem;
static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static int told; // guarded by mutex

static void by_read(void)
{
    char c;
    MUST(read(fds[0], &c, 1) == 1);
}
static void put(void) { MUST(write(fds[1], "", 1) == 1); }
static void by_poll(void)
{
    struct pollfd p = {fds[0], POLLIN, 0};
    MUST(poll(&p, 1, -1) == 1);
    by_read();
}
static void by_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fds[0], &set);
    MUST(select(fds[0] + 1, &set, NULL, NULL, NULL) == 1);
    by_read();
}
static void by_sem(void) { MUST(sem_wait(&sem) == 0); }
static void post(void) { MUST(sem_post(&sem) == 0); }
static void by_cond(void)
{
    MUST(pthread_mutex_lock(&mutex) == 0);
    while (!told) MUST(pthread_cond_wait(&cond, &mutex) == 0);
    told = 0;
    MUST(pthread_mutex_unlock(&mutex) == 0);
}
static void tell(void)
{
    MUST(pthread_mutex_lock(&mutex) == 0);
    told = 1;
    MUST(pthread_cond_signal(&cond) == 0 && pthread_mutex_unlock(&mutex) == 0);
}
static void meet(void) { pthread_barrier_wait(&barrier); }
static void *reader(void *arg)
{
    by_read();
    return arg;
}
static void by_join(void)
{
    pthread_t t;
    MUST(pthread_create(&t, NULL, reader, NULL) == 0 && pthread_join(t, NULL) == 0);
}
static void by_wait(void)
{
    int status;
    const pid_t pid = fork();
    if (pid == 0) by_read(), _exit(0);
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
}
static void (*const cases[][2])(void) = {{by_read, put},  {by_poll, put}, {by_select, put}, {by_sem, post},
                                         {by_cond, tell}, {meet, meet},   {by_join, put},   {by_wait, put}};
static rv_waitgroup wg;
static void run(void *fn)
{
    (*(void (*const *)(void))fn)();
    rv_wg_done(&wg);
}

// ---- a mutex that is held across a park ----------------------------------------------------------------------------

static rv_chan *locked, *go_on;
static void holder(void *arg)
{
    (void)arg;
    const pthread_t me = pthread_self();
    char byte = 0;
    MUST(pthread_mutex_lock(&mutex) == 0);
    rv_chan_send(locked, &byte);
    rv_chan_recv(go_on, &byte);
    MUST(pthread_equal(me, pthread_self()) && pthread_mutex_unlock(&mutex) == 0);
    rv_wg_done(&wg);
}
static void hold(void)
{
    char byte;
    rv_wg_add(&wg, 2);
    rv_go(holder, NULL);
    rv_chan_recv(locked, &byte);
    rv_go(run, (void *)&cases[0][0]); // sleeps in the thread that runs it
    rv_gosched();
    rv_chan_send(go_on, &byte);
    put();
    rv_wg_wait(&wg);
}
static void body(void *arg)
{
    (void)arg;
    pthread_mutexattr_t checks;
    pthread_mutexattr_init(&checks);
    pthread_mutexattr_settype(&checks, PTHREAD_MUTEX_ERRORCHECK);
    MUST(pthread_mutex_init(&mutex, &checks) == 0 && pipe(fds) == 0 && sem_init(&sem, 0, 0) == 0);
    pthread_barrier_init(&barrier, NULL, 2);
    for (int k = 0; k < 20; k++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            rv_wg_add(&wg, 2);
            rv_go(run, (void *)&cases[i][1]);
            rv_go(run, (void *)&cases[i][0]);
            rv_wg_wait(&wg);
        }
    locked = rv_chan_make(1, 0), go_on = rv_chan_make(1, 0);
    for (int k = 0; k < 50; k++) hold();
}
