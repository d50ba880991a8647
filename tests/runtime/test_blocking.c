// test_blocking.c: goroutines in the kernel do not keep others from running, on one P; goroutines that are locked to a thread stay in it.
// Everything waits for what another goroutine does, so a P that is not handed on is a hang.
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "tests/runtime/rig.h"

enum { ROUNDS = 500 };
static int fds[2];
static uint32_t done; // atomic
static void finished(void) { base_add_acq_rel(&done, 1u); }
#define ALL_DONE(n) RIG_UNTIL(base_load_acquire(&done) == (n))

static void get(void *arg)
{
    char c;
    (void)arg;
    cr_assert_eq(read(fds[0], &c, 1), 1);
}
static void put(void *arg)
{
    (void)arg;
    cr_assert_eq(write(fds[1], "", 1), 1);
    finished();
}
static void get_between(void *arg)
{
    rv_syscall_enter();
    get(arg);
    rv_syscall_exit();
    finished();
}
static void get_by_blocking(void *arg)
{
    cr_assert_eq(rv_blocking(get, arg), 0);
    finished();
}
static void pairs(void *getter)
{
    rv_fn *const fn = *(rv_fn **)getter;
    cr_assert_eq(pipe(fds), 0);
    rv_gomaxprocs(1);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        rv_go(put, NULL);
        rv_go(fn, NULL); // made last, runs first
        ALL_DONE(2 * i);
    }
}
Test(blocking, enter_and_exit, .timeout = 60)
{
    rv_fn *fn = get_between;
    cr_assert_eq(rv_run(pairs, &fn), 0);
}
Test(blocking, by_function, .timeout = 60)
{
    rv_fn *fn = get_by_blocking;
    cr_assert_eq(rv_run(pairs, &fn), 0);
}

// What wakes it makes no difference: a yield, a call, a channel.
static rv_chan *ch;
static void stays(void *arg)
{
    char c = 0;
    (void)arg;
    rv_lock_os_thread();
    const pthread_t me = pthread_self();
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0) rv_gosched();
        if (i % 4 == 1) rv_syscall_enter(), sched_yield(), rv_syscall_exit();
        if (i % 4 == 2) rv_chan_send(ch, &c);
        if (i % 4 == 3) rv_chan_recv(ch, &c);
        cr_assert(pthread_equal(me, pthread_self()));
    }
    finished();
}
static void locked(void *arg)
{
    (void)arg;
    ch = rv_chan_make(1, 64);
    rv_gomaxprocs(2);
    for (int i = 0; i < 8; i++) rv_go(stays, NULL);
    ALL_DONE(8u);
}
Test(blocking, locked_goroutines_stay, .timeout = 60) { cr_assert_eq(rv_run(locked, NULL), 0); }

static void ends_locked(void *tid)
{
    rv_lock_os_thread();
    base_store_release((uint32_t *)tid, (uint32_t)syscall(SYS_gettid));
}
static void thread_ends(void *arg)
{
    uint32_t tid = 0;
    (void)arg;
    rv_gomaxprocs(2);
    for (int i = 0; i < 10; i++) rv_gosched(); // away from the first thread, which runs main until that parks
    rv_go(ends_locked, &tid);
    RIG_UNTIL(base_load_acquire(&tid) != 0);
    RIG_UNTIL(syscall(SYS_tgkill, getpid(), tid, 0) != 0);
}
Test(blocking, locked_goroutine_takes_its_thread_along, .timeout = 60) { cr_assert_eq(rv_run(thread_ends, NULL), 0); }

static void yields(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) rv_gosched();
    finished();
}
static void first_thread(void *arg)
{
    (void)arg;
    rv_lock_os_thread();
    rv_gomaxprocs(2);
    for (int i = 0; i < 4; i++) rv_go(yields, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        rv_gosched();
        cr_assert_eq(syscall(SYS_gettid), getpid());
    }
    ALL_DONE(4u);
    rv_unlock_os_thread();
}
Test(blocking, main_locked_first_is_in_the_first_thread, .timeout = 60) { cr_assert_eq(rv_run(first_thread, NULL), 0); }
