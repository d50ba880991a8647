// report_html.c: the findings as one page to read: no network, no file beside it, and readable without its script.
//
// The findings are <details>. Of each the summary is part of the document from the start; the body stands in a
// <noscript>, which a browser that runs scripts keeps as one unparsed text until the finding is opened. So 10,000
// findings are 10,000 short rows and not millions of elements, and a reader without scripts sees everything.
//
// Whatever comes from a log or a source file goes through cli_html, which escapes it. The page's content security policy
// forbids all loading, and every script but its own.
#include "cli/html.h"
#include "cli/json.h"
#include "cli/source.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// ---- escaping ----------------------------------------------------------------------------------------------------

// Characters that turn the direction of what follows, with which a name can be made to read as another one:
// U+202A to U+202E and U+2066 to U+2069.
static bool turns_text(const unsigned char *p, size_t left)
{
    return left >= 3 && p[0] == 0xe2 &&
           ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}
void cli_html_text(FILE *out, const char *text, size_t length)
{
    const unsigned char *const p = (const unsigned char *)text;
    for (size_t i = 0; i < length; i++) {
        switch (p[i]) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default:
            if (turns_text(p + i, length - i))
                i += 2, fputs("\xef\xbf\xbd", out);
            else if (p[i] == 127 || (p[i] < ' ' && p[i] != '\t' && p[i] != '\n'))
                fputs("\xef\xbf\xbd", out);
            else
                fputc(p[i], out);
        }
    }
}
void cli_html(FILE *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            fputc(*fmt, out);
            continue;
        }
        const bool is_long = fmt[1] == 'l' || fmt[1] == 'z';
        fmt += is_long ? 2 : 1;
        if (*fmt == 's') {
            const char *const s = va_arg(ap, const char *);
            cli_html_text(out, s, strlen(s));
        } else if (*fmt == 'd' && is_long) {
            fprintf(out, "%ld", va_arg(ap, long));
        } else if (*fmt == 'u' && is_long) {
            fprintf(out, "%lu", va_arg(ap, unsigned long));
        } else if (*fmt == 'd') {
            fprintf(out, "%d", va_arg(ap, int));
        } else if (*fmt == 'c') {
            fputc(va_arg(ap, int), out);
        } else {
            fputc('%', out);
        }
    }
    va_end(ap);
}

struct page {
    FILE *out;
    const struct cli_report_options *o;
    const struct cli_finding *x;
    const json_object *report; // may be NULL
    const struct cli_stack *stacks;
    size_t n;
};

// ---- frames and sources ------------------------------------------------------------------------------------------

static void put_path(const struct page *p, const char *file, int64_t line, int64_t column)
{
    const char *const path = cli_path_show(p->o, file), *const slash = strrchr(path, '/');
    cli_html(p->out, "<span class=\"path\">");
    if (slash) cli_html(p->out, "<i>%s/</i>", cli_scratch("%.*s", (int)(slash - path), path));
    cli_html(p->out, "%s", slash ? slash + 1 : path);
    if (line > 0) cli_html(p->out, ":%ld", (long)line);
    if (line > 0 && column > 0) cli_html(p->out, "<i>:%ld</i>", (long)column);
    cli_html(p->out, "</span>");
}
static void put_frame(const struct page *p, const json_object *frame)
{
    const char *const function = cli_json_text(frame, "function"), *const file = cli_json_text(frame, "file");
    const char *const module = cli_json_text(frame, "module"), *const offset = cli_json_text(frame, "offset");
    const char *const slash = module ? strrchr(module, '/') : NULL, *const base = slash ? slash + 1 : module;
    const char *const at = cli_scratch("%s%s%s", base ? base : "", base && offset ? "+" : "", offset ? offset : "");
    cli_html(p->out, "<li title=\"%s\"><b>%s</b>", at, function ? function : "?");
    if (cli_json_bool(frame, "inlined")) cli_html(p->out, " <em>inlined</em>");
    cli_html(p->out, " ");
    if (file)
        put_path(p, file, cli_json_int(frame, "line", 0), cli_json_int(frame, "column", 0));
    else
        cli_html(p->out, "<span class=\"path\">%s</span>", at);
    cli_html(p->out, "</li>");
}
static void put_frames(const struct page *p, const struct cli_stack *s, const char *by)
{
    cli_html(p->out, "<ol class=\"stack\" start=\"0\">");
    if (by) cli_html(p->out, "<li><b>%s</b> <span class=\"path\"><i>of the C library</i></span></li>", by);
    for (size_t i = 0; i < cli_frames(s); i++) put_frame(p, cli_frame(s, i));
    cli_html(p->out, "</ol>");
    if (cli_frames(s) == 0 && !by) cli_html(p->out, "<p class=\"none\">This stack is not known.</p>");
    if (s->cut) cli_html(p->out, "<p class=\"none\">There were more, outer, frames.</p>");
}

enum { WIDEST = 200 };
static void put_source_line(const struct page *p, const struct cli_source_line *l, bool marked)
{
    size_t length = l->length < WIDEST ? l->length : WIDEST;
    while (length && length < l->length && (l->text[length] & 0xc0) == 0x80) length--; // not within a character
    cli_html(p->out, marked ? "<mark data-n=\"%ld\">" : "<s data-n=\"%ld\">", (long)l->number);
    cli_html_text(p->out, l->text, length);
    cli_html(p->out, marked ? "\n</mark>" : "\n</s>");
}
// The source around a frame, and around a second one that lies in the same file nearby. False: it cannot be shown.
static bool put_source(const struct page *p, const json_object *frame, const json_object *second)
{
    struct cli_source_line lines[CLI_SOURCE_LINES];
    const char *const file = cli_json_text(frame, "file"), *const other = cli_json_text(second, "file");
    const int64_t a = cli_json_int(frame, "line", 0), b = second ? cli_json_int(second, "line", 0) : a;
    if (!file || (second && (!other || strcmp(file, other) != 0))) return false;
    const size_t n = cli_source(p->o, file, a < b ? a : b, a < b ? b : a, lines);
    if (n == 0) return false;
    cli_html(p->out, "<pre class=\"src\" tabindex=\"0\" aria-label=\"source around line %ld\">", (long)a);
    for (size_t i = 0; i < n; i++) put_source_line(p, &lines[i], lines[i].number == a || lines[i].number == b);
    cli_html(p->out, "</pre>");
    return true;
}

// ---- the body of a finding ---------------------------------------------------------------------------------------

static void put_lock_chip(const struct page *p, const json_object *held)
{
    const int64_t id = cli_json_int(held, "lock", -1);
    const char *const mode = cli_json_text(held, "mode");
    cli_html(p->out, "<code class=\"chip\">%s</code>", cli_say_lock(p->report, id));
    if (mode && strcmp(mode, "read") == 0) cli_html(p->out, " (to read)");
    cli_html(p->out, " ");
}
static void put_held(const struct page *p, const json_object *side)
{
    const size_t n = cli_json_length(side, "locks");
    cli_html(p->out, "<p class=\"held\">");
    if (n == 0) cli_html(p->out, "Holds no lock.");
    if (n) cli_html(p->out, "Holds ");
    for (size_t i = 0; i < n && i < 50; i++) put_lock_chip(p, cli_json_at(side, "locks", i));
    if (n > 50 || cli_json_bool(side, "locks_cut")) cli_html(p->out, "and more");
    cli_html(p->out, "</p>");
}
static const char *capital(const char *text)
{
    char *const copy = cli_scratch("%s", text);
    if (*copy >= 'a' && *copy <= 'z') *copy = (char)(*copy - 'a' + 'A');
    return copy;
}
static void put_side(const struct page *p, const struct cli_stack *s)
{
    const json_object *const side = cli_json_at(p->report, "sides", s->of);
    const char *const by = cli_json_text(side, "by");
    cli_html(p->out, "<section class=\"side l%c\"><h3>%s<small>%s</small></h3>", s->of ? 'b' : 'a',
             capital(cli_say_access(side)), s->of ? "earlier" : "later");
    cli_html(p->out, "<p class=\"who\">%s", capital(cli_say_strand(p->report, s->strand)));
    cli_html(p->out, "</p>");
    put_source(p, cli_frame_with_file(s), NULL);
    put_frames(p, s, by && strcmp(by, "program") != 0 ? by : NULL);
    put_held(p, side);
    cli_html(p->out, "</section>\n");
}
static void put_edge(const struct page *p, const struct cli_stack *wanted, const struct cli_stack *held)
{
    const json_object *const edge = cli_json_at(p->report, "edges", wanted->of);
    const json_object *const first = cli_frame_with_file(held), *const then = cli_frame_with_file(wanted);
    const char *const from = cli_say_lock(p->report, cli_json_int(edge, "from", -1));
    const char *const to = cli_say_lock(p->report, cli_json_int(edge, "to", -1));
    cli_html(p->out, "<section class=\"side l%c\"><h3>%s</h3>", wanted->of % 2 ? 'b' : 'a',
             capital(cli_say_strand(p->report, wanted->strand)));
    cli_html(p->out, "<p class=\"who\">took <code class=\"chip\">%s</code>, then <code class=\"chip\">%s</code></p>",
             from, to);
    const bool together = first && then && put_source(p, first, then);
    cli_html(p->out, "<p class=\"label\">Took %s at</p>", from);
    if (!together) put_source(p, first, NULL);
    put_frames(p, held, NULL);
    cli_html(p->out, "<p class=\"label\">Then took %s at</p>", to);
    if (!together) put_source(p, then, NULL);
    put_frames(p, wanted, NULL);
    cli_html(p->out, "</section>\n");
}
static void put_sides(const struct page *p)
{
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        const enum cli_stack_role role = p->stacks[i].role;
        if (role != CLI_SIDE && role != CLI_WANTED) continue;
        if (!any) cli_html(p->out, "<div class=\"sides\">");
        any = true;
        if (role == CLI_SIDE) put_side(p, &p->stacks[i]);
        if (role == CLI_WANTED) put_edge(p, &p->stacks[i], &p->stacks[i + 1]); // its CLI_HELD
    }
    if (any) cli_html(p->out, "</div>\n");
}

static void put_picture(const struct page *p)
{
    const bool cycle = cli_report_is_cycle(p->report);
    if (!cycle && cli_json_length(p->report, "sides") < 2) return;
    cli_html(p->out, "<figure class=\"%s\"><figcaption>%s</figcaption>", cycle ? "graph" : "time",
             cycle ? "Lock graph" : "Timeline");
    if (cycle)
        cli_html_lock_graph(p->out, p->report, p->o);
    else
        cli_html_timeline(p->out, p->report, p->o);
    cli_html(p->out, "</figure>\n");
}
enum { EDGES_SAID = 30 };
// The graph, and the same in words beside it.
static void put_cycle(const struct page *p)
{
    const size_t n = cli_json_length(p->report, "edges");
    cli_html(p->out, "<div class=\"cycle\">");
    put_picture(p);
    cli_html(p->out, "<div><h4>Each waits for the next</h4><ol class=\"edges\">");
    for (size_t i = 0; i < p->n && p->stacks[i].of < EDGES_SAID; i++) {
        const struct cli_stack *const s = &p->stacks[i];
        const json_object *const edge = cli_json_at(p->report, "edges", s->of), *const at = cli_frame_with_file(s);
        if (s->role != CLI_WANTED) continue;
        cli_html(p->out, "<li><b>%s</b> holds <code class=\"chip\">%s</code> and wants ",
                 capital(cli_say_strand(p->report, s->strand)),
                 cli_say_lock(p->report, cli_json_int(edge, "from", -1)));
        cli_html(p->out, "<code class=\"chip\">%s</code>", cli_say_lock(p->report, cli_json_int(edge, "to", -1)));
        if (at) cli_html(p->out, "<br><span class=\"path\">%s</span>", cli_say_frame(at, p->o));
        cli_html(p->out, "</li>");
    }
    cli_html(p->out, "</ol>");
    if (n > EDGES_SAID) cli_html(p->out, "<p class=\"none\">and %lu more</p>", (uint64_t)(n - EDGES_SAID));
    cli_html(p->out, "</div></div>\n");
}
static void put_object(const struct page *p)
{
    const json_object *const l = cli_json_object(p->report, "location");
    const char *const what = cli_say_location(p->report), *const file = cli_json_text(l, "file");
    const char *const address = cli_json_text(p->report, "address");
    if (!what) return;
    cli_html(p->out, "<h4>Object</h4><p>%s", capital(what));
    if (address) cli_html(p->out, "; the two sides met at <code>%s</code>", address);
    if (file) {
        cli_html(p->out, ". Declared at ");
        put_path(p, file, cli_json_int(l, "line", 0), 0);
    }
    cli_html(p->out, "</p>");
}
static void put_other_stacks(const struct page *p)
{
    put_object(p);
    for (size_t i = 0; i < p->n; i++) {
        const struct cli_stack *const s = &p->stacks[i];
        if (s->role == CLI_SIDE || s->role == CLI_WANTED || s->role == CLI_HELD) continue;
        const json_object *const lock = s->role == CLI_LOCK_MADE ? cli_json_at(p->report, "locks", s->of) : NULL;
        cli_html(p->out, "<details class=\"more\"%s><summary>%s", s->role == CLI_SYNC ? " open" : "", s->caption);
        if (cli_json_bool(lock, "destroyed")) cli_html(p->out, ", destroyed by now");
        cli_html(p->out, "</summary>");
        put_frames(p, s, NULL);
        cli_html(p->out, "</details>");
    }
}
static void put_names(const struct page *p, const char *term, const struct cli_name *set)
{
    unsigned i = 0;
    if (!set) return;
    cli_html(p->out, "<dt>%s</dt><dd>", term);
    for (const struct cli_name *x = set; x && i < 20; x = x->hh.next, i++)
        cli_html(p->out, "<code>%s</code> ", x->text);
    if (HASH_COUNT(set) > i) cli_html(p->out, "and %d more", (int)(HASH_COUNT(set) - i));
    cli_html(p->out, "</dd>");
}
static void put_facts(const struct page *p, const struct cli_findings *f)
{
    const struct cli_finding *const x = p->x;
    const char *const time = cli_json_text(p->report, "time");
    cli_html(p->out, "<dl class=\"facts\"><dt>Fingerprint</dt><dd><code>%s</code></dd>", x->fingerprint);
    cli_html(p->out, "<dt>Seen</dt><dd>%lu time%s by %lu path%s, in %lu process%s", x->hits, x->hits == 1 ? "" : "s",
             x->paths, x->paths == 1 ? "" : "s", x->processes, x->processes == 1 ? "" : "es");
    if (f->runs > 1) cli_html(p->out, ", in %lu of %lu runs", x->runs, f->runs);
    cli_html(p->out, "</dd>");
    put_names(p, "Program", x->programs);
    put_names(p, "Test", x->tests);
    if (time)
        cli_html(p->out, "<dt>First report</dt><dd>%s, process %ld</dd>", time,
                 (long)cli_json_int(p->report, "pid", 0));
    if (x->reason) cli_html(p->out, "<dt>Reason</dt><dd>%s</dd>", x->reason);
    cli_html(p->out, "</dl>");
}
static void put_body(const struct page *p, const struct cli_findings *f)
{
    const char *const hint = cli_say_hint(p->report), *const sched = cli_json_text(p->report, "sched");
    const bool cycle = cli_report_is_cycle(p->report); // its picture says more than its stacks
    if (hint) cli_html(p->out, "<p class=\"hint\"><b>Likely mend</b> %s.</p>", hint);
    if (sched) cli_html(p->out, "<p class=\"hint\"><b>Order of goroutines</b> RAVEL_OPTIONS=sched=%s</p>", sched);
    if (!p->report && p->x->state == CLI_FIXED)
        cli_html(p->out, "<p class=\"none\">It was in the baseline and did not show this time.</p>");
    else if (!p->report)
        cli_html(p->out, "<p class=\"none\">Its report is not in these logs: the line was damaged.</p>");
    if (cycle) put_cycle(p);
    put_sides(p);
    cli_html(p->out, "<div class=\"rest\">");
    if (!cycle) put_picture(p);
    cli_html(p->out, "<div class=\"notes\">");
    if (p->report) put_other_stacks(p);
    put_facts(p, f);
    cli_html(p->out, "</div></div>\n");
}

// ---- the row of a finding ----------------------------------------------------------------------------------------

static void put_list(const struct page *p, const char *attribute, const struct cli_name *set)
{
    cli_html(p->out, " data-%s=\"", attribute);
    for (const struct cli_name *x = set; x; x = x->hh.next) cli_html(p->out, "%s\n", x->text);
    cli_html(p->out, "\"");
}
// What the search looks at besides the row itself: every function and file of the main stacks, locks, the fingerprint.
static void put_search(const struct page *p)
{
    size_t left = 60; // frames
    cli_html(p->out, " data-q=\"%s", p->x->fingerprint);
    for (size_t i = 0; i < p->n && left; i++)
        for (size_t k = 0; k < cli_frames(&p->stacks[i]) && p->stacks[i].role <= CLI_HELD && left; k++, left--) {
            const char *const function = cli_json_text(cli_frame(&p->stacks[i], k), "function");
            if (function) cli_html(p->out, " %s", function);
        }
    const size_t locks = cli_json_length(p->report, "locks");
    for (size_t i = 0; i < locks && i < 20; i++)
        cli_html(p->out, " %s", cli_say_lock(p->report, cli_json_int(cli_json_at(p->report, "locks", i), "id", -1)));
    cli_html(p->out, "\"");
}
static void put_where(const struct page *p, const struct cli_place *at, char lane)
{
    if (!at->file && !at->function) return;
    cli_html(p->out, "<span class=\"l%c\"><b>%s</b> ", lane, at->function ? at->function : "?");
    if (at->file) put_path(p, at->file, at->line, 0);
    cli_html(p->out, "</span>");
}
// "a => b" with an arrow as people write it.
static const char *arrows(const char *text)
{
    const char *out = "", *arrow;
    for (; (arrow = strstr(text, " => ")); text = arrow + 4)
        out = cli_scratch("%s%.*s → ", out, (int)(arrow - text), text);
    return cli_scratch("%s%s", out, text);
}
static void put_row(const struct page *p, const struct cli_findings *f)
{
    const struct cli_finding *const x = p->x;
    const char *const state = cli_state_name(x->state), *const kind = x->kind ? x->kind : "unknown";
    const char *const title = x->title ? x->title : kind;
    cli_html(p->out, "<summary><span class=\"state %s\">%s</span><span class=\"head\"><span class=\"object\">%s</span>",
             state, state, x->object ? arrows(x->object) : title);
    cli_html(p->out, " <span class=\"kind\">%s</span></span><span class=\"where\">", title);
    put_where(p, &x->place[0], 'a');
    put_where(p, &x->place[1], 'b');
    cli_html(p->out, "</span><span class=\"count\"><b>%lu</b> hit%s", x->hits, x->hits == 1 ? "" : "s");
    if (f->runs > 1) cli_html(p->out, " · %lu/%lu runs", x->runs, f->runs);
    if (x->tests) cli_html(p->out, " <span class=\"test\">%s</span>", x->tests->text);
    if (HASH_COUNT(x->tests) > 1) cli_html(p->out, " +%d", (int)HASH_COUNT(x->tests) - 1);
    cli_html(p->out, "</span></summary>\n");
}
enum { OPEN_AT_ONCE = 2 }; // so few findings need no choosing
static void put_finding(const struct page *p, const struct cli_findings *f)
{
    cli_html(p->out, "<details class=\"finding\" id=\"%s\" data-s=\"%s\" data-k=\"%s\"", p->x->fingerprint,
             cli_state_name(p->x->state), p->x->kind ? p->x->kind : "unknown");
    put_list(p, "p", p->x->programs);
    put_list(p, "t", p->x->tests);
    put_search(p);
    cli_html(p->out, HASH_COUNT(f->all) <= OPEN_AT_ONCE ? " open>" : ">");
    put_row(p, f);
    cli_html(p->out, "<div class=\"body\"><noscript>\n");
    put_body(p, f);
    cli_html(p->out, "</noscript></div></details>\n");
}

// ---- the page ----------------------------------------------------------------------------------------------------

static void put_head(FILE *out, uint64_t new)
{
    cli_html(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    cli_html(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    cli_html(out,
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
             "'unsafe-inline'; "
             "script-src '%s'; base-uri 'none'; form-action 'none'\">\n",
             cli_html_js_hash);
    cli_html(out, "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n");
    cli_html(out, "<title>Ravel: %lu new finding%s</title>\n<style>\n", new, new == 1 ? "" : "s");
    fputs(cli_html_css, out);
    cli_html(out, "</style>\n</head>\n<body>\n");
}
static void put_masthead(FILE *out, struct cli_findings *f, const struct cli_state_counts *c)
{
    cli_html(out, "<header class=\"top\"><div class=\"brand\"><svg viewBox=\"0 0 32 32\" aria-hidden=\"true\">"
                  "<path class=\"la\" d=\"M4 7c11 0 13 18 24 18\"/><path class=\"lb\" d=\"M4 25C15 25 17 7 28 7\"/>"
                  "<circle cx=\"16\" cy=\"16\" r=\"3.4\"/></svg>Ravel</div>\n"
                  "<button id=\"theme\" type=\"button\" aria-label=\"Dark or light\">"
                  "<svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><circle cx=\"10\" cy=\"10\" r=\"7\"/>"
                  "<path d=\"M10 3a7 7 0 0 1 0 14z\"/></svg></button>\n");
    cli_html(out, "<h1>");
    if (c->of[CLI_NEW])
        cli_html(out, "<b>%lu</b> new finding%s", c->of[CLI_NEW], c->of[CLI_NEW] == 1 ? "" : "s");
    else
        cli_html(out, "%s", f->processes ? "Nothing new" : "Nothing was checked");
    cli_html(out, "</h1>\n<p class=\"lead\">");
    for (int s = CLI_KNOWN; s <= CLI_SUPPRESSED; s++)
        if (c->of[s])
            cli_html(out, "<span class=\"tally %s\"><b>%lu</b> %s</span>", cli_state_name((enum cli_state)s), c->of[s],
                     cli_state_name((enum cli_state)s));
    cli_html(out, "<span class=\"tally\"><b>%lu</b> process%s</span>", f->processes, f->processes == 1 ? "" : "es");
    cli_html(out, "<span class=\"tally\"><b>%lu</b> log%s</span>", (uint64_t)f->nlogs, f->nlogs == 1 ? "" : "s");
    if (f->runs > 1) cli_html(out, "<span class=\"tally\"><b>%lu</b> runs</span>", f->runs);
    cli_html(out, "</p>\n");
    const char *remark;
    for (int i = 0; (remark = cli_report_remark(f, i)); i++) cli_html(out, "<p class=\"remark\">%s</p>\n", remark);
    cli_html(out, "</header>\n");
}

struct counted { // a value that can be chosen, and how many findings have it
    struct cli_name *kinds, *programs, *tests;
};
static void free_counted(struct cli_name **set)
{
    struct cli_name *x, *next;
    HASH_ITER(hh, *set, x, next)
    {
        HASH_DEL(*set, x);
        free(x->text);
        free(x);
    }
}
static int by_text(const struct cli_name *a, const struct cli_name *b) { return strcmp(a->text, b->text); }
static struct counted count(struct cli_findings *f)
{
    struct counted c = {0};
    for (const struct cli_finding *x = f->all; x; x = x->hh.next) {
        cli_name_count(&c.kinds, x->kind ? x->kind : "unknown");
        for (const struct cli_name *n = x->programs; n; n = n->hh.next) cli_name_count(&c.programs, n->text);
        for (const struct cli_name *n = x->tests; n; n = n->hh.next) cli_name_count(&c.tests, n->text);
    }
    HASH_SORT(c.kinds, by_text);
    HASH_SORT(c.programs, by_text);
    HASH_SORT(c.tests, by_text);
    return c;
}
static void put_pill(FILE *out, const char *group, const char *value, uint64_t n)
{
    cli_html(out, "<label class=\"pill %s\"><input type=\"checkbox\" name=\"%s\" value=\"%s\" checked>", value, group,
             value);
    cli_html(out, "<span>%s <b>%lu</b></span></label>", value, n);
}
static void put_select(FILE *out, const char *id, const char *all, const struct cli_name *set)
{
    if (HASH_COUNT(set) < 2) return;
    cli_html(out, "<select id=\"%s\" aria-label=\"%s\"><option value=\"\">%s</option>", id, all, all);
    for (const struct cli_name *x = set; x; x = x->hh.next)
        cli_html(out, "<option value=\"%s\">%s (%lu)</option>", x->text, x->text, x->count);
    cli_html(out, "</select>");
}
static void put_tools(FILE *out, struct cli_findings *f, const struct cli_state_counts *c)
{
    struct counted values = count(f);
    cli_html(out, "<form class=\"tools\" role=\"search\"><div class=\"line\"><span class=\"search\"><input id=\"q\" "
                  "type=\"search\" "
                  "placeholder=\"Search functions, files, objects, tests\" aria-label=\"Search\" autocomplete=\"off\">"
                  "<kbd aria-hidden=\"true\">/</kbd></span>");
    put_select(out, "p", "All programs", values.programs);
    put_select(out, "t", "All tests", values.tests);
    cli_html(out, "</div>\n<div class=\"line\"><fieldset><legend>State</legend>");
    for (int s = CLI_NEW; s <= CLI_SUPPRESSED; s++)
        if (c->of[s]) put_pill(out, "s", cli_state_name((enum cli_state)s), c->of[s]);
    cli_html(out, "</fieldset><fieldset><legend>Kind</legend>");
    for (const struct cli_name *k = values.kinds; k; k = k->hh.next) put_pill(out, "k", k->text, k->count);
    cli_html(out, "</fieldset><span class=\"shown\"><output id=\"shown\" aria-live=\"polite\"></output> "
                  "<button id=\"toggle\" type=\"button\">Open all</button></span></div></form>\n");
    free_counted(&values.kinds);
    free_counted(&values.programs);
    free_counted(&values.tests);
}
static void put_findings(FILE *out, struct cli_findings *f, struct cli_finding **v, size_t n,
                         const struct cli_report_options *o)
{
    cli_html(out, "<main>\n");
    if (n == 0 && f->processes)
        cli_html(out, "<p class=\"empty\">%lu process%s reported in, and nothing was found.</p>\n", f->processes,
                 f->processes == 1 ? "" : "es");
    for (size_t i = 0; i < n; i++) {
        json_object *const report = cli_finding_report(f, v[i]);
        struct page p = {.out = out, .o = o, .x = v[i], .report = report};
        p.stacks = cli_report_stacks(report, &p.n);
        put_finding(&p, f);
        json_object_put(report);
        cli_scratch_free();
    }
    cli_html(out,
             "<p class=\"empty\" id=\"none\" hidden>No finding matches. <button id=\"clear\" type=\"button\">Clear "
             "the filters</button></p>\n</main>\n");
}

void cli_write_html(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    const struct cli_state_counts c = cli_report_counts(f);
    size_t n;
    struct cli_finding **const v = cli_report_order(f, &n);
    put_head(out, c.of[CLI_NEW]);
    put_masthead(out, f, &c);
    if (n) put_tools(out, f, &c);
    put_findings(out, f, v, n, o);
    cli_html(out, "<footer>Made by Ravel %s from what the programs logged. Nothing on this page leaves it.</footer>\n",
             RAVEL_VERSION);
    cli_html(out, "<script>");
    fputs(cli_html_js, out);
    cli_html(out, "</script>\n</body>\n</html>\n");
    cli_source_forget();
    cli_scratch_free();
    free(v);
}
