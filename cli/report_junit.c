// report_junit.c: JUnit XML, for whatever shows test results: Jenkins, GitLab, Azure, Buildkite, CircleCI.
//
// Two suites. In the first every finding is a test case: a new one fails, a suppressed one is skipped, a known one and
// a fixed one pass. Its first case is that a process reported in at all: a file without test cases is an error to
// Jenkins, and a run that checked nothing must not be green. In the second suite every test in which something was found
// is a case, and fails if something new was found in it.
//
// Held to the schema of Ant's JUnit task, which is the strictest of those in use. There is no clock in it: the
// time is that of a report, so that the same logs give the same file.
#include "cli/report.h"

#include "cli/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// A test of the second suite.
struct test {
    UT_hash_handle hh;
    const char *name; // a finding's
    uint64_t found, new;
    const struct cli_finding *first; // new one
};

// Escapes, and drops what XML 1.0 cannot have at all: control characters, U+FFFE and U+FFFF. The text is UTF-8.
static void put_xml(FILE *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        const bool nonsense = p[0] == 0xef && p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf);
        switch (*p) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&apos;", out); break;
        case '\n': fputs("&#10;", out); break;
        case '\t': fputc('\t', out); break;
        default:
            if (nonsense) p += 2;
            if (nonsense || *p < ' ')
                fputs("\xef\xbf\xbd", out); // U+FFFD
            else
                fputc(*p, out);
        }
    }
}
static void put_attribute(FILE *out, const char *name, const char *text)
{
    fprintf(out, " %s=\"", name);
    put_xml(out, text);
    fputc('"', out);
}

// "2026-01-31T12:00:00", as the schema wants it, of "2026-01-31T12:00:00.000Z"; false: there is no such time.
static bool timestamp_of(const char *time, char out[32])
{
    struct tm t = {0};
    const char *const end = time ? strptime(time, "%Y-%m-%dT%H:%M:%S", &t) : NULL;
    if (!end || t.tm_year < -899 || t.tm_year > 8099) return false; // four digits
    const time_t seconds = timegm(&t);                              // 30 February becomes a day in March
    return gmtime_r(&seconds, &t) && strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &t) == strlen("2026-01-31T12:00:00");
}
static void timestamp(struct cli_findings *f, char out[32])
{
    json_object *report = NULL;
    for (const struct cli_finding *x = f->all; x && !report; x = x->hh.next) report = cli_finding_report(f, x);
    if (!timestamp_of(cli_json_text(report, "time"), out)) snprintf(out, 32, "1970-01-01T00:00:00");
    json_object_put(report);
}

static void begin_suite(FILE *out, int id, const char *name, const char *time, const uint64_t count[4])
{
    fprintf(out, "<testsuite id=\"%d\" package=\"ravel\" name=\"%s\" timestamp=\"%s\" hostname=\"localhost\"", id, name,
            time);
    fprintf(out, " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"%" PRIu64 "\" skipped=\"%" PRIu64 "\"",
            count[0], count[1], count[2], count[3]);
    fputs(" time=\"0\">\n", out);
}
static void end_suite(FILE *out, const struct cli_findings *f, bool say)
{
    fputs("<system-out>", out);
    const char *remark;
    for (int i = 0; say && (remark = cli_report_remark(f, i)); i++) {
        put_xml(out, remark);
        fputs("&#10;", out);
    }
    fputs("</system-out>\n<system-err></system-err>\n</testsuite>\n", out);
}

static void begin_case(FILE *out, const char *class, const char *name)
{
    fputs("<testcase", out);
    put_attribute(out, "classname", class);
    put_attribute(out, "name", name);
    fputs(" time=\"0\">", out);
}
static void put_failure(FILE *out, struct cli_findings *f, const struct cli_finding *x,
                        const struct cli_report_options *o)
{
    json_object *const report = cli_finding_report(f, x);
    struct cli_report_options plain = *o;
    plain.colour = false;
    char *text = NULL;
    size_t size;
    FILE *const memory = open_memstream(&text, &size);
    if (!memory) cli_die(o->as, "out of memory");
    cli_write_text_of(memory, x, report, &plain);
    fclose(memory);
    fputs("<failure", out);
    put_attribute(out, "type", x->kind ? x->kind : "unknown");
    put_attribute(out, "message", cli_say_message(x, report, o));
    fputc('>', out);
    put_xml(out, text);
    fputs("</failure>", out);
    free(text);
    json_object_put(report);
}
static void put_finding(FILE *out, struct cli_findings *f, const struct cli_finding *x,
                        const struct cli_report_options *o)
{
    begin_case(out, x->kind ? x->kind : "unknown",
               cli_scratch("%s %s", x->fingerprint, cli_say_place(&x->place[0], o)));
    if (x->state == CLI_NEW) put_failure(out, f, x, o);
    if (x->state == CLI_SUPPRESSED) {
        fputs("<skipped", out);
        put_attribute(out, "message", x->reason ? x->reason : "suppressed");
        fputs("></skipped>", out);
    }
    fputs("</testcase>\n", out);
    cli_scratch_free();
}

static void put_properties(FILE *out, struct cli_findings *f)
{
    const struct cli_state_counts c = cli_report_counts(f);
    fputs("<properties>", out);
    for (int s = CLI_NEW; s <= CLI_SUPPRESSED; s++)
        fprintf(out, "<property name=\"%s\" value=\"%" PRIu64 "\"/>", cli_state_name((enum cli_state)s), c.of[s]);
    fprintf(out, "<property name=\"processes\" value=\"%" PRIu64 "\"/>", f->processes);
    fprintf(out, "<property name=\"runs\" value=\"%" PRIu64 "\"/></properties>\n", f->runs);
}
static void findings_suite(FILE *out, struct cli_findings *f, const char *time, const struct cli_report_options *o)
{
    const struct cli_state_counts c = cli_report_counts(f);
    size_t n;
    struct cli_finding **const v = cli_report_order(f, &n);
    begin_suite(out, 0, "findings", time,
                (uint64_t[]){n + 1, c.of[CLI_NEW], f->processes ? 0 : 1, c.of[CLI_SUPPRESSED]});
    put_properties(out, f);
    begin_case(out, "ravel", "a process reported in");
    if (!f->processes) {
        fputs("<error type=\"nothing-checked\"", out);
        put_attribute(out, "message", cli_report_remark(f, 0));
        fputs("></error>", out);
    }
    fputs("</testcase>\n", out);
    for (size_t i = 0; i < n; i++) put_finding(out, f, v[i], o);
    end_suite(out, f, true);
    free(v);
}

static struct test *tests_of(struct cli_findings *f, uint64_t *failures)
{
    struct test *tests = NULL, *t;
    *failures = 0;
    for (const struct cli_finding *x = f->all; x; x = x->hh.next)
        for (const struct cli_name *name = x->tests; name; name = name->hh.next) {
            HASH_FIND_STR(tests, name->text, t);
            if (!t) {
                t = cli_alloc(sizeof *t);
                t->name = name->text;
                HASH_ADD_KEYPTR(hh, tests, t->name, strlen(t->name), t);
            }
            t->found++;
            if (x->state != CLI_NEW) continue;
            if (t->new ++ == 0) t->first = x, (*failures)++;
        }
    return tests;
}
static void tests_suite(FILE *out, struct cli_findings *f, const char *time, const struct cli_report_options *o)
{
    uint64_t failures;
    struct test *tests = tests_of(f, &failures), *t, *next;
    begin_suite(out, 1, "tests", time, (uint64_t[]){HASH_COUNT(tests), failures, 0, 0});
    fputs("<properties></properties>\n", out);
    HASH_ITER(hh, tests, t, next)
    {
        begin_case(out, "ravel.test", t->name);
        if (t->new) {
            fputs("<failure type=\"new-findings\"", out);
            put_attribute(out, "message",
                          cli_scratch("%" PRIu64 " new finding%s, the first: %s", t->new, t->new == 1 ? "" : "s",
                                      cli_say_message(t->first, NULL, o)));
            fputs("></failure>", out);
        }
        fputs("</testcase>\n", out);
        HASH_DEL(tests, t);
        free(t);
        cli_scratch_free();
    }
    end_suite(out, f, false);
}

void cli_write_junit(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    char time[32];
    timestamp(f, time);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    findings_suite(out, f, time, o);
    tests_suite(out, f, time, o);
    fputs("</testsuites>\n", out);
    cli_scratch_free();
}
