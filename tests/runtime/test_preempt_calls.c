// test_preempt_calls.c: a P that is taken from who is in the kernel, or on the way there, is taken once, and is never lost.
#include <time.h>

#include "runtime/sched.h"
#include "tests/runtime/rig.h"

enum { TIMES = 50, ROUNDS = 100, SHOTS = 4000 };

static uint32_t stop, left; // atomic
static void idler(void *arg)
{
    (void)arg;
    while (!base_load_relaxed(&stop)) rv_gosched(); // relaxed: only a flag
    base_add_relaxed(&left, -1u);                   // relaxed: a count
}
static void keep_busy(uint32_t n)
{
    base_store_relaxed(&stop, 0u);
    base_store_relaxed(&left, n);
    for (uint32_t i = 0; i < n; i++) rv_go(idler, NULL);
}
static void end_busy(void)
{
    base_store_relaxed(&stop, 1u);
    RIG_UNTIL(base_load_relaxed(&left) == 0); // relaxed: nothing is read that they wrote
}
// What sysmon does to one that has run for too long, now.
static void preempt_me(void) { rv__preempt_signal(rv__m()); }
// With one P the first that is lost is the last.
static void signal_in_kernel(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    keep_busy(3);
    for (int i = 0; i < TIMES; i++) {
        RIG_UNTIL(base_load_relaxed(&rv__sched.idle_ms) != 0); // somebody who would take the P; relaxed: a count
        rv_syscall_enter();
        preempt_me();
        rv_syscall_exit();
        rv_gosched();
    }
    end_busy();
}
Test(preempt_calls, a_signal_in_the_kernel_gives_no_p_away, .timeout = 180)
{
    cr_assert_eq(rv_run(signal_in_kernel, NULL), 0);
}

// A thread that sleeps inside of rv_syscall_enter: a handler of the program's makes it, wherever it comes. Another thread takes Ps
// from those who sleep, as sysmon does.
static void nap(int sig)
{
    (void)sig;
    const struct timespec t = {.tv_nsec = 20000};
    sys_call2(SYS_nanosleep, &t, NULL);
}
static void *shoot(void *arg)
{
    struct rv__m *const me = rv__m_foreign();
    const pid_t pid = getpid();
    uint64_t random = *(uint64_t *)arg;
    for (int i = 0; i < SHOTS; i++) {
        struct rv__p *const p = rv__sched.ps[0];
        const struct rv__m *const m = base_load_acquire(&p->m); // acquire: the M
        if (m && base_load_relaxed(&m->tid)) sys_call3(SYS_tgkill, pid, m->tid, SIGUSR2);
        for (uint64_t k = rig_random(&random) % 4096; k; k--) base_pause(); // it shall wake up while we take
        rv__section_begin(me);
        rv__preempt(p);
        rv__section_end(me);
    }
    base_store_relaxed(&stop, 1u); // relaxed: only a flag
    return NULL;
}
static void in_and_out(void *arg)
{
    (void)arg;
    while (!base_load_relaxed(&stop)) { // relaxed: only a flag
        for (int i = 0; i < ROUNDS; i++) {
            rv_syscall_enter();
            rv_syscall_exit();
        }
        rv_gosched();
    }
    base_add_relaxed(&left, -1u);
}
static void sleep_on_the_way(void *arg)
{
    pthread_t shooter;
    uint64_t seed = rig_seed();
    (void)arg;
    rv_gomaxprocs(1);
    signal(SIGUSR2, nap);
    base_store_relaxed(&stop, 0u);
    base_store_relaxed(&left, 4u);
    for (int i = 0; i < 4; i++) rv_go(in_and_out, NULL);
    pthread_create(&shooter, NULL, shoot, &seed);
    RIG_UNTIL(base_load_relaxed(&left) == 0); // relaxed: nothing is read that they wrote
    pthread_join(shooter, NULL);
}
Test(preempt_calls, a_sleeper_on_its_way_into_the_kernel_keeps_its_p, .timeout = 180)
{
    cr_assert_eq(rv_run(sleep_on_the_way, NULL), 0);
}
