// gate_place.c: where logs and outputs of runs go.
//
//     PLACE/log.PID                     one run
//     PLACE/run-3/log.PID               one of several; RAVEL_RUN=3
//     PLACE.output/run-3.txt            the output of runs after the first (beside, so that PLACE holds logs only)
// PLACE is --keep-logs, or a fresh directory in TMPDIR that goes at the end. What a failed run printed stays.
#include "cli/gate.h"

#include "cli/replace.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>

static bool is_empty(const char *path)
{
    DIR *const d = opendir(path);
    if (!d) return true; // mkdir or the processes will say what is wrong
    bool empty = true;
    for (const struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) empty = false;
    closedir(d);
    return empty;
}
static char *kept(struct gate *g, const char *path)
{
    char resolved[PATH_MAX];
    if (mkdir(path, 0777) != 0 && errno != EEXIST) gate_die(g, "--keep-logs %s: %s", path, strerror(errno));
    if (!realpath(path, resolved)) gate_die(g, "--keep-logs %s: %s", path, strerror(errno));
    if (!is_empty(resolved))
        gate_die(g,
                 "--keep-logs %s: there is something in it, and old logs would count again; empty it or name "
                 "another directory",
                 path);
    return cli_printf("%s", resolved);
}
static char *fresh(struct gate *g)
{
    const char *const tmp = getenv("TMPDIR");
    char resolved[PATH_MAX];
    if (!realpath(tmp && *tmp ? tmp : "/tmp", resolved)) gate_die(g, "TMPDIR=%s: %s", tmp, strerror(errno));
    char *const path = cli_printf("%s/ravel-gate-XXXXXX", resolved);
    if (!mkdtemp(path)) gate_die(g, "%s: %s", path, strerror(errno));
    return path;
}
static void at_exit(void);
static struct gate *opened;
void gate_place_open(struct gate *g)
{
    opened = g;
    atexit(at_exit);
    g->keep = g->o.keep_logs != NULL;
    g->place = g->keep ? kept(g, g->o.keep_logs) : fresh(g);
    g->runs = cli_alloc((size_t)g->o.repeat * sizeof *g->runs);
    char *const outputs = cli_printf("%s.output", g->place);
    if (g->o.repeat > 1 && mkdir(outputs, 0777) != 0 && errno != EEXIST)
        gate_die(g, "%s: %s", outputs, strerror(errno));
    for (int i = 0; i < g->o.repeat; i++) {
        struct gate_run *const r = &g->runs[i];
        r->number = i + 1;
        r->logs = g->o.repeat == 1 ? cli_printf("%s", g->place) : cli_printf("%s/run-%d", g->place, i + 1);
        if (i > 0) r->output = cli_printf("%s/run-%d.txt", outputs, i + 1);
        if (g->o.repeat > 1 && mkdir(r->logs, 0777) != 0) gate_die(g, "%s: %s", r->logs, strerror(errno));
    }
    free(outputs);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    remove(path); // what cannot be removed stays, and its directory with it
    return 0;
}
static void remove_all(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }
static void at_exit(void)
{
    const struct gate *const g = opened;
    if (!g->place) return;
    for (int i = 0; g->runs && i < g->o.repeat; i++) {
        const struct gate_run *const r = &g->runs[i];
        if (r->output && (r->code == 0 || r->explained)) unlink(r->output);
    }
    char *const outputs = cli_printf("%s.output", g->place);
    rmdir(outputs); // as long as nothing failed
    free(outputs);
    if (!g->keep) remove_all(g->place);
}

// Quotes do not nest in RAVEL_OPTIONS, and one that is left open would swallow what we add.
static bool has_open_quote(const char *s)
{
    bool at_value = false;
    for (; *s; s++) {
        if (at_value && (*s == '"' || *s == '\'')) {
            s = strchr(s + 1, *s);
            if (!s) return true;
        }
        at_value = *s == '=';
    }
    return false;
}
static const char *quoted(struct gate *g, const char *path)
{
    const bool has_double = strchr(path, '"') != NULL;
    if (has_double && strchr(path, '\'')) gate_die(g, "%s: a path with both kinds of quotes fits into no option", path);
    return has_double ? cli_printf("'%s'", path) : cli_printf("\"%s\"", path);
}
char *gate_environment_options(struct gate *g, const char *logs)
{
    const char *const theirs = getenv("RAVEL_OPTIONS");
    if (theirs && has_open_quote(theirs)) gate_die(g, "RAVEL_OPTIONS has a quote that is not closed: %s", theirs);
    char *const path = cli_printf("%s/log", logs);
    char *const ours =
        cli_printf("report_format=json:log_path=%s:log_exe_name=0:log_suffix=\"\":exitcode=0:suppress_equal_stacks=1",
                   quoted(g, path));
    char resolved[PATH_MAX];
    const char *const rules = g->o.suppressions;
    if (rules && !realpath(rules, resolved)) gate_die(g, "--suppressions %s: %s", rules, strerror(errno));
    char *const all = cli_printf("%s%s%s%s%s", theirs ? theirs : "", theirs && *theirs ? ":" : "", ours,
                                 rules ? ":suppressions=" : "", rules ? quoted(g, resolved) : "");
    free(ours), free(path);
    return all;
}
