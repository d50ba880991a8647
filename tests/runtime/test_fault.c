// test_fault.c: an overflow of a goroutine's stack is reported; every other fault ends as it would have without us.
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "include/ravel.h"
#include "tests/runtime/child.h"

static void expect_said(const char *what)
{
    cr_expect(strstr(child_said, what), "no \"%s\" in:\n%.2000s", what, child_said);
}

// ---- overflows -------------------------------------------------------------------------------------------------------

static volatile int sink;
// Not a tail call, and not to be turned into a loop.
__attribute__((noinline)) void fault_deeper(int n)
{
    volatile char frame[200];
    frame[n % 200] = (char)n;
    if (n >= 0) fault_deeper(n + 1);
    sink = frame[n % 7];
}
void overflow(void *arg)
{
    (void)arg;
    fault_deeper(0);
    __asm__ volatile(""); // so that the call is not made a jump
}
static rv_waitgroup wg;
static void start_worker(void *size)
{
    const rv_go_options o = {.name = "worker", .stack_size = (size_t)size};
    rv_wg_add(&wg, 1);
    rv_try_go(overflow, NULL, &o, NULL);
    rv_wg_wait(&wg);
}
static void overflow_default(void) { rv_run(start_worker, NULL); }
static void overflow_small(void) { rv_run(start_worker, (void *)16384); }
static void overflow_large(void) { rv_run(start_worker, (void *)(1 << 20)); }
static void overflow_main(void) { rv_run(overflow, NULL); }
static void check_worker(void (*fn)(void), const char *size)
{
    cr_expect_eq(child_run(fn), 2);
    expect_said("fatal error: stack overflow\n");
    expect_said("goroutine 2 has used up its stack of ");
    expect_said(size);
    expect_said("goroutine 2 \"worker\" [running]:\n");
    expect_said("created by ");
    expect_said(" in goroutine 1\n");
    expect_said("fault_deeper()\n"); // both ends
    expect_said("\noverflow()\n");
}
static void check_workers(void)
{
    check_worker(overflow_default, " 65536 bytes");
    check_worker(overflow_small, " 16384 bytes");
    cr_expect_null(strstr(child_said, "elided")); // some 70 frames
    check_worker(overflow_large, " 1048576 bytes");
    expect_said("...additional frames elided...\n");
}
Test(fault, overflow) { check_workers(); }
Test(fault, overflow_by_mprotect)
{
    setenv("RAVEL_OPTIONS", "stack_guard=mprotect", 1);
    check_workers();
}
Test(fault, overflow_of_main)
{
    cr_expect_eq(child_run(overflow_main), 2);
    expect_said("\noverflow()\n");
    expect_said("goroutine 1 has used up its stack of 8388608 bytes");
}
// The program's thread has a signal stack of its own, too small for a report.
static char small_stack[12 << 10];
static void with_small_signal_stack(void)
{
    const stack_t s = {.ss_sp = small_stack, .ss_size = sizeof small_stack};
    if (sigaltstack(&s, NULL) != 0) _exit(10);
    rv_run(overflow, NULL);
}
static void look_at_signal_stack(void *arg)
{
    (void)arg;
    stack_t now;
    if (sigaltstack(NULL, &now) != 0 || now.ss_sp != small_stack) _exit(11);
}
static void keeps_signal_stack(void)
{
    const stack_t s = {.ss_sp = small_stack, .ss_size = sizeof small_stack};
    if (sigaltstack(&s, NULL) != 0) _exit(10);
    rv_run(look_at_signal_stack, NULL); // the main goroutine begins in this thread
    look_at_signal_stack(NULL);
}
Test(fault, signal_stack_of_the_program)
{
    cr_expect_eq(child_run(with_small_signal_stack), 2);
    expect_said("goroutine 1 has used up its stack");
    cr_expect_eq(child_run(keeps_signal_stack), 0);
}

// ---- all other faults ------------------------------------------------------------------------------------------------

static int *volatile nowhere = NULL;
static void touch_nowhere(void *arg)
{
    (void)arg;
    *nowhere = 1;
}
static void in_worker(void *fn)
{
    rv_wg_go(&wg, (rv_fn *)fn, NULL);
    rv_wg_wait(&wg);
}
static void nobody_handles(void) { rv_run(in_worker, (void *)touch_nowhere); }
Test(fault, default_action)
{
    cr_expect_eq(child_run(nobody_handles), -SIGSEGV);
    cr_expect_str_empty(child_said);
}

static sigjmp_buf back;
static int handled;
static void *volatile handled_at = (void *)1;
static void jump_back(int sig, siginfo_t *info, void *context)
{
    (void)context;
    handled = sig;
    handled_at = info->si_addr;
    siglongjmp(back, 1);
}
static void recover(void *arg)
{
    for (int i = 0; i < 3; i++) {
        handled = 0;
        if (sigsetjmp(back, 1) == 0) touch_nowhere(arg);
        if (handled != SIGSEGV || handled_at != NULL) _exit(11);
    }
}
static void program_handles(void)
{
    const struct sigaction a = {.sa_sigaction = jump_back, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &a, NULL);
    rv_run(in_worker, (void *)recover);
    if (handled != SIGSEGV) _exit(12);
}
Test(fault, handler_of_the_program) { cr_expect_eq(child_run(program_handles), 0, "%s", child_said); }

static void handles_later(void *arg)
{
    const struct sigaction a = {.sa_sigaction = jump_back, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &a, NULL);
    recover(arg);
}
static void program_handles_later(void) { rv_run(in_worker, (void *)handles_later); }
Test(fault, handler_that_comes_later) { cr_expect_eq(child_run(program_handles_later), 0); }

static void once(int sig)
{
    handled = sig;
    siglongjmp(back, 1);
}
static void twice(void *arg)
{
    if (sigsetjmp(back, 1) == 0) touch_nowhere(arg);
    if (handled != SIGSEGV) _exit(11);
    touch_nowhere(arg);
}
static void handles_once(void)
{
    const struct sigaction a = {.sa_handler = once, .sa_flags = SA_RESETHAND};
    sigaction(SIGSEGV, &a, NULL);
    rv_run(in_worker, (void *)twice);
}
Test(fault, handler_for_once) { cr_expect_eq(child_run(handles_once), -SIGSEGV); }

static void send_both(void *arg)
{
    (void)arg;
    raise(SIGBUS); // ignored: nothing
    raise(SIGSEGV);
}
static void signals_that_are_sent(void)
{
    signal(SIGBUS, SIG_IGN);
    rv_run(in_worker, (void *)send_both);
}
static void ignores_a_fault(void)
{
    signal(SIGSEGV, SIG_IGN);
    rv_run(in_worker, (void *)touch_nowhere);
}
Test(fault, sent_and_ignored)
{
    cr_expect_eq(child_run(signals_that_are_sent), -SIGSEGV);
    cr_expect_eq(child_run(ignores_a_fault), -SIGSEGV);
}

// A handler of the program's for overflows of its own threads: an address near no goroutine's stack is the program's business,
// and so is one in the guard of another goroutine's.
static uintptr_t other;
static void show_stack(void *arg)
{
    (void)arg;
    other = (uintptr_t)__builtin_frame_address(0) - 65536 - 4096;
}
static void touch_other(void *arg)
{
    (void)arg;
    *(volatile char *)(other - 8192) = 1;
}
static void touch_the_others_guard(void *arg)
{
    rv_wg_go(&wg, show_stack, NULL);
    rv_wg_wait(&wg);
    touch_other(arg); // from the main goroutine
}
static void guard_of_another(void) { rv_run(touch_the_others_guard, NULL); }
Test(fault, guard_of_another)
{
    cr_expect_eq(child_run(guard_of_another), -SIGSEGV);
    cr_expect_str_empty(child_said);
}

// ---- how much was used -----------------------------------------------------------------------------------------------

static __attribute__((noinline)) size_t used_beside(size_t n)
{
    volatile char *p = __builtin_alloca(n);
    p[0] = 1;
    __asm__ volatile("" ::"r"(p) : "memory"); // all of it is wanted, says this, and by the other the frame stays
    const size_t used = rv_stack_used();
    __asm__ volatile("" ::"r"(p) : "memory");
    return used;
}
static void use(void *arg)
{
    const size_t before = rv_stack_used();
    const size_t after = used_beside(30000);
    if (before == 0 || before > 8192) _exit(11);
    if (after < 30000 || after > 30000 + before + 4096) _exit(12);
    *(size_t *)arg = after;
}
static void use_in_worker(void *arg)
{
    size_t used = 0;
    (void)arg;
    rv_wg_go(&wg, use, &used);
    rv_wg_wait(&wg);
    if (!used) _exit(13);
}
static void uses(void) { rv_run(use_in_worker, NULL); }
Test(fault, stack_used)
{
    cr_expect_eq(child_run(uses), 0);
    cr_expect_eq(rv_stack_used(), 0u, "a plain thread has no goroutine's stack");
}

// ---- memory goes back ------------------------------------------------------------------------------------------------

// Many goroutines each use 12 pages of stack and end; nobody does anything afterwards, and sysmon sleeps. Their pages go back.
static rv_chan *gate;
static rv_waitgroup all_have;
static long resident(void) // pages
{
    long size, pages = -1;
    FILE *f = fopen("/proc/self/statm", "r");
    if (fscanf(f, "%ld %ld", &size, &pages) != 2) _exit(20);
    fclose(f);
    return pages;
}
static void use_much(void *arg)
{
    volatile char *p = __builtin_alloca(50000);
    (void)arg;
    for (int i = 0; i < 50000; i += 1000) p[i] = 1;
    rv_wg_done(&all_have);
    rv_chan_recv(gate, NULL);
}
static void wait_for_pages(void *limit) // in the kernel, so that all Ps are idle
{
    for (int i = 0; i < 1000 && resident() > (long)limit; i++) usleep(10000);
    if (resident() > (long)limit) _exit(12);
}
static void burst(void *arg)
{
    enum { N = 1000 };
    const long before = resident();
    (void)arg;
    gate = rv_chan_make(0, 0);
    rv_wg_add(&all_have, N);
    for (int i = 0; i < N; i++) rv_wg_go(&wg, use_much, NULL);
    rv_wg_wait(&all_have);
    for (int i = 0; i < N; i++) rv_chan_send(gate, NULL);
    rv_wg_wait(&wg);
    if (resident() - before < N * 10) _exit(11);
    rv_blocking(wait_for_pages, (void *)(before + N * 4));
}
static void run_burst(void) { rv_run(burst, NULL); }
Test(fault, idle_program_gives_stacks_back) { cr_expect_eq(child_run(run_burst), 0); }
