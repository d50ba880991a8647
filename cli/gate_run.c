// gate_run.c: runs the command, once or often, some at a time, and passes signals on.
//
// No signal handlers: what we wait for (children, signals, the progress bar's clock) is blocked and taken by
// sigtimedwait, one at a time. A run gets a process group of its own, so that a signal reaches all that it started.
// Not on a terminal: there the whole job shares the terminal's group, or the command could not read from it, and ^C
// reaches it without us.
#include "cli/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static sigset_t awaited, before;
static bool own_groups;

static void start_signals(void)
{
    static const int taken[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    signal(SIGCHLD, SIG_DFL); // ignored, children would leave no exit code
    sigemptyset(&awaited);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) sigaddset(&awaited, taken[i]);
    sigprocmask(SIG_BLOCK, &awaited, &before);
    own_groups = !(isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp());
}

// ---- the child -----------------------------------------------------------------------------------------------

static bool open_as(const char *path, int flags, int fd)
{
    const int opened = open(path, flags, 0666);
    if (opened < 0 || dup2(opened, fd) < 0) return false;
    if (opened != fd) close(opened);
    return true;
}
static bool redirect(const struct gate *g, const struct gate_run *r)
{
    if (g->o.jobs > 1 && !open_as("/dev/null", O_RDONLY, STDIN_FILENO)) return false;
    if (!r->output) return true;
    return open_as(r->output, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO) && dup2(STDOUT_FILENO, STDERR_FILENO) >= 0;
}
static void set_number(const char *name, int a, int b)
{
    char *const text = b ? cli_printf("%d/%d", a, b) : cli_printf("%d", a);
    setenv(name, text, 1);
}
// In the child: never returns. What keeps the command from running goes to the parent as an errno.
static void become(const struct gate *g, const struct gate_run *r, const char *options, int tell)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); // a gate that is killed leaves nothing behind
    if (own_groups) setpgid(0, 0);
    setenv("RAVEL_OPTIONS", options, 1);
    set_number("RAVEL_RUN", r->number, 0);
    if (g->o.shards) set_number("RAVEL_SHARD", g->o.shard, g->o.shards);
    if (redirect(g, r)) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(g->o.command[0], g->o.command);
    }
    const int error = errno;
    if (write(tell, &error, sizeof error) < 0) _exit(127);
    _exit(127);
}
static void start(struct gate *g, struct gate_run *r)
{
    int pipe_fd[2], error = 0;
    char *const options = gate_environment_options(g, r->logs);
    if (pipe2(pipe_fd, O_CLOEXEC) != 0) gate_die(g, "%s", strerror(errno));
    fflush(NULL);
    clock_gettime(CLOCK_MONOTONIC, &r->began);
    r->pid = fork();
    if (r->pid == 0) become(g, r, options, pipe_fd[1]);
    close(pipe_fd[1]);
    if (r->pid < 0) gate_die(g, "%s: %s", g->o.command[0], strerror(errno));
    if (own_groups) setpgid(r->pid, r->pid); // both do, so that it is one before either goes on
    while (read(pipe_fd[0], &error, sizeof error) < 0 && errno == EINTR) {}
    close(pipe_fd[0]);
    free(options);
    if (!error) return;
    waitpid(r->pid, NULL, 0);
    gate_die(g, "cannot run '%s': %s", g->o.command[0], strerror(error));
}

// ---- the wait ------------------------------------------------------------------------------------------------

static void pass_on(struct gate *g, const siginfo_t *info)
{
    g->interrupted = info->si_signo;
    if (!own_groups && info->si_code == SI_KERNEL) return; // the terminal has told the others, too
    for (int i = 0; i < g->o.repeat; i++) {
        const pid_t pid = g->runs[i].pid;
        if (pid > 0) kill(own_groups ? -pid : pid, info->si_signo);
    }
}
static double since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}
static struct gate_run *run_of(struct gate *g, pid_t pid)
{
    for (int i = 0; i < g->o.repeat; i++)
        if (g->runs[i].pid == pid) return &g->runs[i];
    return NULL;
}
static int reap(struct gate *g, void (*ended)(struct gate *g, struct gate_run *run))
{
    int n = 0, status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        struct gate_run *const r = run_of(g, pid);
        if (!r) continue;
        r->status = status;
        r->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        r->seconds = since(&r->began);
        ended(g, r);
        r->pid = 0;
        g->nrun++;
        gate_progress_ended(g, r);
        n++;
    }
    return n;
}
void gate_run_all(struct gate *g, void (*ended)(struct gate *g, struct gate_run *run))
{
    int started = 0, running = 0;
    start_signals();
    gate_progress_start(g);
    while (running > 0 || (started < g->o.repeat && !g->interrupted)) {
        if (running < g->o.jobs && started < g->o.repeat && !g->interrupted) {
            start(g, &g->runs[started++]);
            running++;
            continue;
        }
        siginfo_t info;
        const struct timespec tick = {.tv_nsec = 200000000};
        const int signal = sigtimedwait(&awaited, &info, &tick);
        if (signal > 0 && signal != SIGCHLD) pass_on(g, &info);
        running -= reap(g, ended); // whatever woke us: signals of one kind are not counted
        gate_progress_tick(g, g->runs[0].pid > 0);
    }
    gate_progress_stop();
    sigprocmask(SIG_SETMASK, &before, NULL);
}
