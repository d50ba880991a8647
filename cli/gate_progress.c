// gate_progress.c: how far the runs of --repeat are: a bar on a terminal, a line for each run elsewhere. On stderr.
#include "cli/gate.h"

#include <inttypes.h>
#include <unistd.h>

static bool bar, shown;
static struct timespec began;

static double elapsed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
}
// What is left, from how long it took so far; runs overlap, so the whole counts and not a run's own time.
static double left(const struct gate *g) { return g->nrun ? elapsed() / g->nrun * (g->o.repeat - g->nrun) : 0; }
static const char *findings_so_far(const struct gate *g)
{
    const unsigned n = HASH_COUNT(g->f.all);
    return cli_printf("%u finding%s so far", n, n == 1 ? "" : "s");
}
static const char *time_left(const struct gate *g)
{
    const long s = (long)(left(g) + 0.5);
    if (g->nrun == 0 || g->nrun == g->o.repeat) return "";
    return s < 60 ? cli_printf(", about %ld s left", s) : cli_printf(", about %ld min %02ld s left", s / 60, s % 60);
}
static void wipe(void)
{
    if (shown) fputs("\r\033[K", stderr);
    shown = false;
}
void gate_progress_start(struct gate *g)
{
    bar = g->o.repeat > 1 && cli_colour(stderr);
    clock_gettime(CLOCK_MONOTONIC, &began);
}
void gate_progress_tick(struct gate *g, bool first_is_running)
{
    enum { WIDTH = 30 };
    if (!bar || first_is_running) return; // its output is on the same terminal
    const int full = WIDTH * g->nrun / g->o.repeat;
    fputs("\r\033[K[", stderr);
    for (int i = 0; i < WIDTH; i++) fputs(i < full ? "\033[32m=\033[0m" : " ", stderr);
    fprintf(stderr, "] %d of %d runs, %s%s", g->nrun, g->o.repeat, findings_so_far(g), time_left(g));
    shown = true;
}
void gate_progress_ended(struct gate *g, const struct gate_run *run)
{
    if (g->o.repeat == 1) return;
    const bool failed = run->code != 0 && !run->explained;
    wipe();
    if (bar && !failed) return;
    if (failed && run->output)
        fprintf(stderr, "ravel gate: run %d of %d: exit code %d, output in %s; %s%s\n", run->number, g->o.repeat,
                run->code, run->output, findings_so_far(g), time_left(g));
    else
        fprintf(stderr, "ravel gate: run %d of %d: exit code %d, %.1f s; %s%s\n", run->number, g->o.repeat, run->code,
                run->seconds, findings_so_far(g), time_left(g));
}
void gate_progress_stop(void) { wipe(); }
