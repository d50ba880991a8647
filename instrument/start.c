// start.c: the detector's life in a program, from before the first constructor to after the last destructor.
//
// Start. ins_start runs at the first event of any kind: an interposed call (often malloc, called by the dynamic
// linker), __tsan_init, at the latest __libc_start_main. It needs nothing of libc but what interpose.h looks up, and
// system calls. Order: real functions, options, detector, the calling thread's strand, the exit handlers.
//
// Which copy. An executable may hold libravel_rt.a while a shared object brought libravel.so. All calls bind to the
// executable's copy; the other one sees that its marker is not the one that the name resolves to, and stays passive.
// A libravel.so that a plugin brought into a program without Ravel comes behind libc in the lookup order: its
// interposers are not called, checking would be nothing but false reports, so it says so and stays passive too.
//
// End. Of exit handlers the one registered first runs last: ours is registered before __libc_start_main registers
// even the one that runs destructors. If there were findings it calls exit() again with the exit code, which runs
// what is left (nothing), flushes stdio and ends. _exit, _Exit and quick_exit never flush, and end directly.
#include "instrument/interpose.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/env.h"
#include "base/flags.h"
#include "base/lock.h"
#include "base/print.h"
#include "base/sys.h"
#include "detector/print.h"

__thread struct ins_me ins_me;
bool ins_on;
static uint32_t start_state; // atomic: NOT_STARTED -> tid of the thread that starts -> STARTED
enum { NOT_STARTED = 0, STARTED = 1 /* that tid is init's */ };
static const char *broken_file; // where one of our own invariants broke and checking stopped; NULL: nowhere
static int broken_line;

// ---- options -----------------------------------------------------------------------------------------------

const char *__tsan_default_options(void) __attribute__((weak, visibility("default"))); // a program may define it
static void read_options(void)
{
    if (__tsan_default_options) base_flags_parse(__tsan_default_options(), "__tsan_default_options");
    base_flags_parse(base_env("TSAN_OPTIONS"), "TSAN_OPTIONS");
    base_flags_parse(base_env("RAVEL_OPTIONS"), "RAVEL_OPTIONS");
    if (base_flags.help) base_flags_help();
}

// ---- the detector ------------------------------------------------------------------------------------------

static void take_finding(struct det_report *r, void *ctx)
{
    (void)ctx;
    if (!det_report_print(r) || !base_flags.halt_on_error) return;
    det_report_finish_as(base_flags.exitcode);
    sys_exit(base_flags.exitcode);
}
#ifndef RAVEL_DEBUG
// A broken invariant inside a user's program: no more checking, and the program goes on.
static void give_up(const char *file, int line, const char *what)
{
    if (broken_file) return;
    broken_file = file, broken_line = line;
    ins_on = false;
    ins_threads_all_off();
    base_say("checking stopped at %s:%d: %s does not hold; the program goes on unchecked", file, line, what);
}
#endif
static void start_detector(void)
{
#ifndef RAVEL_DEBUG
    base_check_give_up = give_up;
#endif
    det_report_start();
    const struct det_config cfg = {
        .report_races = base_flags.report_bugs,
        .detect_deadlocks = base_flags.detect_deadlocks,
        .report_atomic_races = base_flags.report_atomic_races,
        .memory_model_c20 = base_flags.memory_model == BASE_MODEL_C20,
    };
    det_init(&cfg, take_finding, NULL);
}

// ---- the main thread's stack -------------------------------------------------------------------------------

static bool parse_hex(const char **p, uintptr_t *out)
{
    const char *start = *p;
    *out = 0;
    for (;; (*p)++) {
        const char c = **p;
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return *p != start;
        *out = *out * 16 + (uintptr_t)digit;
    }
}
// The line of /proc/self/maps that `in` lies in gives the top; the bottom is where the limit lets it grow to, but not
// into the mapping below.
static void main_stack(uintptr_t in, uintptr_t *lo, uintptr_t *hi)
{
    *lo = *hi = 0;
    const long fd = sys_call3(SYS_open, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return;
    uintptr_t below = 0;
    static char text[4096];
    size_t have = 0;
    for (long n; *hi == 0 && (n = sys_read((int)fd, text + have, sizeof text - 1 - have)) > 0;) {
        have += (size_t)n;
        text[have] = 0;
        size_t done = 0; // whole lines only
        for (size_t end = 0; end < have && *hi == 0; end++) {
            if (text[end] != '\n') continue;
            const char *p = text + done;
            uintptr_t a, b;
            if (parse_hex(&p, &a) && *p++ == '-' && parse_hex(&p, &b)) {
                if (a <= in && in < b)
                    *lo = a, *hi = b;
                else
                    below = b;
            }
            done = end + 1;
        }
        for (size_t i = done; i < have; i++) text[i - done] = text[i];
        have -= done;
    }
    sys_call1(SYS_close, fd);
    struct rlimit limit;
    if (*hi == 0 || sys_call2(SYS_getrlimit, RLIMIT_STACK, &limit) != 0) return;
    const uintptr_t room = *hi - below;
    *lo = *hi - (limit.rlim_cur < room ? limit.rlim_cur : room);
}
static void start_main_strand(void)
{
    uintptr_t lo, hi;
    main_stack((uintptr_t)&lo, &lo, &hi);
    struct det_strand *s = det_strand_create(NULL, 0);
    ins_me.tid = sys_gettid();
    det_strand_start(s, ins_me.tid, lo, hi);
    ins_threads_main(s);
    det_tls = s;
}

// ---- start -------------------------------------------------------------------------------------------------

static void at_exit(int code, void *arg);
static void at_fast_exit(void *arg);
// Which copy we are, see above. The names in parentheses resolve as the program's references to them do.
static bool in_charge(void)
{
    if (!ins_same(&ravel_copy, &ins_copy_here)) return false;
    if (ins_copy_in_program()) {
        base_say("the program's Ravel is hidden (by its version script, or by RTLD_DEEPBIND) from an object that was "
                 "built with `ravel cc`: that object is not checked");
        return false;
    }
    if (ins_same((void *)&pthread_create, (void *)&ins_pthread_create_here)) return true;
    base_say("this program was not linked by `ravel cc` but loads an object that was: nothing is checked; "
             "run it with LD_PRELOAD=libravel.so (full path) to check that object");
    return false;
}
static void start(void)
{
    const enum ins_phase before = ins_me.phase;
    ins_me.phase = INS_BUSY;
    ins_resolve();
    if (in_charge()) {
        read_options();
        ins_testname_start();
        start_detector();
        ins_threads_init();
        start_main_strand();
        REAL(on_exit)(at_exit, NULL);
        REAL(__cxa_at_quick_exit)(at_fast_exit, NULL);
        ins_on = !broken_file;
    }
    ins_me.phase = ins_on ? INS_LIVE : before;
    if (!ins_on) det_tls = &det_nobody;
}
void ins_start(void)
{
    if (likely(base_load_acquire(&start_state) == STARTED)) return; // acquire: pairs with the release below
    const uint32_t me = (uint32_t)sys_gettid();
    uint32_t seen = NOT_STARTED;
    if (base_cas_acquire(&start_state, &seen, me)) {
        start();
        base_store_release(&start_state, STARTED); // release: publishes ins_real and ins_on
        sys_futex_wake(&start_state, INT32_MAX);
        return;
    }
    if (seen == me) return; // called by something that start() called
    while ((seen = base_load_acquire(&start_state)) != STARTED) sys_futex_wait(&start_state, seen);
}
COLD struct det_strand *ins_attach(void)
{
    if (ins_me.phase != INS_NEW) return &det_nobody;
    ins_start();
    if (!ins_on) return &det_nobody;
    return ins_me.phase == INS_LIVE ? det_tls : ins_thread_adopt();
}
INTERFACE int __libc_start_main(int (*entry)(int, char **, char **), int argc, char **argv, void (*init)(void),
                                void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    ins_start();
    return REAL(__libc_start_main)(entry, argc, argv, init, fini, rtld_fini, stack_end);
}
// For a copy that was loaded later than that.
__attribute__((constructor(101))) static void boot(void) { ins_start(); }

// ---- the end -----------------------------------------------------------------------------------------------

// Prints the summary; the exit code of a process that wanted to end with `code`.
static int end(int code)
{
    if (base_load_acquire(&start_state) != STARTED) return code;
    if (broken_file) base_say("checking stopped at %s:%d, so there may be more", broken_file, broken_line);
    if (!ins_on && !broken_file) return code; // passive, or a child of fork that is not checked
    ins_me.phase = INS_GONE;
    det_tls = &det_nobody;
    ins_testname_finish();
    return det_report_finish() > 0 && base_flags.exitcode != 0 ? base_flags.exitcode : code;
}
static void at_exit(int code, void *arg)
{
    (void)arg;
    const int wanted = end(code);
    if (wanted != code) REAL(exit)(wanted);
}
static void at_fast_exit(void *arg)
{
    (void)arg;
    const int wanted = end(-1); // the code that quick_exit was given is not told; it stays when nothing was found
    if (wanted != -1) sys_exit(wanted);
}
INTERFACE void _exit(int code) { sys_exit(end(code)); }
INTERFACE void _Exit(int code) { sys_exit(end(code)); }

// ---- fork --------------------------------------------------------------------------------------------------

// The child of a single thread goes on being checked. When there are others they are gone in the child while they may
// have held any of our locks, so that it runs on unchecked (most call exec at once).
INTERFACE pid_t fork(void)
{
    struct det_strand *s = ins_self();
    const bool alone = ins_threads_single();
    const pid_t pid = REAL(fork)();
    if (pid != 0 || s == &det_nobody) return pid;
    if (alone) {
        ins_me.tid = sys_gettid();
        ins_testname_forked();
        det_report_forked();
    } else {
        ins_on = false;
        ins_me.phase = INS_GONE;
        det_tls = &det_nobody;
    }
    return pid;
}
