// main.c: feeds random streams to the detector and to the oracle until they disagree or time is up.
//
//   oracle [--seed N] [--seconds N] [--streams N]   stream i has seed N + i; the default is 20 seconds from seed 1
//   oracle --print N                                 shows the stream of one seed
//   oracle --replay FILE...                          compares on written streams (tests/oracle/streams/)
//   oracle --light half|all ...                      with light strands (feed.h)
//   oracle --mutant NAME ...                         puts a fault into the detector's feed (feed.h) and expects the
//                                                    oracle to notice: then 0 is the exit code, else 1
//
// A stream runs in a child process: one that kills it or makes it hang is a disagreement like any other.
#include "compare.h"
#include "generate.h"
#include "shrink.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HANG_SECONDS = 60, CRASHED = 2, SHRINK_SECONDS = 60, SHRINK_MUTANT_SECONDS = 3 };

static struct shared { // with the child
    uint64_t seed;     // of the stream it is at
    uint64_t streams, events, races, cycles, sweeps;
    struct verdict verdict;
} * shared;
static enum mutant mutant;

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static void judge(const struct stream *s)
{
    alarm(HANG_SECONDS);
    compare(s, mutant, &shared->verdict);
    shared->streams++;
    shared->events += shared->verdict.agree ? s->n : shared->verdict.event + 1;
    shared->races += shared->verdict.races;
    shared->cycles += shared->verdict.cycles;
    shared->sweeps += shared->verdict.sweeps;
}
// Waits for the child. 0: it agreed, 1: it did not, CRASHED: it died, and the verdict says how.
static int outcome(pid_t child)
{
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return WEXITSTATUS(status);
    shared->verdict.agree = false;
    shared->verdict.event = UINT32_MAX;
    const int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    snprintf(shared->verdict.why, sizeof shared->verdict.why, "the detector %s (%s)", sig == SIGALRM ? "hangs" : "died",
             sig ? strsignal(sig) : "it exited");
    return CRASHED;
}
static pid_t fork_child(void)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0) {
        perror("oracle: fork");
        exit(2);
    }
    if (child == 0) { // a crash is expected to be looked at by replaying
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
    }
    return child;
}
static int judge_in_child(const struct stream *s)
{
    const pid_t child = fork_child();
    if (child == 0) {
        judge(s);
        _exit(!shared->verdict.agree);
    }
    return outcome(child);
}

struct limit {
    double end;
    int code; // the outcome to keep
};
static bool still_fails(const struct stream *s, void *ctx)
{
    const struct limit *limit = ctx;
    return now_seconds() < limit->end && judge_in_child(s) == limit->code;
}
static void show(const char *title, const struct stream *s)
{
    printf("%s\n", title);
    judge_in_child(s);
    stream_print(stdout, s);
    if (shared->verdict.event < s->n) {
        printf("# at event %u: ", shared->verdict.event);
        stream_print_event(stdout, &s->e[shared->verdict.event]);
    }
    printf("# %s\n", shared->verdict.why);
}
static void show_smallest(struct stream *s, int code)
{
    if (judge_in_child(s) != code) {
        printf("The stream alone does not fail; the ones before it matter.\n");
        return;
    }
    if (shared->verdict.event < s->n) s->n = shared->verdict.event + 1;
    struct limit limit = {now_seconds() + (mutant ? SHRINK_MUTANT_SECONDS : SHRINK_SECONDS), code};
    shrink(s, still_fails, &limit);
    show("The smallest stream that still fails:", s);
}

// ---- random streams --------------------------------------------------------------------------------------------

static void run_streams(uint64_t seed, uint64_t count, double end)
{
    static struct stream s;
    for (uint64_t i = 0; i < count && now_seconds() < end; i++) {
        shared->seed = seed + i;
        generate(seed + i, &s);
        judge(&s);
        if (!shared->verdict.agree) _exit(1);
    }
    _exit(0);
}
static int random_streams(uint64_t seed, uint64_t count, double seconds)
{
    static struct stream s;
    const double begin = now_seconds();
    const pid_t child = fork_child();
    if (child == 0) run_streams(seed, count, begin + seconds);
    const int code = outcome(child);
    printf("oracle: %lu streams from seed %lu, %lu events, %lu racing bytes, %lu lock cycles, %lu sweeps, %.1f s: %s\n",
           shared->streams, seed, shared->events, shared->races, shared->cycles, shared->sweeps, now_seconds() - begin,
           code ? "DISAGREEMENT" : "all agree");
    if (code) {
        printf("seed %lu, event %u: %s\n", shared->seed, shared->verdict.event, shared->verdict.why);
        generate(shared->seed, &s);
        show_smallest(&s, code);
    }
    return code;
}
static int replay(const char *file)
{
    static struct stream s;
    FILE *f = fopen(file, "r");
    if (!f) {
        perror(file);
        return 2;
    }
    const bool good = stream_parse(f, file, &s);
    fclose(f);
    if (!good) return 2;
    const int code = judge_in_child(&s);
    printf("%s: %s\n", file, code ? shared->verdict.why : "agree");
    return code;
}

static uint64_t number(const char *text)
{
    char *end;
    const uint64_t n = text ? strtoull(text, &end, 0) : 0;
    if (!text || end == text || *end) {
        fprintf(stderr, "oracle: a number is wanted, not %s\n", text ? text : "nothing");
        exit(2);
    }
    return n;
}
int main(int argc, char **argv)
{
    uint64_t seed = 1, count = UINT64_MAX, seconds = 20;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 2;
    int code = 0;
    bool replayed = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--seed"))
            seed = number(argv[++i]);
        else if (!strcmp(argv[i], "--seconds"))
            seconds = number(argv[++i]);
        else if (!strcmp(argv[i], "--streams"))
            count = number(argv[++i]), seconds = 1000000;
        else if (!strcmp(argv[i], "--light") && i + 1 < argc)
            feed_lightness = !strcmp(argv[++i], "all") ? LIGHT_ALL : LIGHT_HALF;
        else if (!strcmp(argv[i], "--mutant") && i + 1 < argc && mutant_parse(argv[i + 1], &mutant))
            i++;
        else if (!strcmp(argv[i], "--print") && i + 1 < argc) {
            static struct stream s;
            generate(number(argv[++i]), &s);
            stream_print(stdout, &s);
            return 0;
        } else if (!strcmp(argv[i], "--replay")) {
            replayed = true;
            while (++i < argc) code |= replay(argv[i]);
        } else {
            fprintf(stderr, "oracle: unknown option %s; see the top of tests/oracle/main.c\n", argv[i]);
            return 2;
        }
    }
    if (!replayed) code = random_streams(seed, count, (double)seconds);
    if (mutant == MUTANT_none) return code;
    printf("the fault was %s\n", code ? "noticed" : "NOT noticed");
    return code != 1;
}
