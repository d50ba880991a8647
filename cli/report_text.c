// report_text.c: findings for people: a table, and each finding in the shape that the program itself would print.
#include "cli/report.h"

#include "cli/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct page {
    FILE *out;
    const struct cli_report_options *o;
    const json_object *report;
};
#define BOLD_RED "\033[1;31m"
#define GREEN    "\033[32m"
#define BLUE     "\033[1;34m"
#define CYAN     "\033[36m"
#define DIM      "\033[2m"
#define PLAIN    "\033[0m"
static const char *paint(const struct cli_report_options *o, const char *colour) { return o->colour ? colour : ""; }

// Text of a log on a terminal: control characters could do anything there.
static void put_clean(FILE *out, const char *text)
{
    for (; *text; text++) fputc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, out);
}

// ---- a finding ---------------------------------------------------------------------------------------------------

static void put_frame(const struct page *p, size_t i, const json_object *frame)
{
    const char *const function = cli_json_text(frame, "function"), *const file = cli_json_text(frame, "file");
    const char *const module = cli_json_text(frame, "module"), *const offset = cli_json_text(frame, "offset");
    const int64_t line = cli_json_int(frame, "line", 0), column = cli_json_int(frame, "column", 0);
    fprintf(p->out, "    #%zu ", i);
    put_clean(p->out, function ? function : "<null>");
    fputc(' ', p->out);
    put_clean(p->out, file ? cli_path_here(p->o, file) : "<null>");
    if (line > 0) fprintf(p->out, ":%" PRId64, line);
    if (line > 0 && column > 0) fprintf(p->out, ":%" PRId64, column);
    const char *const slash = module ? strrchr(module, '/') : NULL;
    if (offset) put_clean(p->out, cli_scratch(" (%s+%s)", !module ? "" : slash ? slash + 1 : module, offset));
    fputc('\n', p->out);
}
static void put_stack(const struct page *p, const struct cli_stack *s, const char *by)
{
    size_t number = 0;
    if (by) fprintf(p->out, "    #%zu %s <null>\n", number++, by);
    for (size_t i = 0; i < cli_frames(s); i++) put_frame(p, number++, cli_frame(s, i));
    if (number == 0) fputs("    (no stack)\n", p->out);
    if (s->cut) fputs("    (there were more)\n", p->out);
    fputc('\n', p->out);
}
static void put_caption(const struct page *p, const char *colour, const char *text)
{
    fprintf(p->out, "  %s", paint(p->o, colour));
    put_clean(p->out, text);
    fprintf(p->out, "%s\n", paint(p->o, PLAIN));
}

static const char *locks_of(const struct page *p, const json_object *side)
{
    const char *text = "";
    const size_t n = cli_json_length(side, "locks");
    for (size_t i = 0; i < n && i < 100; i++) {
        const json_object *const held = cli_json_at(side, "locks", i);
        const char *const mode = cli_json_text(held, "mode");
        text = cli_scratch("%s%s%s M%" PRId64, text, i ? ", " : " (mutexes: ", mode ? mode : "write",
                           cli_json_int(held, "lock", -1));
    }
    (void)p;
    return *text ? cli_scratch("%s%s)", text, n > 100 || cli_json_bool(side, "locks_cut") ? ", and more" : "") : "";
}
static void put_side(const struct page *p, const struct cli_stack *s)
{
    const json_object *const side = cli_json_at(p->report, "sides", s->of);
    const char *const access = cli_json_text(side, "access"), *const by = cli_json_text(side, "by");
    const char *const address = cli_json_text(side, "address");
    const bool atomic = cli_json_bool(side, "atomic"), write = access && strcmp(access, "write") == 0;
    static const char *const names[2][2][2] = {
        {{"Read", "Write"}, {"Atomic read", "Atomic write"}},
        {{"Previous read", "Previous write"}, {"Previous atomic read", "Previous atomic write"}}};
    put_caption(p, BLUE,
                cli_scratch("%s of size %" PRIu64 " at %s by %s%s:", names[s->of > 0][atomic][write],
                            cli_json_count(side, "size"), address ? address : "an unknown address",
                            cli_say_strand(p->report, s->strand), locks_of(p, side)));
    put_stack(p, s, by && strcmp(by, "program") != 0 ? by : NULL);
}
static void put_location(const struct page *p)
{
    const char *const what = cli_say_location(p->report);
    const json_object *const l = cli_json_object(p->report, "location");
    const char *const file = cli_json_text(l, "file"), *const address = cli_json_text(l, "address");
    if (!what) return;
    const char *const at = address ? cli_scratch(" at %s", address) : "";
    const char *const declared =
        file ? cli_scratch(", declared at %s:%" PRId64, cli_path_here(p->o, file), cli_json_int(l, "line", 0)) : "";
    const bool stack = cli_json_length(l, "allocated") > 0;
    put_caption(p, GREEN, cli_scratch("Location is %s%s%s%s", what, at, declared, stack ? ":" : ""));
    if (!stack) fputc('\n', p->out);
}
static void put_cycle_line(const struct page *p)
{
    const size_t n = cli_json_length(p->report, "edges");
    fputs("  Cycle in lock order graph:", p->out);
    for (size_t i = 0; i <= n; i++) {
        const int64_t id = cli_json_int(cli_json_at(p->report, "edges", i % n), "from", -1);
        const char *const address = cli_json_text(cli_json_by_id(p->report, "locks", id), "address");
        fprintf(p->out, "%s M%" PRId64, i ? " =>" : "", id);
        if (i < n && address) put_clean(p->out, cli_scratch(" (%s)", address));
    }
    fputs("\n\n", p->out);
}

static const char *strand_caption(const struct page *p, const json_object *strand, int64_t id)
{
    const char *const state = cli_json_bool(strand, "running") ? "running" : "finished";
    if (cli_json_int(strand, "goroutine", 0) > 0)
        return cli_scratch("G%s (%s) created by %s at:", cli_say_strand(p->report, id) + 1, state,
                           cli_say_creator(strand));
    return cli_scratch("Thread T%" PRId64 " (tid=%" PRId64 ", %s) created by %s at:", id,
                       cli_json_int(strand, "tid", 0), state, cli_say_creator(strand));
}
// What stands above a stack, as the program itself words it.
static const char *caption_of(const struct page *p, const struct cli_stack *s)
{
    const json_object *const edge = cli_json_at(p->report, "edges", s->of);
    const json_object *const lock = cli_json_at(p->report, "locks", s->of);
    const json_object *const strand = cli_json_at(p->report, "strands", s->of);
    const int64_t from = cli_json_int(edge, "from", -1), to = cli_json_int(edge, "to", -1);
    const char *const address = cli_json_text(lock, "address");
    switch (s->role) {
    case CLI_WANTED:
        return cli_scratch("Mutex M%" PRId64 " acquired here while holding mutex M%" PRId64 " in %s:", to, from,
                           cli_say_strand(p->report, s->strand));
    case CLI_HELD: return cli_scratch("Mutex M%" PRId64 " previously acquired by the same thread here:", from);
    case CLI_LOCK_MADE:
        return cli_scratch("Mutex M%" PRId64 " (%s) created at:", cli_json_int(lock, "id", -1),
                           address ? address : "?");
    case CLI_STRAND_MADE: return strand_caption(p, strand, s->strand);
    default: return cli_scratch("%s at:", s->caption);
    }
}
static void put_lock_names(const struct page *p)
{
    const size_t n = cli_json_length(p->report, "locks");
    for (size_t i = 0; i < n; i++) {
        const json_object *const lock = cli_json_at(p->report, "locks", i);
        const int64_t id = cli_json_int(lock, "id", -1);
        if (!cli_json_text(lock, "name")) continue;
        put_caption(p, CYAN,
                    cli_scratch("Mutex M%" PRId64 " is global '%s'%s", id, cli_say_lock(p->report, id),
                                cli_json_bool(lock, "destroyed") ? " (destroyed)" : ""));
    }
    if (n) fputc('\n', p->out);
}

static void put_report(const struct page *p)
{
    size_t n;
    const struct cli_stack *const stacks = cli_report_stacks(p->report, &n);
    const char *const hint = cli_json_text(p->report, "hint"), *const sched = cli_json_text(p->report, "sched");
    bool location_done = cli_report_is_cycle(p->report);
    if (location_done) put_cycle_line(p);
    for (size_t i = 0; i < n; i++) {
        const struct cli_stack *const s = &stacks[i];
        if (s->role > CLI_SYNC && !location_done) {
            put_location(p);
            location_done = true;
        }
        if (s->role == CLI_ALLOCATED) { // under the line that says what the location is
            put_stack(p, s, NULL);
            continue;
        }
        if (s->role == CLI_LOCK_MADE && (i == 0 || stacks[i - 1].role != CLI_LOCK_MADE)) put_lock_names(p);
        if (s->role == CLI_SIDE) {
            put_side(p, s);
        } else if (cli_frames(s) > 0) {
            put_caption(p, CYAN, caption_of(p, s));
            put_stack(p, s, NULL);
        }
    }
    if (!location_done) put_location(p);
    if (hint) put_caption(p, GREEN, cli_scratch("Hint: %s", hint));
    if (sched) put_caption(p, GREEN, cli_scratch("Order of goroutines: RAVEL_OPTIONS=sched=%s", sched));
    if (hint || sched) fputc('\n', p->out);
}

static void put_names(FILE *out, const char *what, const struct cli_name *set)
{
    const unsigned n = HASH_COUNT(set);
    unsigned i = 0;
    if (n) fprintf(out, "  %s:", what);
    for (const struct cli_name *x = set; x && i < 5; x = x->hh.next, i++) {
        fputs(i ? ", " : " ", out);
        put_clean(out, x->text);
    }
    if (n > i) fprintf(out, " and %u more", n - i);
    if (n) fputc('\n', out);
}
void cli_write_text_of(FILE *out, const struct cli_finding *x, const json_object *report,
                       const struct cli_report_options *o)
{
    const struct page p = {out, o, report};
    fprintf(out, "==================\n%sWARNING: Ravel: ", paint(o, BOLD_RED));
    put_clean(out, x->title ? x->title : x->kind ? x->kind : "finding");
    if (report) fprintf(out, " (pid=%" PRId64 ")", cli_json_int(report, "pid", 0));
    fprintf(out, "%s\n", paint(o, PLAIN));
    if (report)
        put_report(&p);
    else
        fputs("  (its report is not in these logs)\n\n", out);
    put_names(out, "Found in program", x->programs);
    put_names(out, "Found in test", x->tests);
    fputs("\nSUMMARY: Ravel: ", out);
    put_clean(out, x->title ? x->title : x->kind ? x->kind : "finding");
    const struct cli_place *const at = &x->place[0];
    if (at->file) {
        put_clean(out, cli_scratch(" %s", cli_path_here(o, at->file)));
        if (at->line) fprintf(out, ":%d", at->line);
        if (at->line && at->column) fprintf(out, ":%d", at->column);
    }
    if (at->function) put_clean(out, cli_scratch(" in %s", at->function));
    fputs("\n==================\n", out);
}

// ---- the table ---------------------------------------------------------------------------------------------------

enum { NAME_WIDTH = 30, KIND_WIDTH = 20, OBJECT_WIDTH = 28 };
// Cut at a character's border, and padded by characters: what is not ASCII is several bytes.
static const char *skip(const char *text, size_t characters)
{
    for (; *text && characters; characters--)
        for (text++; (*text & 0xc0) == 0x80;) text++;
    return text;
}
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; n++) text = skip(text, 1);
    return n;
}
static void put_cell(FILE *out, const char *text, size_t width, bool is_path)
{
    const size_t n = characters(text);
    if (n <= width)
        put_clean(out, text);
    else if (is_path) // its end says more than its beginning
        put_clean(out, cli_scratch("...%s", skip(text, n - width + 3)));
    else
        put_clean(out, cli_scratch("%.*s...", (int)(skip(text, width - 3) - text), text));
    fprintf(out, "%*s", n < width ? (int)(width - n) : 0, "");
}
static const char *state_colour(enum cli_state s)
{
    static const char *const colours[] = {
        [CLI_NEW] = BOLD_RED, [CLI_KNOWN] = BLUE, [CLI_FIXED] = GREEN, [CLI_SUPPRESSED] = DIM};
    return colours[s];
}
static void put_row(FILE *out, const struct cli_finding *x, const struct cli_findings *f,
                    const struct cli_report_options *o)
{
    fprintf(out, "%s%-10s%s  ", paint(o, state_colour(x->state)), cli_state_name(x->state), paint(o, PLAIN));
    put_cell(out, x->kind ? x->kind : "?", KIND_WIDTH, false);
    fputs("  ", out);
    put_cell(out, cli_say_place(&x->place[0], o), NAME_WIDTH, true);
    fputs("  ", out);
    put_cell(out, x->object ? x->object : "", OBJECT_WIDTH, false);
    fprintf(out, "  %6" PRIu64, x->hits);
    if (f->runs > 1) fprintf(out, "  %" PRIu64 "/%" PRIu64, x->runs, f->runs);
    if (x->tests) put_clean(out, cli_scratch("  %s", x->tests->text));
    if (HASH_COUNT(x->tests) > 1) fprintf(out, " +%u", HASH_COUNT(x->tests) - 1);
    fputc('\n', out);
}
static void put_table(FILE *out, struct cli_finding **v, size_t n, const struct cli_findings *f,
                      const struct cli_report_options *o)
{
    fprintf(out, "%s%-10s  %-*s  %-*s  %-*s  %6s%s  %s%s\n", paint(o, DIM), "STATE", KIND_WIDTH, "KIND", NAME_WIDTH,
            "WHERE", OBJECT_WIDTH, "OBJECT", "HITS", f->runs > 1 ? "  RUNS" : "", "TEST", paint(o, PLAIN));
    for (size_t i = 0; i < n; i++) {
        put_row(out, v[i], f, o);
        cli_scratch_free();
    }
}
static void put_totals(FILE *out, struct cli_findings *f, size_t n)
{
    const struct cli_state_counts c = cli_report_counts(f);
    fprintf(out, "%zu finding%s: %" PRIu64 " new, %" PRIu64 " known, %" PRIu64 " fixed, %" PRIu64 " suppressed", n,
            n == 1 ? "" : "s", c.of[CLI_NEW], c.of[CLI_KNOWN], c.of[CLI_FIXED], c.of[CLI_SUPPRESSED]);
    fprintf(out, "; %" PRIu64 " process%s in %u log%s\n", f->processes, f->processes == 1 ? "" : "es", f->nlogs,
            f->nlogs == 1 ? "" : "s");
    const char *remark;
    for (int i = 0; (remark = cli_report_remark(f, i)); i++) fprintf(out, "Note: %s\n", remark);
    cli_scratch_free();
}

void cli_write_text(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    size_t n;
    struct cli_finding **const v = cli_report_order(f, &n);
    if (n) put_table(out, v, n, f, o);
    if (n) fputc('\n', out);
    for (size_t i = 0; i < n; i++) {
        if (v[i]->state == CLI_FIXED) continue; // there is nothing more to say than the table does
        json_object *const report = cli_finding_report(f, v[i]);
        cli_write_text_of(out, v[i], report, o);
        json_object_put(report);
        cli_scratch_free();
    }
    put_totals(out, f, n);
    free(v);
}
