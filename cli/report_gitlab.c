// report_gitlab.c: GitLab's Code Quality report: an array of findings, each at one line of one file.
//
// GitLab itself compares the reports of two branches by fingerprint, so known findings are in it, too, as "info";
// suppressed and fixed ones are not. Every entry must have a path and a line.
#include "cli/report.h"

#include "cli/json.h"

#include <stdlib.h>
#include <string.h>

static const char *severity(const struct cli_finding *x)
{
    if (x->state == CLI_KNOWN) return "info";
    return x->kind && strcmp(x->kind, "heap-use-after-free") == 0 ? "critical" : "major";
}
static json_object *entry(const struct cli_finding *x, const json_object *report, const struct cli_report_options *o)
{
    json_object *const j = json_object_new_object(), *const location = json_object_new_object();
    json_object *const lines = json_object_new_object();
    const struct cli_place *const p = &x->place[0];
    const char *const path = p->file ? cli_path_show(o, p->file) : x->programs ? x->programs->text : "unknown";
    json_object_object_add(j, "description", json_object_new_string(cli_say_message(x, report, o)));
    json_object_object_add(j, "check_name", json_object_new_string(x->kind ? x->kind : "unknown"));
    json_object_object_add(j, "fingerprint", json_object_new_string(x->fingerprint));
    json_object_object_add(j, "severity", json_object_new_string(severity(x)));
    json_object_object_add(lines, "begin", json_object_new_int(p->line ? p->line : 1));
    json_object_object_add(location, "path", json_object_new_string(path));
    json_object_object_add(location, "lines", lines);
    json_object_object_add(j, "location", location);
    return j;
}
void cli_write_gitlab(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    size_t n;
    struct cli_finding **const v = cli_report_order(f, &n);
    const char *separator = "\n";
    fputc('[', out);
    for (size_t i = 0; i < n; i++) {
        if (v[i]->state != CLI_NEW && v[i]->state != CLI_KNOWN) continue;
        json_object *const report = cli_finding_report(f, v[i]), *const j = entry(v[i], report, o);
        fputs(separator, out);
        separator = ",\n";
        fputs(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), out);
        json_object_put(j);
        json_object_put(report);
        cli_scratch_free();
    }
    fputs("\n]\n", out);
    free(v);
}
