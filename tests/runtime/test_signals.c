// test_signals.c: programs that use the signals that we use, and reports and dumps in a storm of them.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "tests/runtime/rig.h"
#include "tests/runtime/storm.h"

static uint32_t stop, done, urgent, quits; // atomic
static void hog(void *arg)
{
    (void)arg;
    while (!base_load_acquire(&stop)) continue;
    base_add_acq_rel(&done, 1u);
}
static void end_hogs(uint32_t n)
{
    base_store_release(&stop, 1u);
    RIG_UNTIL(base_load_acquire(&done) == n);
}

// ---- SIGURG ----------------------------------------------------------------------------------------------------------

static void on_urgent(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (sig == SIGURG && info->si_code != SI_QUEUE) base_add_acq_rel(&urgent, 1u);
}
static void tcp_pair(int fds[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    const int l = socket(AF_INET, SOCK_STREAM, 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(l, (struct sockaddr *)&a, size) == 0 && listen(l, 1) == 0);
    cr_assert_eq(getsockname(l, (struct sockaddr *)&a, &size), 0);
    cr_assert_eq(connect(fds[0], (struct sockaddr *)&a, size), 0);
    fds[1] = accept(l, NULL, NULL);
    close(l);
}
// Data out of band, as telnet sends it: the kernel's own SIGURG, while goroutines are preempted by ours.
static void out_of_band(void *arg)
{
    int fds[2];
    char c = 0;
    (void)arg;
    rv_gomaxprocs(1);
    tcp_pair(fds);
    cr_assert_eq(fcntl(fds[1], F_SETOWN, getpid()), 0);
    for (int i = 0; i < 2; i++) rv_go(hog, NULL);
    for (uint32_t i = 1; i <= 3; i++) {
        cr_assert_eq(send(fds[0], "!", 1, MSG_OOB), 1);
        RIG_UNTIL(base_load_acquire(&urgent) == i);
        cr_assert(recv(fds[1], &c, 1, MSG_OOB) == 1 && c == '!');
    }
    end_hogs(2);
}
Test(signals, urgent_data_comes_to_the_program, .timeout = 60)
{
    const struct sigaction a = {.sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGURG, &a, NULL);
    cr_assert_eq(rv_run(out_of_band, NULL), 0);
}

// ---- SIGQUIT ---------------------------------------------------------------------------------------------------------

static void on_quit(int sig)
{
    (void)sig;
    base_add_acq_rel(&quits, 1u);
}
static void own_quit(void *arg)
{
    (void)arg;
    rv_gomaxprocs(1);
    rv_go(hog, NULL);
    raise(SIGQUIT); // ours
    signal(SIGQUIT, on_quit);
    for (int i = 0; i < 3; i++) {
        rv_gosched(); // the hog was preempted: nothing of ours has taken the program's handler away
        raise(SIGQUIT);
    }
    end_hogs(1);
    _exit(base_load_acquire(&quits) == 3 ? 0 : 9);
}
static char said[1 << 20];
static int times(const char *text)
{
    int n = 0;
    for (const char *p = said; (p = strstr(p, text)) != NULL; p++) n++;
    return n;
}
Test(signals, a_later_handler_of_quit_stays, .timeout = 60)
{
    cr_assert_eq(rig_child(own_quit, NULL, said, sizeof said), 0, "%s", said);
    cr_assert_eq(times("SIGQUIT: quit"), 1, "%s", said);
}

// ---- in a storm ------------------------------------------------------------------------------------------------------

enum { DUMPS = 10, PASSERS = 4 };
static rv_chan *ch;
static void passes(void *arg)
{
    long v = 0;
    (void)arg;
    while (!base_load_acquire(&stop)) {
        rv_chan_send(ch, &v);
        rv_chan_recv(ch, &v);
        rv_gosched();
    }
    base_add_acq_rel(&done, 1u);
}
static void begin_storm(void)
{
    rv_gomaxprocs(2);
    ch = rv_chan_make(sizeof(long), PASSERS);
    for (int i = 0; i < PASSERS; i++) rv_go(passes, NULL);
    rv_go(hog, NULL);
}
static void dump_in_storm(void *arg)
{
    (void)arg;
    begin_storm();
    const pthread_t t = storm_start(~0u);
    for (int i = 0; i < DUMPS; i++) {
        raise(SIGQUIT); // returns when all is printed
        rv_gosched();
    }
    end_hogs(PASSERS + 1);
    storm_end(t);
}
Test(signals, dumps_in_a_storm, .timeout = 60)
{
    cr_assert_eq(rig_child(dump_in_storm, NULL, said, sizeof said), 0, "%s", said);
    cr_assert_eq(times("SIGQUIT: quit\n\ngoroutine 1 [running]:\n"), DUMPS, "%s", said);
    // By begin_storm, or by its caller where a compiler makes its last call a jump.
    cr_assert_eq(times("_storm in goroutine 1\n"), DUMPS * (PASSERS + 1), "%s", said);
}
static void die_in_storm(void *arg)
{
    (void)arg;
    begin_storm();
    storm_start(~0u);
    for (int i = 0; i < 100; i++) rv_gosched();
    rv_chan_close(NULL);
}
Test(signals, a_bad_end_in_a_storm, .timeout = 60)
{
    for (int i = 0; i < 5; i++)
        rig_dies(die_in_storm, NULL, "fatal error: close of nil channel\n\ngoroutine 1 [running]:\n");
}
