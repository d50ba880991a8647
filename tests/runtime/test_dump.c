// test_dump.c: what SIGQUIT, a fatal error and schedtrace print.

#include "base/flags.h"
#include "runtime/dump.h"
#include "runtime/sched.h"
#include "tests/runtime/rig.h"

static void one_p(void) { base_flags.maxprocs = 1; } // numbers of goroutines come in batches, one for each P
TestSuite(dump, .init = one_p, .timeout = 60);

enum { SAID = 4 << 20 };
static char said[SAID];

// The part of a dump that is about one goroutine: from its header to the empty line, with addresses cut off.
static const char *part(const char *header)
{
    static char out[4096];
    const char *p = strstr(said, header);
    cr_assert(p, "no '%s' in: %s", header, said);
    size_t n = 0;
    for (; *p && !(p[0] == '\n' && p[1] == '\n') && n < sizeof out - 1; p++) {
        if (p[0] == '\t' && (p[1] == 'w' || p[1] == 'c' || p[1] == '\t')) { // what it waits at: see waits_at
            p = strchr(p, '\n');
            if (p[1] == '\n') break;
            continue;
        }
        if (*p == '\t' && p[1] == '/') { // "	/path/prog+0x123": a line that only must be there
            const char *const plus = strstr(p, "+0x");
            cr_assert(plus && plus < strchr(p, '\n'));
            p = strchr(p, '\n');
            if (p[1] == '\n') break;
            continue;
        }
        out[n++] = *p;
    }
    while (n && out[n - 1] == '\n') n--;
    out[n] = 0;
    return out;
}
static void has(const char *expected)
{
    char header[256];
    snprintf(header, sizeof header, "%.*s", (int)strcspn(expected, "\n"), expected);
    cr_assert_str_eq(part(header), expected);
}

static void waits_at(const char *text) { cr_assert(strstr(said, text), "no '%s' in: %s", text, said); }
static void begins(const char *text) { cr_assert_eq(strncmp(said, text, strlen(text)), 0, "%s", said); }

#define KEEP __asm__ volatile("") // after a call: no jump in its place, so that its frame is there to be found
static rv_chan *ch;
static rv_waitgroup wg;
NOINLINE static void dump_receiver(void *arg)
{
    (void)arg;
    rv_chan_recv(ch, NULL);
    KEEP;
}
NOINLINE static void dump_deeper(int n)
{
    char some[200];
    memset(some, n, sizeof some);
    __asm__ volatile("" ::"r"(some) : "memory");
    if (n)
        dump_deeper(n - 1);
    else
        rv_chan_send(NULL, NULL);
    KEEP;
}
NOINLINE static void dump_nil(void *arg)
{
    (void)arg;
    dump_deeper(2);
    KEEP;
}
NOINLINE static void dump_waiter(void *arg)
{
    (void)arg;
    rv_wg_wait(&wg);
    KEEP;
}
NOINLINE static void dump_never_run(void *arg) { (void)arg; }
NOINLINE static void dump_start(void)
{
    const rv_go_options named = {.name = "the\nname", .labels = "job=12"};
    ch = RV_CHAN(int, 0);
    rv_wg_add(&wg, 1);
    rv_go(dump_receiver, NULL);
    rv_try_go(dump_nil, NULL, &named, NULL);
    rv_go(dump_waiter, NULL);
    KEEP;
}
static bool all_wait(void)
{
    struct rv__g *const g = rv__enter();
    uint32_t n = 0; // of those that dump_start made
    for (const struct rv__g_block *b = rv__g_blocks; b; b = b->next)
        for (uint64_t i = 0; i < b->n; i++)
            n += b->gs[i].id > 1 && base_load_relaxed(&b->gs[i].state) == RV__WAITING &&
                 !base_load_relaxed(&b->gs[i].on_cpu);
    rv__leave(g);
    return n == 3;
}
static void dump_main(void *quit)
{
    dump_start();
    RIG_UNTIL(all_wait());
    if (!quit) rv__fatal_deadlock();
    rv_go(dump_never_run, NULL);
    struct rv__g *const g = rv__enter(); // a section: nobody takes the only P from us
    kill(getpid(), SIGQUIT);
    rv__leave(g);
    KEEP;
}
static void has_the_waiting(void)
{
    has("goroutine 2 [chan receive]:\n"
        "rv_chan_recv()\n"
        "dump_receiver()\n"
        "created by dump_start in goroutine 1");
    has("goroutine 3 \"the?name\" [chan send (nil chan)] {job=12}:\n"
        "rv_chan_send()\n"
        "dump_deeper()\n"
        "dump_deeper()\n"
        "dump_deeper()\n"
        "dump_nil()\n"
        "created by dump_start in goroutine 1");
    has("goroutine 4 [sync.WaitGroup.Wait]:\n"
        "rv_wg_wait()\n"
        "dump_waiter()\n"
        "created by dump_start in goroutine 1");
}
Test(dump, all_asleep)
{
    const int status = rig_child(dump_main, NULL, said, SAID);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    begins("fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [");
    has_the_waiting();
    waits_at("\twaits to receive from a channel (elements of 4 bytes, 0 of 0 there) made by dump_start()\n");
    waits_at(", the global wg\n");
}
static void nobody_sends(void *arg)
{
    (void)arg;
    dump_start();
    RIG_UNTIL(all_wait());
    rv_chan_recv(RV_CHAN(int, 1), NULL);
    __asm__ volatile(""); // or the call is a jump, and this function on no stack
}
Test(dump, asleep_in_earnest)
{
    const int status = rig_child(nobody_sends, NULL, said, SAID);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    begins("fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nrv_chan_recv()\n");
    has("goroutine 1 [chan receive]:\n"
        "rv_chan_recv()\n"
        "nobody_sends()");
    has_the_waiting();
}
Test(dump, sigquit_lists_all_and_the_program_goes_on)
{
    const int status = rig_child(dump_main, "quit", said, SAID);
    cr_assert_eq(status, 0, "%s", said);
    begins("SIGQUIT: quit\n\ngoroutine 1 [running]");
    has_the_waiting();
    has("goroutine 5 [runnable]:\n"
        "dump_never_run()\n"
        "created by dump_main in goroutine 1");
}
// In its first thread main has its signals, and its own stack is shown.
static void quit_at_once(void *arg)
{
    (void)arg;
    raise(SIGQUIT);
    KEEP;
}
Test(dump, the_goroutine_that_got_the_signal)
{
    cr_assert_eq(rig_child(quit_at_once, NULL, said, SAID), 0);
    cr_assert(strstr(part("goroutine 1 [running]:"), "\nquit_at_once()"), "%s", said);
    cr_assert_not(strstr(said, "created by"), "nobody's rv_go made main");
}
static volatile sig_atomic_t theirs;
static void own_handler(int sig)
{
    (void)sig;
    theirs = 1;
}
static void quit_theirs(void *arg)
{
    raise(SIGQUIT);
    cr_assert(arg || theirs);
}
Test(dump, not_where_the_program_has_a_handler)
{
    signal(SIGQUIT, own_handler);
    cr_assert_eq(rig_child(quit_theirs, NULL, said, SAID), 0);
    cr_assert_str_empty(said);
    signal(SIGQUIT, SIG_IGN);
    cr_assert_eq(rig_child(quit_theirs, "ignored", said, SAID), 0);
    cr_assert_str_empty(said);
}
static void nothing(void *arg) { (void)arg; }
static void quit_afterwards(void *arg)
{
    (void)arg;
    const pid_t pid = fork();
    if (pid == 0) {
        rv_run(nothing, NULL);
        raise(SIGQUIT);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT, "outside of rv_run it is what it was");
}
Test(dump, outside_of_rv_run) { quit_afterwards(NULL); }

// A parent that waits for any child must not see the one that prints.
static void quit_and_wait(void *arg)
{
    (void)arg;
    raise(SIGQUIT);
    if (waitpid(-1, NULL, WNOHANG) != -1) _exit(4);
}
Test(dump, leaves_no_child) { cr_assert_eq(rig_child(quit_and_wait, NULL, said, SAID), 0); }

// Of the goroutines that wait.
static int each_since(int64_t from, int64_t to)
{
    int n = 0;
    for (struct rv__g_block *b = rv__g_blocks; b; b = b->next)
        for (uint64_t i = 0; i < b->n; i++) {
            if (b->gs[i].id < 2 || base_load_relaxed(&b->gs[i].since) != from) continue;
            base_store_relaxed(&b->gs[i].since, to);
            n++;
        }
    return n;
}
static void minutes(void *arg)
{
    (void)arg;
    const int64_t later = rv__now() + 3600 * (int64_t)1000000000;
    dump_start();
    RIG_UNTIL(all_wait());
    rv__note_waits(rv__now(), false); // the first look of all notes nothing; sysmon may not have had it yet
    rv__note_waits(later, false);
    if (each_since(later, rv__now() - 5 * 60000000000 - 1000) != 3) _exit(5);
    rv_chan_send(ch, &(int){0}); // goroutine 2 waits no longer
    rv_go(dump_receiver, NULL);  // nor is the next one in its place old
    RIG_UNTIL(all_wait());
    rv__fatal_deadlock();
}
Test(dump, how_long)
{
    const int status = rig_child(minutes, NULL, said, SAID);
    cr_assert_eq(WEXITSTATUS(status), 2);
    part("goroutine 3 \"the?name\" [chan send (nil chan), 5 minutes] {job=12}:");
    part("goroutine 4 [sync.WaitGroup.Wait, 5 minutes]:");
    part("goroutine 5 [chan receive]:");
}

NOINLINE static void dump_breaks_rule(void)
{
    rv_chan_close(NULL);
    KEEP;
}
static void broken(void *arg)
{
    (void)arg;
    dump_breaks_rule();
    KEEP;
}
Test(dump, fatal)
{
    const int status = rig_child(broken, NULL, said, SAID);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    has("fatal error: close of nil channel");
    cr_assert(strstr(part("goroutine 1 [running]:"), "\ndump_breaks_rule()\nbroken()"), "%s", said);
}

// ---- schedtrace ----------------------------------------------------------------------------------------------------------

// Until sysmon has been round three times more, however long that takes, and ns have passed: it traces in every round.
static void let_trace(int64_t ns)
{
    const int64_t began = rv__now();
    int64_t seen = began;
    for (int rounds = 0; rounds < 3 || rv__now() - began < ns; rv_gosched())
        for (int i = 0; i < 2; i++) {
            const int64_t at = base_load_relaxed(&rv__sched.ps[i]->watched.tick_at);
            if (at <= seen) continue;
            seen = at;
            rounds++;
        }
}
static void traced(void *arg)
{
    (void)arg;
    dump_start();
    let_trace(100000000);
    _exit(0);
}
Test(dump, schedtrace)
{
    int ms, before = -7, procs, idle, threads, spinning, needed, idle_threads, queue, q0, q1;
    base_flags.maxprocs = 2;
    cr_assert_eq(rig_child(traced, NULL, said, SAID), 0);
    cr_assert_str_empty(said, "nobody wants it");
    base_flags.schedtrace = 7;
    cr_assert_eq(rig_child(traced, NULL, said, SAID), 0);
    begins("SCHED 0ms: ");
    for (const char *p = said; *p; p = strchr(p, '\n') + 1, before = ms) {
        cr_assert_eq(sscanf(p,
                            "SCHED %dms: gomaxprocs=%d idleprocs=%d threads=%d spinningthreads=%d needspinning=%d "
                            "idlethreads=%d runqueue=%d [%d %d]\n",
                            &ms, &procs, &idle, &threads, &spinning, &needed, &idle_threads, &queue, &q0, &q1),
                     10, "%s", p);
        cr_assert_eq(procs, 2);
        cr_assert_geq(ms, before + 7);
    }
}
static void traced_once_all_wait(void *arg)
{
    (void)arg;
    dump_start();
    RIG_UNTIL(all_wait());
    base_flags.schedtrace = 1;
    let_trace(10000000);
    _exit(0);
}
Test(dump, scheddetail)
{
    static const char *const wanted[] = {"  P0: status=", "  P1: status=", "  G1: status=",
                                         "  G2: status=4(chan receive) m=nil lockedm=nil\n", " curg="};
    base_flags.maxprocs = 2;
    base_flags.scheddetail = true;
    cr_assert_eq(rig_child(traced_once_all_wait, NULL, said, SAID), 0);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) cr_assert(strstr(said, wanted[i]), "%s", said);
}
