// gate_table.c: what `ravel gate` prints when everything has ended: a table, notes, and the verdict as the last line.
//
//     STATE  WHAT            WHERE                SEEN      IN
//     new    data race       counter.c:8 in add   12 times  counter
//            global 'total'  main.c:24 in main              suite::adds
// Two lines for a finding, one below the other what belongs together. Aligned by characters, not bytes.
#include "cli/gate.h"

#include "base/suppressions.h"
#include "cli/replace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 5, LINES = 2, STATE = 0, WHAT, WHERE, SEEN, IN };
enum { MOST_OF_A_STATE = 50, MOST_NAMES = 3, WIDEST = 70 };

struct row {
    enum cli_state state;
    char *cell[LINES][COLUMNS]; // NULL: empty
    char *remark;               // NULL: none
};
struct table {
    struct row *rows;
    size_t n;
    size_t left_out[4]; // by state
    int width[COLUMNS];
};

// ---- text ----------------------------------------------------------------------------------------------------

const char *gate_shown_path(const char *path)
{
    static char *here;
    if (!here) here = getcwd(NULL, 0);
    const size_t n = here ? strlen(here) : 0;
    return n > 1 && strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}
// Names come from programs: nothing in them may move the cursor.
static char *tame(char *text)
{
    for (char *p = text; p && *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
    return text;
}
static int width_of(const char *text)
{
    int n = 0;
    for (; text && *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}
static char *place_text(const struct cli_place *p)
{
    if (!p->file) return p->function ? cli_printf("%s", p->function) : NULL;
    const char *const file = gate_shown_path(p->file);
    char *const line = p->line ? cli_printf(":%d", p->line) : cli_printf("%s", "");
    return p->function ? cli_printf("%s%s in %s", file, line, p->function) : cli_printf("%s%s", file, line);
}
static char *names_text(const struct cli_name *set)
{
    const unsigned n = HASH_COUNT(set);
    char *text = NULL;
    unsigned shown = 0;
    for (; set && shown < MOST_NAMES; set = set->hh.next, shown++)
        text = text ? cli_printf("%s, %s", text, set->text) : cli_printf("%s", set->text);
    return shown < n ? cli_printf("%s and %u more", text, n - shown) : text;
}
static char *times(uint64_t n) { return n == 1 ? cli_printf("once") : cli_printf("%" PRIu64 " times", n); }

// ---- rows ----------------------------------------------------------------------------------------------------

static struct row *add_row(struct table *t, enum cli_state state)
{
    static size_t of_state[4];
    if (of_state[state]++ == MOST_OF_A_STATE) of_state[state]--, t->left_out[state]++;
    if (t->left_out[state]) return NULL;
    t->rows = realloc(t->rows, (t->n + 1) * sizeof *t->rows);
    if (!t->rows) cli_die("", "out of memory");
    t->rows[t->n] = (struct row){.state = state};
    return &t->rows[t->n++];
}
static void add_finding(struct table *t, const struct gate *g, const struct cli_finding *x)
{
    static const char *const states[] = {"new", "known", "fixed", "suppressed"};
    struct row *const r = add_row(t, x->state);
    if (!r) return;
    char *const paren = cli_printf("%s", x->title);
    paren[strcspn(paren, "(")] = '\0'; // "(potential deadlock)"
    r->cell[0][STATE] = cli_printf("%s", states[x->state]);
    r->cell[0][WHAT] = paren;
    r->cell[1][WHAT] = x->object ? cli_printf("%s", x->object) : NULL;
    for (int i = 0; i < LINES; i++) r->cell[i][WHERE] = place_text(&x->place[i]);
    if (x->state != CLI_FIXED) {
        r->cell[0][SEEN] = times(x->hits);
        if (g->f.runs > 1) r->cell[1][SEEN] = cli_printf("in %" PRIu64 " of %" PRIu64 " runs", x->runs, g->f.runs);
    }
    r->cell[0][IN] = names_text(x->programs);
    r->cell[1][IN] = names_text(x->tests);
    r->remark = x->reason ? cli_printf("%s", x->reason) : NULL;
}
// The reason that the file gives for a suppression; NULL: none.
static char *reason_in_file(const struct cli_suppression *s)
{
    size_t n;
    char *const text = cli_slurp(s->file, &n), *reason = NULL;
    if (!text) return NULL;
    struct base_rules all = base_rules_of(text, n);
    for (struct base_rule r; base_rules_next(&all, &r);)
        if (r.line == s->line && r.reason.p) reason = cli_printf("%.*s", (int)r.reason.n, r.reason.p);
    free(text);
    return reason;
}
static void add_suppression(struct table *t, const struct cli_suppression *s)
{
    struct row *const r = s->hits ? add_row(t, CLI_SUPPRESSED) : NULL;
    if (!r) return;
    r->cell[0][STATE] = cli_printf("suppressed");
    r->cell[0][WHAT] = cli_printf("%s", s->pattern);
    r->cell[0][WHERE] = cli_printf("%s:%" PRId64, gate_shown_path(s->file), s->line);
    r->cell[0][SEEN] = times(s->hits);
    r->remark = reason_in_file(s);
}
static struct table table_of(const struct gate *g)
{
    static const enum cli_state order[] = {CLI_NEW, CLI_FIXED, CLI_KNOWN};
    static const char *const heads[COLUMNS] = {"STATE", "WHAT", "WHERE", "SEEN", "IN"};
    struct table t = {0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (const struct cli_finding *x = g->f.all; x; x = x->hh.next)
            if (x->state == order[i]) add_finding(&t, g, x);
    for (const struct cli_suppression *s = g->f.suppressions; s; s = s->hh.next) add_suppression(&t, s);
    for (int c = 0; c < COLUMNS; c++) t.width[c] = width_of(heads[c]);
    for (size_t i = 0; i < t.n; i++)
        for (int k = 0; k < LINES * COLUMNS; k++) {
            const int w = width_of(tame(t.rows[i].cell[k / COLUMNS][k % COLUMNS])), most = w > WIDEST ? WIDEST : w;
            if (most > t.width[k % COLUMNS]) t.width[k % COLUMNS] = most;
        }
    return t;
}

// ---- printing ------------------------------------------------------------------------------------------------

static bool colour;
static const char *in_colour(const char *code) { return colour ? code : ""; }
static const char *state_colour(enum cli_state s)
{
    static const char *const codes[] = {"\033[1;31m", "\033[33m", "\033[32m", "\033[2m"};
    return in_colour(codes[s]);
}
static void print_line(const struct table *t, char *const *cell, const char *first_colour)
{
    int last = COLUMNS;
    while (last > 0 && !(cell[last - 1] && *cell[last - 1])) last--;
    for (int c = 0; c < last; c++) {
        const char *const text = cell[c] ? cell[c] : "";
        const int pad = c == last - 1 ? 0 : t->width[c] - width_of(text);
        printf("  %s%s%s%*s", c == 0 ? first_colour : "", text, c == 0 && *first_colour ? "\033[0m" : "",
               pad > 0 ? pad : 0, "");
    }
    putchar('\n');
}
static void print_table(const struct table *t)
{
    static const char *const names[] = {"new", "known", "fixed", "suppressed"};
    char *heads[COLUMNS] = {(char *)"STATE", (char *)"WHAT", (char *)"WHERE", (char *)"SEEN", (char *)"IN"};
    if (t->n == 0) return;
    putchar('\n');
    print_line(t, heads, "");
    for (size_t i = 0; i < t->n; i++) {
        const struct row *const r = &t->rows[i];
        for (int k = 0; k < LINES; k++) {
            bool empty = true;
            for (int c = 0; c < COLUMNS; c++) empty &= !(r->cell[k][c] && *r->cell[k][c]);
            if (!empty) print_line(t, r->cell[k], k == 0 ? state_colour(r->state) : "");
        }
        if (r->remark)
            printf("  %*s  %s%s%s\n", t->width[STATE], "", in_colour("\033[2m"), tame(r->remark), in_colour("\033[0m"));
    }
    for (int s = 0; s < 4; s++)
        if (t->left_out[s]) printf("  and %zu more that are %s; --lists has them all\n", t->left_out[s], names[s]);
}
static void print_counts(const struct gate *g)
{
    const struct cli_findings *const f = &g->f;
    printf("%sravel gate:%s ", in_colour("\033[1m"), in_colour("\033[0m"));
    if (f->runs > 1) printf("%" PRIu64 " runs, ", f->runs);
    printf("%" PRIu64 " process%s; %" PRIu64 " new, %" PRIu64 " known, %" PRIu64 " fixed; %" PRIu64 " suppressed\n",
           f->processes, f->processes == 1 ? "" : "es", g->nnew, g->nknown, g->nfixed, f->suppressed);
}
static void print_runs(const struct gate *g)
{
    if (g->code && g->o.repeat == 1) printf("  the command ended with exit code %d\n", g->code);
    if (g->code && g->o.repeat > 1)
        printf("  %d of %d runs failed, the first with exit code %d\n", g->nfailed, g->nrun, g->code);
    for (int i = 0; g->runs && i < g->o.repeat; i++) {
        const struct gate_run *const r = &g->runs[i];
        if (r->explained) printf("  exit code %d is Ravel's own, for a finding: it counts as 0\n", r->code);
        if (r->code && !r->explained && r->output) printf("  output of run %d: %s\n", r->number, r->output);
    }
}
void gate_print(struct gate *g)
{
    colour = cli_colour(stdout);
    const struct table t = table_of(g);
    const enum gate_verdict verdict = gate_verdict(g);
    putchar('\n');
    print_counts(g);
    print_table(&t);
    putchar('\n');
    print_runs(g);
    for (size_t i = 0; i < g->nnotes; i++) printf("  %s\n", tame(g->notes[i]));
    for (size_t i = 1; i < g->ntrouble; i++) printf("  trouble: %s\n", tame(g->trouble[i]));
    if (g->keep) printf("  logs: %s\n", g->place);
    const char *const c = verdict == GATE_CLEAN ? "\033[1;32m" : verdict == GATE_COMMAND ? "\033[1;33m" : "\033[1;31m";
    printf("%s%s%s\n", in_colour(c), tame(gate_last_line(g)), in_colour("\033[0m"));
    fflush(stdout);
}
