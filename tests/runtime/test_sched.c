// test_sched.c: what the scheduler promises: rv_run and its ends, goroutines and their order, Ps that come and go, threads of the
// program's own, fork, pthread_exit, deadlock.
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/flags.h"
#include "tests/runtime/child.h"
#include "tests/runtime/rig.h"

// ---- rv_run ----------------------------------------------------------------------------------------------------------------

static void count_up(void *n) { ++*(int *)n; }
static void nothing(void *arg) { (void)arg; }
static void run_again(void *result) { *(int *)result = rv_run(nothing, NULL); }

Test(run, returns_when_main_does_and_may_be_called_again)
{
    int n = 0;
    for (int i = 1; i <= 20; i++) {
        cr_assert_eq(rv_run(count_up, &n), 0);
        cr_assert_eq(n, i);
    }
}
Test(run, nested_is_busy)
{
    int result = 0;
    cr_assert_eq(rv_run(run_again, &result), 0);
    cr_assert_eq(result, -EBUSY);
    cr_assert_eq(rv_run(NULL, NULL), -EINVAL);
}
static uint32_t released; // atomic
static void hold_out(void *reached)
{
    rv_chan_send(reached, NULL);
    while (!base_load_acquire(&released)) continue;
    rv_gosched();
    cr_assert(false, "a goroutine that was dropped went on");
}
static void leave_a_hog(void *arg)
{
    (void)arg;
    rv_gomaxprocs(2);
    rv_chan *reached = rv_chan_make(0, 0);
    rv_go(hold_out, reached);
    rv_chan_recv(reached, NULL);
}
// A goroutine in the middle of something is not frozen; at its next call it is gone.
Test(run, others_are_dropped_at_their_next_call, .timeout = 180)
{
    cr_assert_eq(rv_run(leave_a_hog, NULL), 0);
    base_store_release(&released, 1u);
    int n = 0;
    cr_assert_eq(rv_run(count_up, &n), 0); // and they do not come back in another run
    cr_assert_eq(n, 1);
}
static void wait_for_ever(void *ch) { rv_chan_recv(ch, NULL); }
static void leave_two_waiting(void *arg)
{
    (void)arg;
    rv_chan *ch = rv_chan_make(0, 0);
    rv_go(wait_for_ever, ch);
    rv_go(wait_for_ever, ch);
    RIG_UNTIL(rig_waiters(ch, false) == 2);
}
static void run_leaving_two(void) { _exit(rv_run(leave_two_waiting, NULL)); }
// Main ends while others are ready, wait, sleep, have not begun, or run in another thread; the next run begins before those
// threads have ended.
static rv_chan *never;
static void receives(void *arg)
{
    (void)arg;
    rv_chan_recv(never, NULL);
}
static void sleeps_long(void *arg)
{
    (void)arg;
    rv_sleep(3600000000000);
}
static void yields_for_ever(void *arg)
{
    (void)arg;
    for (;;) rv_gosched();
}
static void leaves_some(void *arg)
{
    (void)arg;
    rv_go(receives, NULL);
    rv_go(sleeps_long, NULL);
    rv_go(yields_for_ever, NULL);
    rv_gosched();
    rv_go(receives, NULL);
}
Test(run, again_and_again_with_leftovers, .timeout = 120)
{
    never = rv_chan_make(0, 0);
    for (int procs = 1; procs <= 2; procs++) {
        base_flags.maxprocs = procs;
        for (int i = 0; i < 700; i++) cr_assert_eq(rv_run(leaves_some, NULL), 0);
    }
}
Test(run, leftover_report_lists_them)
{
    setenv("RAVEL_OPTIONS", "leftover=report", 1);
    base_flags_parse("leftover=report", "here");
    cr_assert_eq(child_run(run_leaving_two), 0);
    cr_assert(strstr(child_said, "main has returned, and 2 goroutines are left"), "%s", child_said);
    cr_assert(strstr(child_said, "[chan receive"), "%s", child_said);
}
static void yield_and_count(void *n)
{
    for (int i = 0; i < 100; i++) rv_gosched();
    base_add_relaxed((uint32_t *)n, 1u); // relaxed: read after the run
}
static void count_one(void *n) { base_add_relaxed((uint32_t *)n, 1u); } // relaxed: as above
static void leave_many(void *n)
{
    for (int i = 0; i < 50; i++) rv_go(yield_and_count, n);
}
Test(run, leftover_wait_waits, .timeout = 180)
{
    uint32_t n = 0;
    base_flags_parse("leftover=wait", "here");
    for (uint32_t i = 1; i <= 20; i++) {
        cr_assert_eq(rv_run(leave_many, &n), 0);
        cr_assert_eq(n, 50 * i);
    }
}
// The last one ends just when main begins to wait: whoever comes second must see the first. Lost once in some thousands, or not at all.
static void leave_one(void *n)
{
    rv_gomaxprocs(2);
    for (int i = 0; i < 2; i++) rv_go(count_one, n);
    rv_gosched();
}
Test(run, leftover_wait_meets_the_last_end, .timeout = 60)
{
    uint32_t n = 0;
    base_flags.leftover = BASE_LEFTOVER_WAIT;
    for (int i = 0; i < 500; i++) cr_assert_eq(rv_run(leave_one, &n), 0);
    cr_assert_eq(n, 1000u);
}

// ---- goroutines --------------------------------------------------------------------------------------------------------------

static int turns[2];
// Each waits for the other to have had as many turns: if one starved, neither would end.
static void take_turns(void *k)
{
    int *const mine = &turns[(intptr_t)k], *const other = &turns[1 - (intptr_t)k];
    for (int i = 1; i <= 100; i++) {
        *mine = i;
        RIG_UNTIL(*other >= i);
    }
}
static void yield_in_turn(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    rv_go(take_turns, (void *)0);
    rv_go(take_turns, (void *)1);
    RIG_UNTIL(turns[0] == 100 && turns[1] == 100);
}
Test(goroutines, that_yield_starve_nobody, .timeout = 180) { cr_assert_eq(rv_run(yield_in_turn, NULL), 0); }

static rv_gid ids[1000];
static void note_id(void *at) { *(rv_gid *)at = rv_goid(); }
static void check_ids(void *arg)
{
    (void)arg;
    rv_gid given[1000];
    cr_assert_eq(rv_goid(), 1u);
    for (int i = 0; i < 1000; i++) given[i] = rv_go(note_id, &ids[i]);
    RIG_UNTIL(rv_num_goroutine() == 1);
    for (int i = 0; i < 1000; i++) cr_assert_eq(ids[i], given[i]);
}
Test(goroutines, have_the_number_that_go_returned) { cr_assert_eq(rv_run(check_ids, NULL), 0); }

static int steps;
static void step_to(void *k)
{
    cr_assert_eq(steps, (int)(intptr_t)k);
    steps++;
}
static void leave_inside(void)
{
    RV_DEFER(step_to, (void *)2);
    {
        RV_DEFER(step_to, (void *)1);
        RV_DEFER(step_to, (void *)0);
        rv_goexit();
    }
}
static void leaver(void *arg)
{
    (void)arg;
    rv_defer(step_to, (void *)4);
    rv_defer(step_to, (void *)3);
    leave_inside();
    cr_assert(false, "rv_goexit returned");
}
static void check_goexit(void *arg)
{
    (void)arg;
    rv_go(leaver, NULL);
    RIG_UNTIL(rv_num_goroutine() == 1);
    cr_assert_eq(steps, 5);
    {
        RV_DEFER(step_to, (void *)6);
        step_to((void *)5);
    }
    cr_assert_eq(steps, 7);
}
Test(goroutines, goexit_runs_blocks_then_what_was_deferred) { cr_assert_eq(rv_run(check_goexit, NULL), 0); }
Test(goroutines, deferred_blocks_on_a_plain_thread)
{
    {
        RV_DEFER(step_to, (void *)1);
        step_to((void *)0);
    }
    cr_assert_eq(steps, 2);
}
static void set_errno(void *to)
{
    for (int i = 0; i < 1000; i++) {
        errno = (int)(intptr_t)to;
        rv_gosched();
        cr_assert_eq(errno, (int)(intptr_t)to);
    }
}
static void check_errno(void *arg)
{
    (void)arg;
    rv_gomaxprocs(2);
    for (int i = 1; i < 5; i++) rv_go(set_errno, (void *)(intptr_t)i);
    RIG_UNTIL(rv_num_goroutine() == 1);
}
Test(goroutines, keep_errno) { cr_assert_eq(rv_run(check_errno, NULL), 0); }

static void try_options(void *arg)
{
    (void)arg;
    rv_gid id = 0;
    uint32_t n = 0;
    cr_assert_eq(rv_try_go(NULL, NULL, NULL, NULL), -EINVAL);
    cr_assert_eq(rv_try_go(nothing, NULL, &(rv_go_options){.stack_size = ((size_t)1 << 30) + 1}, NULL), -EINVAL);
    cr_assert_eq(rv_try_go(yield_and_count, &n, &(rv_go_options){"worker", 1 << 20, "part=test"}, &id), 0);
    cr_assert(id > 1);
    RIG_UNTIL(rv_num_goroutine() == 1);
    cr_assert_eq(n, 1u);
}
Test(goroutines, options) { cr_assert_eq(rv_run(try_options, NULL), 0); }

// ---- Ps that come and go -------------------------------------------------------------------------------------------------------

struct relay {
    rv_chan *in, *out;
};
static void pass_on(void *p)
{
    const struct relay r = *(struct relay *)p;
    for (int v; rv_chan_recv(r.in, &v);) {
        v++;
        rv_chan_send(r.out, &v);
    }
    rv_chan_close(r.out);
}
static void change_procs(void *arg)
{
    (void)arg;
    enum { N = 10, TOKENS = 2000 };
    uint64_t random = rig_seed();
    struct relay r[N];
    rv_chan *ch[N + 1];
    for (int i = 0; i <= N; i++) ch[i] = RV_CHAN(int, i % 3);
    for (int i = 0; i < N; i++) {
        r[i] = (struct relay){ch[i], ch[i + 1]};
        rv_go(pass_on, &r[i]);
    }
    for (int i = 0; i < TOKENS; i++) {
        int v = i;
        rv_chan_send(ch[0], &v);
        if (i % 10 == 0) rv_gomaxprocs(1 + (int)(rig_random(&random) % 5));
        cr_assert(rv_chan_recv(ch[N], &v));
        cr_assert_eq(v, i + N);
    }
    rv_chan_close(ch[0]);
    int v;
    cr_assert_not(rv_chan_recv(ch[N], &v));
    RIG_UNTIL(rv_num_goroutine() == 1);
    rv_gomaxprocs(3);
    cr_assert_eq(rv_gomaxprocs(0), 3);
    for (int i = 0; i <= N; i++) rv_chan_free(ch[i]);
}
Test(procs, change_in_flight, .timeout = 120) { cr_assert_eq(rv_run(change_procs, NULL), 0); }

// ---- threads of the program's own ------------------------------------------------------------------------------------------------

struct meeting {
    rv_chan *to, *from;
};
static void *thread_side(void *p)
{
    const struct meeting *m = p;
    for (int v; rv_chan_recv(m->to, &v);) {
        v *= 2;
        rv_chan_send(m->from, &v);
        rv_go(nothing, NULL);
    }
    cr_assert_eq(rv_goid(), 0u);
    return NULL;
}
static void meet_threads(void *arg)
{
    (void)arg;
    struct meeting m = {RV_CHAN(int, 0), RV_CHAN(int, 0)};
    pthread_t t[2];
    for (int i = 0; i < 2; i++) cr_assert_eq(pthread_create(&t[i], NULL, thread_side, &m), 0);
    int sum = 0;
    for (int i = 0; i < 1000; i++) {
        int v;
        rv_chan_send(m.to, &i);
        cr_assert(rv_chan_recv(m.from, &v));
        sum += v;
    }
    cr_assert_eq(sum, 999000);
    rv_chan_close(m.to);
    for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
}
Test(threads, meet_goroutines_at_channels, .timeout = 180) { cr_assert_eq(rv_run(meet_threads, NULL), 0); }

// ---- bad ends --------------------------------------------------------------------------------------------------------------------

static void dies_of(rv_fn *fn, const char *what);
static rv_fn *fatal_fn;
static void run_fatal(void) { rv_run(fatal_fn, NULL); }
static void dies_of(rv_fn *fn, const char *what)
{
    fatal_fn = fn;
    cr_assert_eq(child_run(run_fatal), 2);
    cr_assert(strstr(child_said, what), "wanted \"%s\", got:\n%s", what, child_said);
}
static void go_null(void *arg)
{
    (void)arg;
    rv_go(NULL, NULL);
}
static void exit_thread(void *arg)
{
    (void)arg;
    pthread_exit(NULL);
}
static void go_exit_thread(void *arg)
{
    (void)arg;
    rv_go(exit_thread, NULL);
    for (;;) rv_gosched();
}
static void sleep_all(void *arg)
{
    (void)arg;
    rv_chan *ch = rv_chan_make(0, 0);
    rv_go(wait_for_ever, ch);
    rv_go(wait_for_ever, ch);
    rv_chan_recv(ch, NULL);
}
static void main_goexit(void *arg)
{
    (void)arg;
    rv_go(nothing, NULL);
    rv_goexit();
}
static void fork_and_go(void *arg)
{
    (void)arg;
    const pid_t pid = fork();
    if (pid == 0) {
        rv_go(nothing, NULL);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}
static void fork_and_exit(void *arg)
{
    (void)arg;
    const pid_t pid = fork();
    if (pid == 0) _exit(7);
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(WEXITSTATUS(status), 7);
}
Test(ends, null_function) { dies_of(go_null, "go of nil func value"); }
Test(ends, pthread_exit_in_main) { dies_of(exit_thread, "pthread_exit in a goroutine"); }
Test(ends, pthread_exit_in_another) { dies_of(go_exit_thread, "pthread_exit in a goroutine"); }
Test(ends, all_asleep, .timeout = 180) { dies_of(sleep_all, "all goroutines are asleep - deadlock!"); }
Test(ends, main_left_and_the_others_ended, .timeout = 180)
{
    dies_of(main_goexit, "all goroutines are asleep - deadlock!");
}
Test(ends, go_in_a_child) { dies_of(fork_and_go, "child of fork"); }
Test(ends, a_child_may_exit) { cr_assert_eq(rv_run(fork_and_exit, NULL), 0); }
