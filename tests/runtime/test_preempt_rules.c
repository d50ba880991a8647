// test_preempt_rules.c: rules of runtime/preempt.c, each with the program that notices when it is broken.
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>

#include "runtime/sched.h"
#include "tests/runtime/rig.h"
#include "tests/runtime/storm.h"

static uint32_t stop, done; // atomic
static bool stopped(void) { return base_load_acquire(&stop); }
static void finish(uint32_t n)
{
    base_store_release(&stop, 1u);
    RIG_UNTIL(base_load_acquire(&done) == n);
}

// The handler needs no room on the goroutine's stack: this one has some hundred bytes left when it is stopped.
static void hog_at_the_brim(void *arg)
{
    (void)arg;
    const uintptr_t floor = rv__m()->g->stack.lo & -(uintptr_t)4096; // lo is coloured: the guard is below its page
    volatile char *const most = __builtin_alloca((uintptr_t)__builtin_frame_address(0) - floor - 512);
    *most = 1;
    while (!stopped()) continue;
    base_add_acq_rel(&done, 1u);
}
static void no_room(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    for (int i = 0; i < 3; i++) rv_go(hog_at_the_brim, NULL);
    for (int i = 0; i < 5; i++) rv_gosched(); // each comes back only by preemption
    finish(3);
}
Test(preempt_rules, the_handler_is_on_a_stack_of_its_own, .timeout = 60) { cr_assert_eq(rv_run(no_room, NULL), 0); }

// A thread whose goroutine is stopped has no P, so no code of the program's may run there: its handlers wait.
static uint32_t met, without; // atomic: signals handled; of them without a P
static void on_user(int sig)
{
    (void)sig;
    if (!rv__p_of(rv__m())) base_add_relaxed(&without, 1u); // relaxed: counts
    base_add_relaxed(&met, 1u);
}
static int hog_tid; // atomic
static void hog(void *arg)
{
    (void)arg;
    base_store_release(&hog_tid, rv__m()->tid);
    while (!stopped()) continue;
    base_add_acq_rel(&done, 1u);
}
static void signals_wait(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    signal(SIGUSR1, on_user);
    rv_go(hog, NULL);
    RIG_UNTIL(base_load_acquire(&hog_tid));
    for (uint32_t i = 1; i <= 10; i++) {
        sys_call3(SYS_tgkill, getpid(), base_load_acquire(&hog_tid), SIGUSR1); // we run, so the hog is stopped
        RIG_UNTIL(base_load_relaxed(&met) == i);
    }
    finish(1);
    cr_assert_eq(base_load_relaxed(&without), 0);
}
Test(preempt_rules, handlers_wait_while_it_is_stopped, .timeout = 60) { cr_assert_eq(rv_run(signals_wait, NULL), 0); }

// A call that we do not know to make again: the kernel must.
static int locked_fd;
static void *unlocks_late(void *arg)
{
    while (base_load_relaxed(&storm_left)) sched_yield(); // relaxed: a figure
    flock(locked_fd, LOCK_UN);
    return arg;
}
static void waits_for_a_file(void *arg)
{
    char path[] = "/tmp/ravel-flock-XXXXXX";
    pthread_t t;
    (void)arg;
    locked_fd = mkstemp(path);
    const int other = open(path, O_RDWR);
    unlink(path);
    const pthread_t storming = storm_start(0);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(flock(locked_fd, LOCK_EX), 0);
        base_store_relaxed(&storm_left, 20u);
        cr_assert_eq(pthread_create(&t, NULL, unlocks_late, NULL), 0);
        cr_assert_eq(flock(other, LOCK_EX), 0, "%s", strerror(errno));
        pthread_join(t, NULL);
        flock(other, LOCK_UN);
    }
    storm_end(storming);
}
Test(preempt_rules, the_kernel_restarts_what_we_do_not, .timeout = 60)
{
    cr_assert_eq(rv_run(waits_for_a_file, NULL), 0);
}

// A program that puts its own handler of the signal in our place, again and again.
static void theirs(int sig) { (void)sig; }
static void takes_the_place(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    for (int i = 0; i < 2; i++) rv_go(hog, NULL);
    for (int i = 0; i < 5; i++) {
        signal(SIGURG, theirs);
        rv_gosched();
    }
    finish(2);
}
Test(preempt_rules, the_programs_handler_does_not_end_preemption, .timeout = 30)
{
    cr_assert_eq(rv_run(takes_the_place, NULL), 0);
}
