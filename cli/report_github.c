// report_github.c: what GitHub shows of a workflow: annotations at lines of the source, and the step's summary.
//
// An annotation is a line of the step's output, "::error file=...,line=...::message". GitHub shows ten errors of a step
// and drops the rest in silence, so the rest is counted in one notice. The summary is Markdown, of which GitHub
// takes 1 MiB; what does not fit is counted, too.
#include "cli/report.h"

#include "cli/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ANNOTATIONS = 10 };

// ---- annotations -------------------------------------------------------------------------------------------------

static void put_escaped(FILE *out, const char *text, bool property)
{
    for (; *text; text++) {
        if (*text == '%' || *text == '\r' || *text == '\n' || (property && (*text == ':' || *text == ',')))
            fprintf(out, "%%%02X", (unsigned char)*text);
        else
            fputc(*text, out);
    }
}
static void put_annotation(FILE *out, const struct cli_finding *x, const json_object *report,
                           const struct cli_report_options *o)
{
    const struct cli_place *const p = &x->place[0];
    const char *const file = p->file ? cli_path_relative(o, p->file) : NULL;
    fputs("::error ", out);
    if (file) {
        fputs("file=", out);
        put_escaped(out, file, true);
        if (p->line) fprintf(out, ",line=%d,endLine=%d", p->line, p->line);
        if (p->line && p->column) fprintf(out, ",col=%d", p->column);
        fputc(',', out);
    }
    fputs("title=", out);
    put_escaped(out, cli_scratch("Ravel: %s", x->title ? x->title : x->kind ? x->kind : "finding"), true);
    fputs("::", out);
    const char *const hint = cli_say_hint(report);
    put_escaped(out, cli_say_message(x, report, o), false);
    if (hint) put_escaped(out, cli_scratch("\nHint: %s", hint), false);
    fputc('\n', out);
}
void cli_write_annotations(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    const struct cli_state_counts c = cli_report_counts(f);
    size_t n;
    struct cli_finding **const v = cli_report_order(f, &n);
    for (size_t i = 0; i < n && i < ANNOTATIONS && v[i]->state == CLI_NEW; i++) {
        json_object *const report = cli_finding_report(f, v[i]);
        put_annotation(out, v[i], report, o);
        json_object_put(report);
        cli_scratch_free();
    }
    const uint64_t rest = c.of[CLI_NEW] > ANNOTATIONS ? c.of[CLI_NEW] - ANNOTATIONS : 0;
    if (rest || c.of[CLI_KNOWN])
        fprintf(out,
                "::notice title=Ravel::%" PRIu64 " more new findings and %" PRIu64
                " known ones have no annotation; the summary and the report list them\n",
                rest, c.of[CLI_KNOWN]);
    const char *remark;
    for (int i = 0; (remark = cli_report_remark(f, i)) && !f->processes && i == 0; i++)
        fprintf(out, "::error title=Ravel::%s\n", remark);
    cli_scratch_free();
    free(v);
}

// ---- the step's summary ------------------------------------------------------------------------------------------

enum { SUMMARY_MAX = 1 << 20, ROWS_MAX = 700 << 10, QUOTED_MAX = 1000 << 10, QUOTED = 20 };

// Plain text in Markdown, in a table's cell or in HTML: whatever means something there is written as an entity.
static void put_markdown(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("&<>\"'|`*_[]#~\\@$:", *text))
            fprintf(out, "&#%d;", *text);
        else
            fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
}
static void put_row(FILE *out, const struct cli_finding *x, const struct cli_findings *f,
                    const struct cli_report_options *o)
{
    static const char *const marks[] = {
        [CLI_NEW] = "🔴 new", [CLI_KNOWN] = "⚪ known", [CLI_FIXED] = "🟢 fixed", [CLI_SUPPRESSED] = "⚫ suppressed"};
    fprintf(out, "| %s | ", marks[x->state]);
    put_markdown(out, x->kind ? x->kind : "?");
    fputs(" | ", out);
    put_markdown(out, cli_say_place(&x->place[0], o));
    if (x->place[1].file || x->place[1].function) {
        fputs("<br>", out);
        put_markdown(out, cli_say_place(&x->place[1], o));
    }
    fputs(" | ", out);
    put_markdown(out, x->object ? x->object : "");
    fprintf(out, " | %" PRIu64 " | ", x->hits);
    if (f->runs > 1) fprintf(out, "%" PRIu64 " of %" PRIu64 " | ", x->runs, f->runs);
    if (x->tests) put_markdown(out, x->tests->text);
    if (HASH_COUNT(x->tests) > 1) fprintf(out, " and %u more", HASH_COUNT(x->tests) - 1);
    fputs(" |\n", out);
}
// Prints by a function into memory, so that what is too long can be left out.
struct piece {
    char *text;
    size_t size;
};
static FILE *begin_piece(struct piece *p, const struct cli_report_options *o)
{
    FILE *const out = open_memstream(&p->text, &p->size);
    if (!out) cli_die(o->as, "out of memory");
    return out;
}
static bool put_piece(FILE *out, FILE *memory, struct piece *p, size_t *used, size_t most)
{
    fclose(memory);
    const bool fits = *used + p->size <= most;
    if (fits) fwrite(p->text, 1, p->size, out);
    if (fits) *used += p->size;
    free(p->text);
    cli_scratch_free();
    return fits;
}

static void put_quoted(FILE *out, const struct cli_finding *x, const json_object *report,
                       const struct cli_report_options *o)
{
    struct cli_report_options plain = *o;
    plain.colour = false;
    struct piece p;
    FILE *const memory = begin_piece(&p, o);
    cli_write_text_of(memory, x, report, &plain);
    fclose(memory);
    fputs("<details><summary>", out);
    put_markdown(out, cli_say_message(x, report, o));
    fputs("</summary>\n<pre>", out);
    for (const char *t = p.text; *t; t++) { // an empty line would end the HTML
        if (*t == '\n' && t[1] == '\n')
            fputs("\n&#8203;", out);
        else if (strchr("&<>", *t))
            fprintf(out, "&#%d;", *t);
        else
            fputc(*t, out);
    }
    fputs("</pre>\n</details>\n\n", out);
    free(p.text);
}
static void put_heading(FILE *out, struct cli_findings *f)
{
    const struct cli_state_counts c = cli_report_counts(f);
    fprintf(out, "### Ravel: %" PRIu64 " new finding%s\n\n", c.of[CLI_NEW], c.of[CLI_NEW] == 1 ? "" : "s");
    fprintf(out, "%" PRIu64 " known, %" PRIu64 " fixed, %" PRIu64 " suppressed; %" PRIu64 " process%s checked.\n\n",
            c.of[CLI_KNOWN], c.of[CLI_FIXED], c.of[CLI_SUPPRESSED], f->processes, f->processes == 1 ? "" : "es");
    const char *remark;
    for (int i = 0; (remark = cli_report_remark(f, i)); i++) fprintf(out, "> %s\n\n", remark);
    cli_scratch_free();
}
static size_t put_rows(FILE *out, struct cli_finding **v, size_t n, const struct cli_findings *f,
                       const struct cli_report_options *o, size_t *used)
{
    size_t i;
    fprintf(out, "| State | Kind | Where | Object | Hits | %sTest |\n|---|---|---|---|--:|%s---|\n",
            f->runs > 1 ? "Runs | " : "", f->runs > 1 ? "---|" : "");
    for (i = 0; i < n; i++) {
        struct piece p;
        FILE *const memory = begin_piece(&p, o);
        put_row(memory, v[i], f, o);
        if (!put_piece(out, memory, &p, used, ROWS_MAX)) break;
    }
    fputc('\n', out);
    return i;
}
void cli_write_summary(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    static_assert(QUOTED_MAX + 8192 < SUMMARY_MAX, "what is not counted must fit, too");
    size_t n, used = 0;
    struct cli_finding **const v = cli_report_order(f, &n);
    put_heading(out, f);
    const size_t rows = n ? put_rows(out, v, n, f, o, &used) : 0;
    if (rows < n) fprintf(out, "%zu more findings do not fit here; the report lists them.\n\n", n - rows);
    for (size_t i = 0; i < n && i < QUOTED && v[i]->state == CLI_NEW; i++) {
        struct piece p;
        FILE *const memory = begin_piece(&p, o);
        json_object *const report = cli_finding_report(f, v[i]);
        put_quoted(memory, v[i], report, o);
        json_object_put(report);
        put_piece(out, memory, &p, &used, QUOTED_MAX);
    }
    free(v);
}
