// test_stall.c: RAVEL_OPTIONS=stall=ms says what has not gone on, once, and the program goes on. What stalls here goes on when it has
// been said, so a stall that is not noticed is a hang.
#include <pthread.h>

#include "base/flags.h"
#include "runtime/dump.h"
#include "runtime/sched.h"
#include "tests/runtime/rig.h"

enum { STALL_MS = 30 };
static char said[1 << 20];
static void init(void)
{
    base_flags.stall = STALL_MS;
    base_flags.maxprocs = 1;
}
TestSuite(stall, .init = init, .timeout = 60);

// A machine that is busy may make other stalls than the one that is meant: each waits for its own kind.
static bool was_said(enum rv__stall_kind kind) { return base_load_relaxed(&rv__stalls[kind]) != 0; } // relaxed: a count
static void let_be(int64_t ms)
{
    const struct timespec t = {.tv_nsec = ms * 1000000};
    sys_call2(SYS_nanosleep, &t, NULL);
}
static void said_once(const char *line)
{
    const char *const first = strstr(said, line);
    cr_assert(first, "no '%s' in: %s", line, said);
    cr_assert_null(strstr(first + 1, line), "twice: %s", said);
}

static rv_chan *ch;
static void *wakes(void *arg)
{
    while (!was_said(RV__STALL_ALL)) let_be(1);
    let_be(3 * STALL_MS); // still the same stall
    rv_chan_send(ch, NULL);
    return arg;
}
static void all_wait(void *arg)
{
    pthread_t t;
    ch = rv_chan_make(0, 0);
    for (int i = 0; i < 2; i++) { // twice: it went on between them
        base_store_relaxed(&rv__stalls[RV__STALL_ALL], 0u);
        pthread_create(&t, NULL, wakes, arg);
        rv_chan_recv(ch, NULL);
        pthread_join(t, NULL);
    }
}
Test(stall, all_wait)
{
    const char *const line =
        "ravel: stalled: all goroutines wait, and none has run for 30 ms\n\ngoroutine 1 [chan receive]:\n";
    cr_assert_eq(rig_child(all_wait, NULL, said, sizeof said), 0, "%s", said);
    char *const second = strstr(strstr(said, line) + 1, line);
    cr_assert(second, "%s", said);
    cr_assert_null(strstr(second + 1, line), "a third time: %s", said);
}

static void in_call(void *arg)
{
    (void)arg;
    rv_syscall_enter();
    while (!was_said(RV__STALL_CALL)) let_be(1);
    let_be(3 * STALL_MS);
    rv_syscall_exit();
}
Test(stall, in_a_system_call)
{
    cr_assert_eq(rig_child(in_call, NULL, said, sizeof said), 0, "%s", said);
    said_once("ravel: stalled: goroutine 1 has been in one system call for 30 ms\n\ngoroutine 1 [syscall]:\n");
}

static void runs_on(void *arg)
{
    (void)arg;
    while (!was_said(RV__STALL_RUNS)) base_pause();
}
Test(stall, runs_on)
{
    cr_assert_eq(rig_child(runs_on, NULL, said, sizeof said), 0, "%s", said);
    said_once("ravel: stalled: goroutine 1 has run on, without a call to Ravel, for 30 ms\n\ngoroutine 1 [running]:\n");
}

static uint32_t began; // atomic
static void hog(void *arg)
{
    (void)arg;
    base_store_release(&began, 1u);
    while (!was_said(RV__STALL_PREEMPTED)) base_pause();
}
// Main comes back only because the other was preempted, and then is in a section, where it is not.
static void keeps_it_from_running(void *arg)
{
    (void)arg;
    rv_go(hog, NULL);
    RIG_UNTIL(base_load_acquire(&began));
    struct rv__g *const g = rv__enter();
    while (!was_said(RV__STALL_PREEMPTED)) base_pause();
    rv__leave(g);
}
Test(stall, was_preempted)
{
    cr_assert_eq(rig_child(keeps_it_from_running, NULL, said, sizeof said), 0, "%s", said);
    said_once("ravel: stalled: goroutine 2 was preempted, and has not run again for 30 ms\n\n");
}

static void moves(void *arg)
{
    (void)arg;
    for (int64_t end = rv_now() + 5 * STALL_MS * 1000000; rv_now() < end;) rv_sleep(1000000);
}
Test(stall, not_while_it_moves)
{
    base_flags.stall = 10000;
    cr_assert_eq(rig_child(moves, NULL, said, sizeof said), 0);
    cr_assert_str_empty(said);
}
static void never(void *arg)
{
    (void)arg;
    rv_chan_recv(NULL, NULL);
}
Test(stall, what_is_dead_ends_as_ever)
{
    base_flags.stall = 10000;
    base_flags.schedtrace = 10000;
    rig_dies(never, NULL, "fatal error: all goroutines are asleep - deadlock!\n");
}
