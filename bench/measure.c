// bench/measure.c: runs one command and writes what it cost, as one JSON line, to a file.
//
//     measure FILE SECONDS COMMAND [ARGUMENT...]
//
// A small process of its own, because the kernel counts the peak memory of whoever forked as the child's: started
// from a large interpreter, every program would seem to need the interpreter's memory. A command that takes longer
// than SECONDS is killed. SIGTERM and SIGINT are passed on, so that a server can be measured until it is told to stop.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t child, timed_out; // child: 0 until it has started

static void on_signal(int sig)
{
    if (sig == SIGALRM) timed_out = 1;
    if (child > 0) kill(child, sig == SIGALRM ? SIGKILL : sig);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static pid_t start(char **argv)
{
    const pid_t pid = vfork(); // spawning must not copy anything of ours into what is measured
    if (pid != 0) return pid;
    execvp(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: measure FILE SECONDS COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    const struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGALRM, &act, NULL);
    const double begin = now();
    const pid_t pid = start(argv + 3);
    if (pid < 0) {
        perror("measure");
        return 2;
    }
    child = pid;
    alarm((unsigned)atoi(argv[2]));
    int status;
    struct rusage use;
    while (wait4(pid, &status, 0, &use) < 0)
        if (errno != EINTR) return 2;
    const double end = now();
    FILE *out = fopen(argv[1], "w");
    if (out == NULL) {
        perror(argv[1]);
        return 2;
    }
    fprintf(out,
            "{\"wall\": %.6f, \"user\": %.6f, \"sys\": %.6f, \"rss_kib\": %ld, \"status\": %d, \"timed_out\": %s}\n",
            end - begin, seconds(use.ru_utime), seconds(use.ru_stime), use.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), timed_out ? "true" : "false");
    return fclose(out) == 0 ? 0 : 2;
}
