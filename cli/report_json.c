// report_json.c: the findings as one JSON document, for programs. Its members are in docs/report.md.
#include "cli/report.h"

#include "cli/json.h"

#include <inttypes.h>
#include <stdlib.h>

static json_object *text(const char *s) { return s ? json_object_new_string(s) : NULL; }
static json_object *count(uint64_t n) { return json_object_new_uint64(n); }
static void add(json_object *o, const char *name, json_object *x) // nothing is left out rather than null
{
    if (x) json_object_object_add(o, name, x);
}

static json_object *place(const struct cli_place *p, const struct cli_report_options *o)
{
    json_object *const x = json_object_new_object();
    add(x, "file", text(p->file ? cli_path_show(o, p->file) : NULL));
    add(x, "function", text(p->function));
    if (p->line) add(x, "line", json_object_new_int(p->line));
    if (p->column) add(x, "column", json_object_new_int(p->column));
    return x;
}
static json_object *names(const struct cli_name *set)
{
    json_object *const list = json_object_new_array();
    for (const struct cli_name *x = set; x; x = x->hh.next) {
        json_object *const name = json_object_new_object();
        add(name, "name", text(x->text));
        add(name, "count", count(x->count));
        json_object_array_add(list, name);
    }
    return list;
}
static json_object *finding(const struct cli_finding *x, json_object *report, const struct cli_report_options *o)
{
    json_object *const j = json_object_new_object(), *const places = json_object_new_array();
    for (int i = 0; i < 2; i++)
        if (x->place[i].file || x->place[i].function) json_object_array_add(places, place(&x->place[i], o));
    add(j, "fingerprint", text(x->fingerprint));
    add(j, "state", text(cli_state_name(x->state)));
    add(j, "kind", text(x->kind));
    add(j, "title", text(x->title));
    add(j, "message", text(cli_say_message(x, report, o)));
    add(j, "object", text(x->object));
    add(j, "reason", text(x->reason));
    add(j, "places", places);
    add(j, "hits", count(x->hits));
    add(j, "paths", count(x->paths));
    add(j, "processes", count(x->processes));
    add(j, "runs", count(x->runs));
    add(j, "tests", names(x->tests));
    add(j, "programs", names(x->programs));
    add(j, "report", report); // as the log has it
    return j;
}
static json_object *totals(struct cli_findings *f)
{
    json_object *const j = json_object_new_object();
    const struct cli_state_counts c = cli_report_counts(f);
    for (int s = CLI_NEW; s <= CLI_SUPPRESSED; s++) add(j, cli_state_name((enum cli_state)s), count(c.of[s]));
    add(j, "runs", count(f->runs));
    add(j, "logs", count(f->nlogs));
    add(j, "processes", count(f->processes));
    add(j, "unfinished", count(f->unfinished));
    add(j, "suppressed_in_programs", count(f->suppressed));
    add(j, "damaged_lines", count(f->cut_lines));
    add(j, "foreign_lines", count(f->foreign));
    add(j, "trouble", count(f->trouble));
    add(j, "given_up", count(f->given_up));
    return j;
}

static void put(FILE *out, json_object *j)
{
    fputs(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), out);
    json_object_put(j);
}
void cli_write_json(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    size_t n;
    struct cli_finding **const v = cli_report_order(f, &n);
    fputs("{\"v\": 1, \"ravel\": \"" RAVEL_VERSION "\",\n\"totals\": ", out);
    put(out, totals(f));
    fputs(",\n\"findings\": [", out);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ",\n" : "\n", out);
        put(out, finding(v[i], cli_finding_report(f, v[i]), o));
        cli_scratch_free();
    }
    fputs("\n]}\n", out);
    free(v);
}
