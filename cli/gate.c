// gate.c: `ravel gate`, told as one story: what can be known beforehand, the run, the verdict.
#include "cli/gate.h"

#include "base/suppressions.h"
#include "cli/json.h"
#include "cli/lines.h"
#include "cli/replace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char as_trouble[] = "gate: trouble"; // what dies under this name ends in the gate's last line

static void add_line(char ***lines, size_t *n, char *line)
{
    *lines = realloc(*lines, (*n + 1) * sizeof **lines);
    if (!*lines) cli_die("", "out of memory");
    (*lines)[(*n)++] = line;
}
static char *line_from(const char *fmt, va_list ap)
{
    char *text;
    if (vasprintf(&text, fmt, ap) < 0) cli_die("", "out of memory");
    return text;
}
void gate_trouble(struct gate *g, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(&g->trouble, &g->ntrouble, line_from(fmt, ap));
    va_end(ap);
}
void gate_note(struct gate *g, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(&g->notes, &g->nnotes, line_from(fmt, ap));
    va_end(ap);
}
void gate_die(struct gate *g, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *const text = line_from(fmt, ap);
    va_end(ap);
    add_line(&g->trouble, &g->ntrouble, text);
    gate_write_summary(g); // if that fails, too, the first trouble is the one to tell
    cli_die(as_trouble, "%s", text);
}

// ---- before anything runs ------------------------------------------------------------------------------------

static void read_baseline(struct gate *g)
{
    const char *const path = g->o.baseline;
    if (!path) return;
    g->baseline.path = path;
    size_t n;
    char *const text = cli_slurp(path, &n);
    if (!text && errno == ENOENT && g->o.update) return;
    if (!text && errno == ENOENT) gate_die(g, "%s: no such file; --update-baseline makes it", path);
    if (!text) gate_die(g, "%s: %s", path, strerror(errno));
    int line;
    char *const wrong = cli_baseline_parse(&g->baseline, text, n, base_date_today(), &line);
    if (wrong) gate_die(g, "%s:%d: %s", path, line, wrong);
    free(text);
}
static void ask_for_changes(struct gate *g)
{
    const char *const rev = g->o.from_rev ? g->o.from_rev : g->o.from_base;
    if (!rev) return;
    char *const wrong = cli_changes_ask(&g->changes, rev, g->o.from_base != NULL);
    if (wrong) gate_die(g, "--new-from-%s %s: %s", g->o.from_base ? "merge-base" : "rev", rev, wrong);
}
// The processes read the file themselves; that it is good is better known before an hour of tests.
static void check_suppressions(struct gate *g)
{
    const char *const path = g->o.suppressions;
    if (!path) return;
    size_t n;
    char *const text = cli_slurp(path, &n);
    if (!text) gate_die(g, "--suppressions %s: %s", path, strerror(errno));
    struct base_rules all = base_rules_of(text, n);
    for (struct base_rule r; base_rules_next(&all, &r);)
        if (r.wrong) gate_die(g, "%s:%d: '%.*s' %s", path, r.line, (int)r.text.n, r.text.p, r.wrong);
    free(text);
}

// ---- a run has ended -----------------------------------------------------------------------------------------

// Did Ravel end the process that we started, with this very code? Then its last line, the summary, says so.
static bool log_explains(const struct gate_run *r)
{
    char *const path = cli_printf("%s/log.%d", r->logs, r->pid);
    int64_t ended = -1;
    if (access(path, R_OK) == 0) {
        struct cli_lines l;
        cli_lines_open(&l, as_trouble, path);
        while (cli_lines_next(&l)) {
            size_t used;
            json_object *const o = cli_json_parse(l.text, l.length, &used);
            ended = cli_json_int(o, "ended", -1); // only the last line counts: a process after exec is another
            json_object_put(o);
        }
        cli_lines_close(&l);
    }
    free(path);
    return ended == r->code;
}
static void ended(struct gate *g, struct gate_run *r)
{
    const uint64_t before = g->f.processes;
    if (g->nrun > 0) cli_findings_next_run(&g->f);
    cli_findings_read(&g->f, as_trouble, r->logs);
    if (r->code != 0) r->explained = log_explains(r);
    if (g->f.processes == before && !g->interrupted) {
        if (g->o.repeat == 1)
            gate_trouble(g, "no process reported in: was it built with ravel cc?");
        else
            gate_trouble(g, "run %d: no process reported in: was it built with ravel cc?", r->number);
    }
    if (r->code != 0 && !r->explained) g->nfailed++;
}
static void take_code(struct gate *g)
{
    for (int i = 0; i < g->o.repeat && g->code == 0; i++)
        if (!g->runs[i].explained) g->code = g->runs[i].code;
    if (g->interrupted && g->nrun < g->o.repeat)
        gate_trouble(g, "stopped by signal %d (%s) after %d of %d runs", g->interrupted, strsignal(g->interrupted),
                     g->nrun, g->o.repeat);
    if (g->interrupted && g->f.processes == 0)
        gate_trouble(g, "stopped by signal %d (%s) before any process reported in", g->interrupted,
                     strsignal(g->interrupted));
}

// ---- the verdict ---------------------------------------------------------------------------------------------

static void check_logs(struct gate *g)
{
    const struct cli_findings *const f = &g->f;
    if (g->o.from && f->processes == 0) gate_trouble(g, "no process reported in: these logs are empty");
    if (f->cut_lines)
        gate_trouble(g, "%" PRIu64 " line%s of the logs cut or damaged: a report may be lost", f->cut_lines,
                     f->cut_lines == 1 ? " is" : "s are");
    if (f->foreign)
        gate_trouble(g, "%" PRIu64 " line%s of another version of Ravel: build everything with one version", f->foreign,
                     f->foreign == 1 ? " is" : "s are");
    if (f->trouble)
        gate_trouble(g, "%" PRIu64 " option%s or suppressions not understood by a process: see what it said on stderr",
                     f->trouble, f->trouble == 1 ? "" : "s");
    if (f->unfinished)
        gate_note(g,
                  "%" PRIu64 " of %" PRIu64 " processes did not end by themselves (killed, crashed, or replaced by "
                  "exec); what they had reported counts",
                  f->unfinished, f->processes);
    if (f->given_up) gate_note(g, "%" PRIu64 " accesses or frames were given up, so races may be missing", f->given_up);
}
static void apply_changes(struct gate *g)
{
    const char *const rev = g->o.from_rev ? g->o.from_rev : g->o.from_base;
    if (!rev) return;
    for (struct cli_finding *x = g->f.all; x; x = x->hh.next) {
        struct cli_accepted *a; // an accepted one whose time is over is due, wherever it is
        HASH_FIND_STR(g->baseline.all, x->fingerprint, a);
        if (x->state != CLI_NEW || a) continue;
        json_object *const report = cli_finding_report(&g->f, x);
        if (report && !cli_changes_touch(&g->changes, report)) {
            x->state = CLI_KNOWN;
            x->reason = cli_printf("on no line that changed since %s", rev);
        }
        json_object_put(report);
    }
}
static void say_expired(struct gate *g)
{
    for (const struct cli_accepted *a = g->baseline.all; a; a = a->hh.next)
        if (a->expired && a->seen)
            gate_note(g, "%s: %s expired on %s: it counts as new", g->baseline.path, a->fingerprint,
                      cli_json_text(a->entry, "expires"));
    for (const struct cli_suppression *s = g->f.suppressions; s; s = s->hh.next) {
        if (s->expired) gate_note(g, "%s has expired and suppresses nothing", s->key);
        g->nexpired_rules += s->expired;
    }
}
static void say_unused(struct gate *g)
{
    for (const struct cli_suppression *s = g->f.suppressions; s; s = s->hh.next) {
        if (s->hits || s->expired) continue;
        g->nunused++;
        gate_note(g, "%s matched nothing", s->key);
    }
}
static void count(struct gate *g)
{
    g->nnew = g->nknown = g->nfixed = 0;
    for (const struct cli_finding *x = g->f.all; x; x = x->hh.next) {
        g->nnew += x->state == CLI_NEW;
        g->nknown += x->state == CLI_KNOWN;
        g->nfixed += x->state == CLI_FIXED;
    }
}
static void accept(struct gate *g)
{
    for (struct cli_finding *x = g->f.all; x; x = x->hh.next) {
        struct cli_accepted *a;
        HASH_FIND_STR(g->baseline.all, x->fingerprint, a);
        if (x->state != CLI_NEW || a) continue;
        x->state = CLI_KNOWN;
        x->reason = "accepted by this run";
    }
    count(g);
}
// A run in trouble has not seen everything: what it does not show is not fixed.
static void update_baseline(struct gate *g)
{
    const char *const path = g->o.baseline;
    if (!g->o.update) return;
    if (g->ntrouble) {
        gate_note(g, "%s was left as it is", path);
        return;
    }
    struct cli_baseline_update done;
    char *const text = cli_baseline_updated(&g->baseline, &g->f, &done);
    if (!cli_replace_file(path, text, strlen(text))) {
        gate_trouble(g, "%s: %s", path, strerror(errno));
    } else {
        gate_note(g, "%s: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " kept", path, done.added, done.removed,
                  done.kept);
        accept(g);
    }
    free(text);
}
static void judge(struct gate *g)
{
    if (g->o.command && !g->empty_shard) take_code(g);
    if (!g->empty_shard) check_logs(g);
    cli_baseline_apply(&g->baseline, &g->f, g->ntrouble == 0 && !g->o.shards);
    apply_changes(g);
    cli_findings_sort(&g->f);
    count(g);
    say_expired(g);
    say_unused(g);
    if (g->nnew && g->nnew <= g->o.max_new)
        gate_note(g, "%" PRIu64 " new, which --max-new %" PRIu64 " allows", g->nnew, g->o.max_new);
    gate_write_lists(g);
    update_baseline(g);
}

// ---- the story -----------------------------------------------------------------------------------------------

static void run(struct gate *g)
{
    gate_place_open(g); // also for a shard without tests: who collects logs finds an empty directory
    gate_shard_select(g);
    if (!g->empty_shard) gate_run_all(g, ended);
}
static void write_outputs(struct gate *g)
{
    struct cli_report_options o = {0};
    if (g->o.outputs.n == 0) return;
    cli_report_options_init(&o, as_trouble, g->o.source_root);
    o.category = g->o.category;
    for (size_t i = 0; i < g->o.nmaps; i++) cli_report_path_map(&o, g->o.maps[i]);
    cli_outputs_write(&g->o.outputs, &g->f, &o);
}
int cli_gate(const char *as, int argc, char **argv)
{
    (void)as;
    static struct gate g;
    // The strings before argv are the program's name and ours: getopt begins behind argv[0].
    gate_read_options(&g, argc + 1, argv - 1);
    read_baseline(&g);
    ask_for_changes(&g);
    check_suppressions(&g);
    if (g.o.command) run(&g);
    for (size_t i = 0; i < g.o.nfrom; i++) cli_findings_read(&g.f, as_trouble, g.o.from[i]);
    judge(&g);
    write_outputs(&g);
    if (!gate_write_summary(&g)) gate_trouble(&g, "%s: %s", g.o.summary_json, strerror(errno));
    gate_print(&g);
    return gate_code(&g);
}
