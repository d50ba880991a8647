// test_preempt.c: goroutines that are stopped where they are: in the middle of libc, of a thread-local variable's use, of a signal
// handler; and calls that the signal meets. Mostly on one P, where what is not preempted hangs. RAVEL_PREEMPT_SECONDS=600: the long form.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "runtime/sched.h"
#include "tests/runtime/rig.h"
#include "tests/runtime/storm.h"

static uint32_t stop, done; // atomic
static bool stopped(void) { return base_load_acquire(&stop); }
static void finished(void) { base_add_acq_rel(&done, 1u); }
static void wait_all(uint32_t n)
{
    base_store_release(&stop, 1u);
    RIG_UNTIL(base_load_acquire(&done) == n);
}
static int64_t how_long(void)
{
    const char *const s = getenv("RAVEL_PREEMPT_SECONDS");
    return s ? atol(s) * 1000000000 : 300000000;
}
static void hog(void *arg)
{
    (void)arg;
    while (!stopped()) continue;
    finished();
}

// ---- in the middle of libc -----------------------------------------------------------------------------------------

static FILE *null;
static void mallocs(void *arg)
{
    (void)arg;
    for (uint64_t r = 1; !stopped();) {
        void *volatile p = malloc(rig_random(&r) % 100000);
        free(p);
    }
    finished();
}
static void prints(void *arg)
{
    (void)arg;
    while (!stopped()) fprintf(null, "%d %s %f\n", 1, "two", 3.0);
    finished();
}
static void *nothing(void *arg) { return arg; }
static void threads(void *arg)
{
    pthread_t t;
    (void)arg;
    while (!stopped())
        if (pthread_create(&t, NULL, nothing, NULL) == 0) pthread_join(t, NULL);
    finished();
}
static void beside_libc(void *arg)
{
    (void)arg;
    null = fopen("/dev/null", "w");
    rv_gomaxprocs(1);
    for (int i = 0; i < 3; i++) rv_go(mallocs, NULL), rv_go(prints, NULL), rv_go(threads, NULL);
    for (int64_t end = rv_now() + how_long(); rv_now() < end;) rv_sleep(1000000);
    wait_all(9);
}
Test(preempt, in_the_middle_of_libc, .timeout = 700) { cr_assert_eq(rv_run(beside_libc, NULL), 0); }

// ---- a storm of signals ----------------------------------------------------------------------------------------------

static rv_chan *ch;
static void passes(void *arg)
{
    (void)arg;
    for (long i = 0; i < 20000; i++) {
        long v = i;
        rv_chan_send(ch, &v);
        rv_chan_recv(ch, &v);
        if (i % 16 == 0) rv_gosched();
    }
    finished();
}
static void in_storm(void *arg)
{
    (void)arg;
    rv_gomaxprocs(2);
    ch = rv_chan_make(sizeof(long), 8);
    const pthread_t t = storm_start(~0u);
    for (int i = 0; i < 8; i++) rv_go(passes, NULL);
    for (int i = 0; i < 3; i++) rv_go(hog, NULL);
    RIG_UNTIL(base_load_acquire(&done) == 8);
    wait_all(11);
    storm_end(t);
}
Test(preempt, storm_over_channels_and_queues, .timeout = 120) { cr_assert_eq(rv_run(in_storm, NULL), 0); }

// ---- calls that the signal meets ---------------------------------------------------------------------------------------

static int pipes[2], sockets[2], epoll;
static const struct timespec moment = {.tv_nsec = 2000000};
static int by_nanosleep(void) { return nanosleep(&moment, NULL); }
static int by_usleep(void) { return usleep(2000); }
static int by_clock(void) { return -(errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL)); }
static int by_poll(void) { return poll(&(struct pollfd){pipes[0], POLLIN, 0}, 1, 2); }
static int by_ppoll(void) { return ppoll(&(struct pollfd){pipes[0], POLLIN, 0}, 1, &moment, NULL); }
static int by_select(void) { return select(0, NULL, NULL, NULL, &(struct timeval){.tv_usec = 2000}); }
static int by_pselect(void) { return pselect(0, NULL, NULL, NULL, &moment, &(sigset_t){0}); }
static int by_epoll(void) { return epoll_wait(epoll, &(struct epoll_event){0}, 1, 2); }
static int by_epoll_pwait(void) { return epoll_pwait(epoll, &(struct epoll_event){0}, 1, 2, &(sigset_t){0}); }
static int ends_by(int result, int error) { return result < 0 && errno == error ? 0 : result < 0 ? result : -1; }
static int by_recv(void) { return ends_by((int)recv(sockets[0], &(char){0}, 1, 0), EAGAIN); }
static int by_read(void) { return ends_by((int)read(sockets[0], &(char){0}, 1), EAGAIN); }
static int by_sem(void)
{
    static sem_t sem;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (until.tv_nsec += 2000000) / 1000000000;
    until.tv_nsec %= 1000000000;
    return ends_by(sem_timedwait(&sem, &until), ETIMEDOUT);
}
// The listener's queue is full until the storm is over, so connect sleeps through it.
struct connecting {
    int listener, waiting;
    uint32_t begun; // atomic
};
static void *accepts_late(void *arg)
{
    struct connecting *const c = arg;
    while (!base_load_acquire(&c->begun) || base_load_relaxed(&storm_left)) sched_yield();
    for (int i = 0; i < 2; i++) close(accept(c->listener, NULL, NULL));
    return NULL;
}
static int connect_through(long timeout_s) // 0: none, and the kernel restarts it; else we do
{
    const struct sockaddr_un name = {.sun_family = AF_UNIX}; // bind gives it one
    struct sockaddr_un at;
    socklen_t size = sizeof at;
    struct connecting c = {.listener = socket(AF_UNIX, SOCK_STREAM, 0), .waiting = socket(AF_UNIX, SOCK_STREAM, 0)};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct timeval limit = {.tv_sec = timeout_s};
    pthread_t t;
    bind(c.listener, (const struct sockaddr *)&name, sizeof name.sun_family);
    getsockname(c.listener, (struct sockaddr *)&at, &size);
    cr_assert(listen(c.listener, 0) == 0 && connect(c.waiting, (struct sockaddr *)&at, size) == 0);
    if (timeout_s) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    cr_assert_eq(pthread_create(&t, NULL, accepts_late, &c), 0);
    base_store_release(&c.begun, 1u);
    const int result = connect(fd, (struct sockaddr *)&at, size), error = errno;
    pthread_join(t, NULL);
    for (int i = 0; i < 3; i++) close((int[]){c.listener, c.waiting, fd}[i]);
    errno = error;
    return result;
}
static int by_connect(void) { return connect_through(0); }
static int by_connect_within(void) { return connect_through(30); }
#define CALL(f)                                                                                                        \
    {                                                                                                                  \
#f, f                                                                                                          \
    }
static const struct {
    const char *name;
    int (*fn)(void);
} calls[] = {CALL(by_nanosleep), CALL(by_usleep),  CALL(by_clock),   CALL(by_poll),          CALL(by_ppoll),
             CALL(by_select),    CALL(by_pselect), CALL(by_epoll),   CALL(by_epoll_pwait),   CALL(by_recv),
             CALL(by_read),      CALL(by_sem),     CALL(by_connect), CALL(by_connect_within)};
static void see_no_signal(void *arg)
{
    (void)arg;
    const struct timeval t = {.tv_usec = 2000};
    cr_assert(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    epoll = epoll_create1(0);
    const pthread_t storming = storm_start(0);
    for (int k = 0; k < 10; k++)
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            base_store_relaxed(&storm_left, 5u);
            errno = 0;
            const int result = calls[i].fn();
            cr_assert(result >= 0, "%s: %s", calls[i].name, strerror(errno));
        }
    storm_end(storming);
}
Test(preempt, calls_see_no_signal, .timeout = 60) { cr_assert_eq(rv_run(see_no_signal, NULL), 0); }

enum { MUCH = 1 << 20 };
static void *reads_slowly(void *arg)
{
    static char some[4096];
    for (size_t n = 0; n < MUCH;) n += (size_t)read(pipes[0], some, sizeof some);
    return arg;
}
static void write_much(void *arg)
{
    static char much[MUCH];
    pthread_t t;
    (void)arg;
    rv_gomaxprocs(2);
    cr_assert_eq(pipe(pipes), 0);
    for (int i = 0; i < 3; i++) rv_go(hog, NULL);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pthread_create(&t, NULL, reads_slowly, NULL), 0);
        cr_assert_eq(write(pipes[1], much, sizeof much), MUCH);
        pthread_join(t, NULL);
    }
    wait_all(3);
}
Test(preempt, writes_are_whole, .timeout = 60) { cr_assert_eq(rv_run(write_much, NULL), 0); }

// ---- what belongs to the thread ----------------------------------------------------------------------------------------

static __thread volatile uint64_t counter;
static void counts(void *arg)
{
    (void)arg;
    const pthread_t me = pthread_self();
    const uint64_t was = counter;
    uint64_t n = 0;
    errno = 77;
    for (; !stopped(); n++) counter = counter + 1;
    cr_assert(pthread_equal(me, pthread_self()) && errno == 77);
    cr_assert_eq(counter - was, n);
    finished();
}
static void of_the_thread(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    for (int i = 0; i < 5; i++) rv_go(counts, NULL);
    rv_sleep(200000000);
    wait_all(5);
}
Test(preempt, stays_in_its_thread, .timeout = 60) { cr_assert_eq(rv_run(of_the_thread, NULL), 0); }

// ---- the program's own signals -----------------------------------------------------------------------------------------

static uint32_t released, urgent; // atomic
static void waits_in_handler(int sig)
{
    (void)sig;
    while (!base_load_acquire(&released)) continue;
}
static void raises(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
    finished();
}
static void handler_waits(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    signal(SIGUSR1, waits_in_handler);
    rv_go(raises, NULL);
    rv_gosched(); // it is in the handler; we are back because it was preempted there
    base_store_release(&released, 1u);
    wait_all(1);
}
Test(preempt, in_a_handler, .timeout = 60) { cr_assert_eq(rv_run(handler_waits, NULL), 0); }

static struct sigaction before; // what the program found when it put its own there
static void on_urgent(int sig, siginfo_t *info, void *context)
{
    base_add_relaxed(&urgent, 1u);
    if (before.sa_flags & SA_SIGINFO) before.sa_sigaction(sig, info, context); // which is ours, and must not call back
}
static void alone(int sig)
{
    (void)sig;
    base_add_relaxed(&urgent, 1u);
}
static void own_urgent(void *arg)
{
    static char stack[64 << 10];
    const stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
    const struct sigaction a = {.sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO};
    (void)arg;
    rv_gomaxprocs(1);
    raise(SIGURG);
    cr_assert_eq(urgent, 1, "one that was there before rv_run is called");
    sigaction(SIGURG, &a, &before);
    for (int i = 0; i < 3; i++) rv_go(hog, NULL);
    for (int i = 0; i < 10; i++) rv_gosched(); // each of them comes back only by preemption
    raise(SIGURG);
    cr_assert_geq(urgent, 2, "one that was set up later is called");
    sigaltstack(&s, NULL);
    for (int i = 0; i < 10; i++) rv_gosched();
    signal(SIGURG, alone);
    for (int i = 0; i < 10; i++) rv_gosched();
    const uint32_t had = base_load_relaxed(&urgent);
    raise(SIGURG);
    cr_assert_eq(base_load_relaxed(&urgent), had + 1, "and so is the last, which knows of nobody before it");
    wait_all(3);
}
Test(preempt, programs_that_use_the_signal, .timeout = 60)
{
    const struct sigaction a = {.sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO};
    sigaction(SIGURG, &a, NULL);
    cr_assert_eq(rv_run(own_urgent, NULL), 0);
}

// ---- no more threads ---------------------------------------------------------------------------------------------------

static void works(void *arg)
{
    (void)arg;
    for (int64_t end = rv_now() + 30000000; rv_now() < end;) continue;
    finished();
}
static void at_the_cap(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    rv__m_most = 4;
    for (int i = 0; i < 10; i++) rv_go(works, NULL);
    RIG_UNTIL(base_load_acquire(&done) == 10);
}
Test(preempt, stops_at_the_cap, .timeout = 60)
{
    static char said[4096];
    const int status = rig_child(at_the_cap, NULL, said, sizeof said);
    const char *const first = strstr(said, "no more threads can be made");
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x; said: %s", (unsigned)status, said);
    cr_assert(first && !strstr(first + 1, "no more threads"), "said: %s", said);
}
