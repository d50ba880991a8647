// gate_files.c: the verdict, and the files that say it to programs: --summary-json and --lists.
#include "cli/gate.h"

#include "cli/json.h"
#include "cli/replace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { VERSION = 1, PRETTY = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE };

// ---- the verdict ---------------------------------------------------------------------------------------------

enum gate_verdict gate_verdict(const struct gate *g)
{
    if (g->ntrouble) return GATE_TROUBLE;
    if (g->nnew > g->o.max_new) return GATE_NEW;
    if (g->o.fail_on_fixed && g->nfixed && !g->o.update) return GATE_FIXED;
    if (g->o.fail_on_unused && g->nunused) return GATE_UNUSED;
    return g->code ? GATE_COMMAND : GATE_CLEAN;
}
int gate_code(const struct gate *g)
{
    switch (gate_verdict(g)) {
    case GATE_CLEAN: return 0;
    case GATE_NEW:
    case GATE_FIXED:
    case GATE_UNUSED: return 1;
    case GATE_COMMAND: return g->code;
    case GATE_TROUBLE: break;
    }
    return CLI_BAD_INPUT;
}
char *gate_last_line(const struct gate *g)
{
    switch (gate_verdict(g)) {
    case GATE_CLEAN: return cli_printf("ravel gate: clean");
    case GATE_NEW: return cli_printf("ravel gate: new=%" PRIu64, g->nnew);
    case GATE_FIXED: return cli_printf("ravel gate: fixed=%" PRIu64, g->nfixed);
    case GATE_UNUSED: return cli_printf("ravel gate: unused-suppressions=%" PRIu64, g->nunused);
    case GATE_COMMAND: return cli_printf("ravel gate: command=%d", g->code);
    case GATE_TROUBLE: break;
    }
    const char *const more = g->ntrouble > 1 ? cli_printf(" (and %zu more)", g->ntrouble - 1) : "";
    return cli_printf("ravel gate: trouble: %s%s", g->trouble[0], more);
}

// ---- parts ---------------------------------------------------------------------------------------------------

static void add_text(json_object *o, const char *name, const char *text)
{
    if (text) json_object_object_add(o, name, json_object_new_string(text));
}
static void add_number(json_object *o, const char *name, uint64_t n)
{
    json_object_object_add(o, name, json_object_new_uint64(n));
}
static void add_bool(json_object *o, const char *name, bool b)
{
    json_object_object_add(o, name, json_object_new_boolean(b));
}
static json_object *names_of(const struct cli_name *set)
{
    json_object *const array = json_object_new_array();
    for (; set; set = set->hh.next) json_object_array_add(array, json_object_new_string(set->text));
    return array;
}
static json_object *lines_of(char *const *lines, size_t n)
{
    json_object *const array = json_object_new_array();
    for (size_t i = 0; i < n; i++) json_object_array_add(array, json_object_new_string(lines[i]));
    return array;
}
static json_object *place_of(const struct cli_place *p)
{
    json_object *const o = json_object_new_object();
    add_text(o, "function", p->function);
    if (p->file) add_text(o, "file", gate_shown_path(p->file));
    if (p->line) add_number(o, "line", (uint64_t)p->line);
    if (p->column) add_number(o, "column", (uint64_t)p->column);
    return o;
}
static json_object *finding_of(const struct cli_finding *x)
{
    static const char *const states[] = {"new", "known", "fixed", "suppressed"};
    json_object *const o = json_object_new_object(), *const places = json_object_new_array();
    add_text(o, "fingerprint", x->fingerprint);
    add_text(o, "state", states[x->state]);
    add_text(o, "kind", x->kind);
    add_text(o, "title", x->title);
    add_text(o, "object", x->object);
    for (size_t i = 0; i < 2; i++)
        if (x->place[i].file || x->place[i].function) json_object_array_add(places, place_of(&x->place[i]));
    json_object_object_add(o, "places", places);
    add_number(o, "hits", x->hits);
    add_number(o, "processes", x->processes);
    add_number(o, "runs", x->runs);
    json_object_object_add(o, "tests", names_of(x->tests));
    json_object_object_add(o, "programs", names_of(x->programs));
    add_text(o, "reason", x->reason);
    return o;
}
static json_object *suppressions_of(const struct cli_suppression *s)
{
    json_object *const array = json_object_new_array();
    for (; s; s = s->hh.next) {
        json_object *const o = json_object_new_object();
        add_text(o, "pattern", s->pattern);
        add_text(o, "file", s->file);
        add_number(o, "line", (uint64_t)s->line);
        add_number(o, "hits", s->hits);
        if (s->expired) add_bool(o, "expired", true);
        json_object_array_add(array, o);
    }
    return array;
}
static json_object *run_of(const struct gate_run *r)
{
    json_object *const o = json_object_new_object();
    add_number(o, "run", (uint64_t)r->number);
    add_number(o, "code", (uint64_t)r->code);
    if (WIFSIGNALED(r->status)) add_number(o, "signal", (uint64_t)WTERMSIG(r->status));
    if (r->explained) add_bool(o, "explained", true);
    json_object_object_add(o, "seconds", json_object_new_double(r->seconds));
    return o;
}
static json_object *runs_of(const struct gate *g)
{
    json_object *const array = json_object_new_array();
    for (int i = 0; g->runs && i < g->nrun && i < g->o.repeat; i++) json_object_array_add(array, run_of(&g->runs[i]));
    return array;
}
static json_object *findings_of(const struct gate *g)
{
    json_object *const array = json_object_new_array();
    for (const struct cli_finding *x = g->f.all; x; x = x->hh.next) json_object_array_add(array, finding_of(x));
    return array;
}

// ---- files ---------------------------------------------------------------------------------------------------

static bool write_json(const char *path, json_object *o)
{
    char *const text = cli_printf("%s\n", json_object_to_json_string_ext(o, PRETTY));
    const bool good = cli_replace_file(path, text, strlen(text));
    const int error = errno;
    free(text);
    json_object_put(o);
    errno = error;
    return good;
}
static void add_counts(json_object *o, const struct gate *g)
{
    const struct cli_findings *const f = &g->f;
    add_number(o, "new", g->nnew);
    add_number(o, "known", g->nknown);
    add_number(o, "fixed", g->nfixed);
    add_number(o, "suppressed", f->suppressed);
    add_number(o, "expired", g->baseline.nexpired + g->nexpired_rules);
    add_number(o, "unused_suppressions", g->nunused);
    add_number(o, "command", (uint64_t)g->code);
    add_number(o, "processes", f->processes);
    add_number(o, "unfinished", f->unfinished);
    add_number(o, "reports", f->reports);
    add_number(o, "given_up", f->given_up);
    add_number(o, "repeat", (uint64_t)g->o.repeat);
    add_number(o, "failed_runs", (uint64_t)g->nfailed);
    if (g->o.shards) add_text(o, "shard", cli_printf("%d/%d", g->o.shard, g->o.shards));
    if (g->interrupted) add_number(o, "interrupted", (uint64_t)g->interrupted);
}
bool gate_write_summary(struct gate *g)
{
    static const char *const verdicts[] = {"clean", "new", "fixed", "unused-suppressions", "command", "trouble"};
    if (!g->o.summary_json) return true;
    json_object *const o = json_object_new_object();
    add_text(o, "type", "gate");
    add_number(o, "v", VERSION);
    add_text(o, "ravel", RAVEL_VERSION);
    add_text(o, "verdict", verdicts[gate_verdict(g)]);
    add_number(o, "exit", (uint64_t)gate_code(g));
    add_counts(o, g);
    json_object_object_add(o, "trouble", lines_of(g->trouble, g->ntrouble));
    json_object_object_add(o, "notes", lines_of(g->notes, g->nnotes));
    json_object_object_add(o, "runs", runs_of(g));
    json_object_object_add(o, "findings", findings_of(g));
    json_object_object_add(o, "suppressions", suppressions_of(g->f.suppressions));
    if (g->keep) add_text(o, "logs", g->place);
    return write_json(g->o.summary_json, o);
}

// One finding after the other: their reports together may be larger than memory.
static bool write_list(const struct gate *g, const char *name, enum cli_state state)
{
    struct cli_replacement file;
    char *const path = cli_printf("%s/%s", g->o.lists, name);
    bool good = cli_replace_begin(&file, path);
    const char *separator = "[\n";
    for (const struct cli_finding *x = g->f.all; x && good; x = x->hh.next) {
        if (x->state != state) continue;
        json_object *const o = finding_of(x), *const report = cli_finding_report(&g->f, x);
        if (report) json_object_object_add(o, "report", report);
        fprintf(file.out, "%s%s", separator, json_object_to_json_string_ext(o, PRETTY));
        json_object_put(o);
        separator = ",\n";
    }
    if (good) fputs(*separator == '[' ? "[]\n" : "\n]\n", file.out);
    good = good && cli_replace_end(&file);
    free(path);
    return good;
}
bool gate_write_lists(struct gate *g)
{
    if (!g->o.lists) return true;
    const bool good = (mkdir(g->o.lists, 0777) == 0 || errno == EEXIST) && write_list(g, "introduced.json", CLI_NEW) &&
                      write_list(g, "fixed.json", CLI_FIXED) && write_list(g, "preexisting.json", CLI_KNOWN);
    if (!good) gate_trouble(g, "--lists %s: %s", g->o.lists, strerror(errno));
    return good;
}
