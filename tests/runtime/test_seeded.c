// test_seeded.c: the deterministic mode: the same seed, the same run; every order comes up; time is virtual.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/resource.h>

#include "base/flags.h"
#include "runtime/chan.h"
#include "tests/runtime/rig.h"

static char said[64 << 10];

static void use_seed(int seed)
{
    char option[64];
    snprintf(option, sizeof option, "sched=seed:%d", seed);
    base_flags_parse(option, "RAVEL_OPTIONS");
}
// What fn said under this seed. It must end well.
static const char *under(int seed, rv_fn *fn)
{
    use_seed(seed);
    const int status = rig_child(fn, NULL, said, sizeof said);
    cr_assert_eq(status, 0, "seed %d: status 0x%x; said: %s", seed, (unsigned)status, said);
    return said;
}
static void say(const char *text) { cr_assert_eq(write(2, text, strlen(text)), (ssize_t)strlen(text)); }

// ---- the same seed, the same run -----------------------------------------------------------------------------------------

struct run {
    char *log;
    char out[128]; // the program's output: an address, and what hangs on the order
    size_t n;
};
static size_t read_whole(int fd, char *to, size_t room)
{
    size_t n = 0;
    for (ssize_t k; n < room && (k = pread(fd, to + n, room - n, (off_t)n)) > 0;) n += (size_t)k;
    return n;
}
static void run_program(const char *seed, struct run *r)
{
    enum { ROOM = 1 << 20 };
    char path[] = "/tmp/seeded.XXXXXX", option[128];
    const int log = mkstemp(path), out = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    int status;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    cr_assert(log >= 0 && out >= 0);
    snprintf(option, sizeof option, "RAVEL_OPTIONS=sched=seed:%s:sched_log=%s", seed, path);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    char *const argv[] = {SEEDED_PROGRAM, NULL}, *const env[] = {option, NULL};
    cr_assert_eq(posix_spawn(&pid, argv[0], &actions, NULL, argv, env), 0);
    posix_spawn_file_actions_destroy(&actions);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    r->log = malloc(ROOM);
    r->n = read_whole(log, r->log, ROOM);
    cr_assert(r->n > 1000 && r->n < ROOM, "%zu bytes of log", r->n);
    r->out[read_whole(out, r->out, sizeof r->out - 1)] = 0;
    close(log);
    close(out);
    unlink(path);
}
static const char *order_of(const struct run *r) { return strchr(r->out, '\n'); }
static bool same_log(const struct run *a, const struct run *b) { return a->n == b->n && !memcmp(a->log, b->log, a->n); }

Test(seeded, one_seed_one_log, .timeout = 120)
{
    enum { RUNS = 100 };
    struct run first, r;
    int moved = 0;
    run_program("7", &first);
    for (int i = 1; i < RUNS; i++) {
        run_program("7", &r);
        cr_assert(same_log(&first, &r), "run %d has another log", i);
        cr_assert_str_eq(order_of(&r), order_of(&first));
        moved += strncmp(r.out, first.out, (size_t)(order_of(&first) - first.out)) != 0;
        free(r.log);
    }
    cr_assert_gt(moved, RUNS / 2, "addresses must differ for this to mean anything");
    free(first.log);
}
Test(seeded, other_seeds_other_logs, .timeout = 120)
{
    enum { SEEDS = 20 };
    struct run r[SEEDS];
    char seed[24];
    for (int i = 0; i < SEEDS; i++) {
        snprintf(seed, sizeof seed, "%llu", i ? (unsigned long long)i : 18446744073709551615ull);
        run_program(seed, &r[i]);
        for (int k = 0; k < i; k++) cr_assert_not(same_log(&r[i], &r[k]), "seeds %d and %d", i, k);
    }
    for (int i = 0; i < SEEDS; i++) free(r[i].log);
}

// ---- every order comes up ------------------------------------------------------------------------------------------------

static void two_steps(void *text)
{
    rv_waitgroup own = {0}; // nobody waits for it: only a place to yield
    rv_wg_add(&own, 1);
    say(((const char *[]){"a", "A"})[(uintptr_t)text]);
    rv_wg_done(&own);
    say(((const char *[]){"b", "B"})[(uintptr_t)text]);
}
static rv_waitgroup both;
static void steps_and_done(void *text)
{
    two_steps(text);
    rv_wg_done(&both);
}
static void interleave(void *arg)
{
    (void)arg;
    rv_wg_add(&both, 2);
    rv_go(steps_and_done, (void *)0);
    rv_go(steps_and_done, (void *)1);
    rv_wg_wait(&both);
}
static void all_come_up(rv_fn *fn, const char *const *orders, int n, int seeds)
{
    int times[8] = {0};
    for (int seed = 1; seed <= seeds; seed++) {
        int i = 0;
        under(seed, fn);
        while (i < n && strcmp(orders[i], said) != 0) i++;
        cr_assert_lt(i, n, "seed %d: '%s'", seed, said);
        times[i]++;
    }
    for (int i = 0; i < n; i++) cr_assert_gt(times[i], 0, "%s never came up", orders[i]);
}
Test(seeded, all_interleavings, .timeout = 120)
{
    static const char *const orders[] = {"abAB", "aAbB", "aABb", "AabB", "AaBb", "ABab"};
    all_come_up(interleave, orders, 6, 200);
}

static void tell(void *text)
{
    say(text);
    rv_wg_done(&both);
}
static void two_timers(void *arg)
{
    rv_timer t[2];
    (void)arg;
    rv_wg_add(&both, 2);
    rv_timer_init(&t[0], tell, "1");
    rv_timer_init(&t[1], tell, "2");
    const int64_t when = rv__now() + 1000000000;
    for (int i = 0; i < 2; i++) rv_timer_start(&t[i], when - rv__now());
    rv_wg_wait(&both);
}
Test(seeded, ties, .timeout = 60) { all_come_up(two_timers, (const char *const[]){"12", "21"}, 2, 30); }

static rv_chan *ch;
static void receive_and_tell(void *text)
{
    rv_chan_recv(ch, NULL);
    tell(text);
}
static void wake_all(void *arg)
{
    (void)arg;
    ch = RV_CHAN(int, 0);
    rv_wg_add(&both, 2);
    rv_go(receive_and_tell, "1");
    rv_go(receive_and_tell, "2");
    while (rig_waiters(ch, false) < 2) rv_gosched();
    rv_chan_close(ch);
    rv_wg_wait(&both);
    rv_chan_free(ch);
}
static void select_one(void *arg)
{
    rv_chan *const two[] = {RV_CHAN(int, 1), RV_CHAN(int, 1)};
    rv_case cases[] = {RV_RECV(two[0], NULL), RV_RECV(two[1], NULL)};
    (void)arg;
    for (int i = 0; i < 2; i++) rv_chan_send(two[i], &i);
    say(rv_select(cases, 2, 0) ? "2" : "1");
}
Test(seeded, selects, .timeout = 60) { all_come_up(select_one, (const char *const[]){"1", "2"}, 2, 30); }

Test(seeded, woken_together, .timeout = 60) { all_come_up(wake_all, (const char *const[]){"12", "21"}, 2, 30); }

// ---- time ----------------------------------------------------------------------------------------------------------------

#define HOUR (3600 * INT64_C(1000000000))
static void sleep_an_hour(void *arg)
{
    (void)arg;
    const int64_t from = rv_now();
    rv_sleep(HOUR);
    cr_assert(rv_now() - from >= HOUR && rv_now() - from < HOUR + 1000000);
    while (rv_now() - from < HOUR + 50000000) {} // looking at the clock takes time, too
}
Test(seeded, an_hour_at_once, .timeout = 60) { under(1, sleep_an_hour); }

static void *write_later(void *fds) // a plain thread, in real time
{
    rv_sleep(20000000);
    cr_assert_eq(write(((int *)fds)[1], "x", 1), 1);
    return NULL;
}
static void wait_for_world(void *arg)
{
    int fds[2];
    char c;
    pthread_t t;
    (void)arg;
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(pthread_create(&t, NULL, write_later, fds), 0);
    rv_set_deadline(fds[0], RV_READ, rv_now() + 60 * INT64_C(1000000000));
    cr_assert_eq(rv_read(fds[0], &c, 1), 1);
    rv_set_deadline(fds[0], RV_READ, rv_now() + 30000000);
    cr_assert_eq(rv_read(fds[0], &c, 1), -ETIMEDOUT);
    pthread_join(t, NULL);
}
Test(seeded, the_world_has_its_own_time, .timeout = 60) { under(1, wait_for_world); }

// ---- one P, one thread ---------------------------------------------------------------------------------------------------

static pthread_t thread;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void keep_thread(void *arg)
{
    (void)arg;
    cr_assert(pthread_equal(thread, pthread_self()));
    for (int i = 0; i < 20; i++) {
        rv_waitgroup own = {0};
        while (pthread_mutex_trylock(&mutex)) rv_gosched();
        rv_wg_add(&own, 1); // may yield, with the mutex held
        cr_assert(pthread_equal(thread, pthread_self()));
        pthread_mutex_unlock(&mutex);
        rv_sleep(i * 1000);
    }
    rv_wg_done(&both);
}
static void all_in_one(void *arg)
{
    (void)arg;
    thread = pthread_self();
    cr_assert_eq(rv_gomaxprocs(4), 1);
    cr_assert_eq(rv_gomaxprocs(0), 1);
    for (int i = 0; i < 10; i++) rv_wg_add(&both, 1), rv_go(keep_thread, NULL);
    rv_wg_wait(&both);
    cr_assert(pthread_equal(thread, pthread_self()));
}
Test(seeded, one_thread_runs_all, .timeout = 60)
{
    for (int seed = 1; seed <= 10; seed++) under(seed, all_in_one);
}

static void nobody_sends(void *arg)
{
    (void)arg;
    rv_chan_recv(RV_CHAN(int, 0), NULL);
}
Test(seeded, deadlock, .timeout = 60)
{
    char again[80];
    for (int seed = 1; seed <= 5; seed++) {
        use_seed(seed);
        rig_dies(nobody_sends, NULL, "fatal error: all goroutines are asleep - deadlock!\n");
        snprintf(again, sizeof again, "\nravel: order of goroutines: RAVEL_OPTIONS=sched=seed:%d\n", seed);
        rig_dies(nobody_sends, NULL, again);
    }
}

// ---- where it is not deterministic ---------------------------------------------------------------------------------------

static uint32_t flag; // atomic
static void raise_flag(void *arg)
{
    (void)arg;
    base_store_release(&flag, 1u); // release: pairs with the spin
}
static NOINLINE void spin_for_flag(void)
{
    while (!base_load_acquire(&flag)) continue; // acquire: pairs with raise_flag
}
static void spins(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) {
        base_store_relaxed(&flag, 0u);
        rv_timer t;
        rv_timer_init(&t, raise_flag, NULL);
        rv_timer_start(&t, 50000000);
        spin_for_flag();
    }
    struct rusage used; // the first was ended after 1 s, the second as in the free scheduler
    getrusage(RUSAGE_SELF, &used);
    cr_assert_lt(used.ru_utime.tv_sec + used.ru_stime.tv_sec, 2);
}
static void said_once(const char *text)
{
    const char *const at = strstr(said, text);
    cr_assert_not_null(at, "no '%s' in '%s'", text, said);
    cr_assert_null(strstr(at + 1, "not deterministic here"), "%s", said);
}
Test(seeded, a_spin_is_ended_and_told, .timeout = 120)
{
    under(3, spins);
    said_once("not deterministic here: goroutine 1 has run for 1 s without a call of Ravel's");
    cr_assert(strstr(said, "spin_for_flag"), "%s", said);
    cr_assert(strstr(said, "goroutine 1 [running]:"), "%s", said);
}
static void read_byte(void *fd)
{
    char c;
    cr_assert_eq(read(*(int *)fd, &c, 1), 1);
}
static void write_byte(void *fd) { cr_assert_eq(write(*(int *)fd, "x", 1), 1); }
static void blocks(void *arg)
{
    int fds[2];
    (void)arg;
    cr_assert_eq(pipe(fds), 0);
    for (int i = 0; i < 2; i++) {
        rv_timer t;
        rv_timer_init(&t, write_byte, &fds[1]);
        rv_timer_start(&t, 1000);
        rv_blocking(read_byte, &fds[0]);
    }
}
Test(seeded, a_long_call_is_told, .timeout = 60)
{
    under(3, blocks);
    said_once("not deterministic here: goroutine 1 has been in a system call for 1 s");
}
static void sleeps_untold(void *arg)
{
    int fds[2];
    rv_timer t;
    (void)arg;
    cr_assert_eq(pipe(fds), 0);
    rv_timer_init(&t, write_byte, &fds[1]);
    rv_timer_start(&t, 1000);
    read_byte(&fds[0]);
}
Test(seeded, a_sleep_in_the_kernel_is_told, .timeout = 60)
{
    under(3, sleeps_untold);
    said_once("not deterministic here: goroutine 1 has slept in the kernel for 1 s");
}
static void computes(void *arg)
{
    (void)arg;
    const int64_t from = rv__real_now();
    while (rv__real_now() - from < 1500000000) {} // alone: nobody is kept from anything
}
Test(seeded, alone_nothing_is_told, .timeout = 60) { cr_assert_str_empty(under(3, computes)); }

// ---- the option ----------------------------------------------------------------------------------------------------------

static void nothing(void *arg) { (void)arg; }
static void option_says(const char *option, const char *text)
{
    base_flags_reset();
    base_flags_parse(option, "RAVEL_OPTIONS");
    cr_assert_eq(rig_child(nothing, NULL, said, sizeof said), 0);
    cr_assert_str_eq(said, text);
}
Test(seeded, the_option)
{
#define REFUSED(v) "ravel: RAVEL_OPTIONS: sched='" v "' is neither free nor seed:N, N a number below 2^64\n"
    option_says("sched=free", "");
    option_says("sched=seed:0", "");
    option_says("sched=seed:18446744073709551615", "");
    option_says("sched=seed:18446744073709551616", REFUSED("seed:18446744073709551616"));
    option_says("sched=seed", REFUSED("seed"));
    option_says("sched='seed:'", REFUSED("seed:"));
    option_says("sched=seed:1x", REFUSED("seed:1x"));
    option_says("sched=random", REFUSED("random"));
    option_says("sched_log=/tmp/x", "ravel: RAVEL_OPTIONS: sched_log='/tmp/x' stays empty: it needs sched=seed:N\n");
    option_says("sched=seed:1:sched_log=/no/such/place",
                "ravel: RAVEL_OPTIONS: sched_log='/no/such/place' cannot be written: error 2\n");
}
