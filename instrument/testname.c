// testname.c: which test is running, as the program's own test framework tells it.
//
// RAVEL_TEST_NAME says it for the whole process. Where it is not set, and reports are JSON, the name is looked for when a
// report is written:
//   Criterion  runs each test in a process of its own, and its library has a variable that points to the test.
//   gtest      prints "[ RUN      ] Suite.Name" before a test and flushes stdout.
//   TAP        prints "ok 3 - name" after a test: then the fourth is running, whose name nobody knows yet. Reports call it
//              "TAP 4", and when it has ended a line of its own in the log says its name.
// The two that print go through stdio, whose own calls of write nobody can interpose. So what stdout has in its buffer
// is looked at when the program flushes it (the lines pass by here once), and again when there is a report (what was
// not flushed yet tells more). A line that stdio wrote by itself, at a full buffer, passes unseen; the name is then
// the one before. write(2) to descriptor 1 is looked at, too.
#include "instrument/interpose.h"

#include "base/env.h"
#include "base/flags.h"
#include "base/lock.h"
#include "detector/print.h"

// ---- what lines tell -----------------------------------------------------------------------------------------

enum { NAME_MAX_BYTES = 200, INDENT_MAX = 16 };
struct told {
    char name[NAME_MAX_BYTES]; // gtest's; "": no test of it is running
    unsigned long next;        // TAP: number of the test that is running; 0: no TAP was seen
};
static struct told told; // guarded by lock
// TAP: tests that reports were made in, whose name is still to come. 0: free. guarded by lock
enum { UNNAMED = 8 };
static unsigned long unnamed[UNNAMED];
// A name that came. Lines are taken under the lock, and the log is written without it.
struct naming {
    unsigned long number; // 0: none
    char name[NAME_MAX_BYTES];
};
static struct base_lock lock; // by trylock only: a signal handler may print, or make a report, at any point
static bool wanted;           // constant after ins_testname_start

struct text {
    const char *p, *end;
};
static bool takes(struct text *t, const char *word)
{
    const size_t n = base_strlen(word);
    if ((size_t)(t->end - t->p) < n || base_strncmp(t->p, word, n) != 0) return false;
    t->p += n;
    return true;
}
// Colours: ESC [ ... m
static void skip_colour(struct text *t)
{
    while (t->end - t->p > 2 && t->p[0] == '\033' && t->p[1] == '[') {
        const char *p = t->p + 2;
        while (p < t->end && ((*p >= '0' && *p <= '9') || *p == ';')) p++;
        if (p == t->end || (*p != 'm' && *p != 'K')) return;
        t->p = p + 1;
    }
}
static void take_gtest(struct text t, struct told *to)
{
    const bool runs = takes(&t, "[ RUN      ] ");
    if (!runs && !takes(&t, "[       OK ] ") && !takes(&t, "[  FAILED  ] ") && !takes(&t, "[  SKIPPED ] ")) return;
    size_t n = 0;
    skip_colour(&t);
    for (; runs && t.p < t.end && n + 1 < NAME_MAX_BYTES && *t.p > ' ' && *t.p != ','; t.p++) to->name[n++] = *t.p;
    to->name[n] = 0;
}
static bool number(struct text *t, unsigned long *out)
{
    const char *const from = t->p;
    *out = 0;
    for (; t->p < t->end && *t->p >= '0' && *t->p <= '9' && t->p - from < 9; t->p++)
        *out = *out * 10 + (unsigned long)(*t->p - '0');
    return t->p > from;
}
static bool forget(unsigned long n)
{
    for (int i = 0; i < UNNAMED; i++)
        if (unnamed[i] == n) {
            unnamed[i] = 0;
            return true;
        }
    return false;
}
static void remember(unsigned long n)
{
    forget(n);
    for (int i = 0; i < UNNAMED; i++)
        if (!unnamed[i]) {
            unnamed[i] = n;
            return;
        }
}
// "- adds  # time=1ms", or without the dash.
static void take_description(struct text t, unsigned long n, struct naming *named)
{
    while (t.p < t.end && (*t.p == ' ' || *t.p == '-')) t.p++;
    size_t k = 0;
    for (; t.p + k < t.end && k + 1 < NAME_MAX_BYTES && t.p[k] != '\r'; k++) {
        if (t.p[k] == '#' && k > 0 && t.p[k - 1] == ' ') break;
        named->name[k] = t.p[k];
    }
    while (k > 0 && named->name[k - 1] == ' ') k--;
    named->name[k] = 0;
    if (k > 0 && forget(n)) named->number = n;
}
// named: NULL when lines are only looked at.
static void take_tap(struct text t, struct told *to, struct naming *named)
{
    unsigned long n;
    struct text plan = t;
    if (takes(&plan, "1..") && number(&plan, &n) && plan.p == plan.end) {
        if (to->next == 0) to->next = 1;
        return;
    }
    if (!takes(&t, "not ok") && !takes(&t, "ok")) return;
    if (t.p == t.end) {
        to->next = (to->next ? to->next : 1) + 1; // numbers are optional
    } else if (takes(&t, " ")) {
        const bool numbered = number(&t, &n);
        if (!numbered) n = to->next ? to->next : 1;
        to->next = n + 1;
        if (named) take_description(t, n, named);
    }
}
static void take_line(struct text t, struct told *to, struct naming *named)
{
    while (t.p < t.end && *t.p == ' ' && t.end - t.p > 1) t.p++; // of a subtest
    skip_colour(&t);
    if (t.p == t.end) return;
    if (*t.p == '[') take_gtest(t, to);
    if (*t.p == 'o' || *t.p == 'n' || *t.p == '1') take_tap(t, to, named);
}
// The next whole line; what is behind the last one will come again, or was no line.
static bool next_line(struct text *rest, struct text *line)
{
    for (const char *p = rest->p; p < rest->end; p++)
        if (*p == '\n') {
            *line = (struct text){rest->p, p};
            rest->p = p + 1;
            return true;
        }
    return false;
}

// ---- stdout --------------------------------------------------------------------------------------------------

// What stdout's buffer holds, or, if stdio has just written it on its own because it ends a line, held. The FILE's
// members are part of glibc's binary interface.
static struct text in_buffer(void)
{
    const FILE *const f = stdout;
    const struct text none = {"", ""};
    if (!f) return none;
    const char *const base = f->_IO_write_base, *const at = f->_IO_write_ptr, *const first = f->_IO_buf_base,
                      *const last = f->_IO_buf_end;
    if (!base || base < first || at > last || base > at) return none;
    if (at > base) return (struct text){base, at};
    for (const char *p = first; p < last && *p; p++)
        if (*p == '\n') return (struct text){first, p + 1};
    return none;
}
static void say_name(const struct naming *named)
{
    BASE_BUF(test, 40);
    BASE_BUF(name, 40 + NAME_MAX_BYTES);
    base_putf(&test, "TAP %lu", named->number);
    base_putf(&name, "TAP %lu - %s", named->number, named->name);
    det_report_test_named(test.p, name.p);
}
static void notice(struct text rest)
{
    for (struct text line; next_line(&rest, &line);) {
        struct naming named = {.number = 0};
        if (!base_trylock(&lock)) return;
        take_line(line, &told, &named);
        base_unlock(&lock);
        if (named.number) say_name(&named);
    }
}
INTERFACE int fflush(FILE *f)
{
    ins_self(); // starts Ravel, if this is the first thing that happens
    if (wanted && (!f || f == stdout)) {
        flockfile(stdout);
        notice(in_buffer());
        funlockfile(stdout);
    }
    return REAL(fflush)(f);
}
void ins_testname_written(int fd, const void *p, size_t n)
{
    const char *const s = p;
    if (likely(!wanted) || fd != 1 || n == 0) return;
    if (*s == '[' || *s == '\033' || *s == 'o' || *s == 'n' || *s == '1' || *s == ' ') notice((struct text){s, s + n});
}

// ---- asked for -----------------------------------------------------------------------------------------------

// The beginning of Criterion's struct, which has been the same since its version 2.0; and its variable, where the
// program is linked with the library.
struct criterion_test {
    const char *name, *category;
};
extern const struct criterion_test *const criterion_current_test __attribute__((weak, visibility("default")));

static bool put_criterion(struct base_buf *out)
{
    // The address, as the linker left it: a compiler would take a declared object's for not NULL.
    const struct criterion_test *const *where = &criterion_current_test;
    __asm__("" : "+r"(where));
    const struct criterion_test *const test = where ? *(const struct criterion_test *const volatile *)where : NULL;
    if (!test || !test->name || !test->category) return false;
    base_putf(out, "%s::%s", test->category, test->name);
    return true;
}
static void put_name(struct base_buf *out)
{
    if (put_criterion(out) || !base_trylock(&lock)) return;
    struct told now = told;
    // The buffer may change under us; what is there is memory of stdio's all the same, which is never given back.
    struct text rest = in_buffer();
    for (struct text line; next_line(&rest, &line);) take_line(line, &now, NULL);
    if (now.name[0]) {
        base_puts(out, now.name);
    } else if (now.next) {
        base_putf(out, "TAP %lu", now.next);
        remember(now.next);
    }
    base_unlock(&lock);
}
void ins_testname_start(void)
{
    wanted = base_flags.report_format == BASE_FORMAT_JSON && base_flags.test_names == BASE_TEST_NAMES_AUTO &&
             !base_env("RAVEL_TEST_NAME");
    if (wanted) det_json_test_names(put_name);
}
// What was printed and not flushed may still hold names.
void ins_testname_finish(void)
{
    if (wanted) notice(in_buffer());
}
void ins_testname_forked(void) { lock = (struct base_lock){0}; }
