// The options: every type, every separator, bad input, and that docs/options.md lists the table as it is.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/flags.h"

static char said[4096]; // what the last parse wrote to stderr

// Parses with stderr caught.
static void parse(const char *s, const char *where)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const int saved = dup(2);
    dup2(ends[1], 2);
    base_flags_parse(s, where);
    dup2(saved, 2);
    close(ends[1]);
    close(saved);
    const ssize_t n = read(ends[0], said, sizeof said - 1);
    said[n > 0 ? n : 0] = 0;
    close(ends[0]);
}
static void expect_said(const char *text)
{
    cr_expect(strstr(said, text) != NULL, "wanted \"%s\" in \"%s\"", text, said);
    cr_expect_eq(strchr(said, '\n'), said + strlen(said) - 1, "not one line: \"%s\"", said);
}

Test(flags, defaults)
{
    cr_expect_eq(base_flags.exitcode, 66);
    cr_expect_eq(base_flags.halt_on_error, false);
    cr_expect_eq(base_flags.report_bugs, true);
    cr_expect_str_eq(base_flags.log_path, "stderr");
    cr_expect_eq(base_flags.report_format, BASE_FORMAT_TEXT);
    cr_expect_eq(base_flags.color, BASE_COLOR_AUTO);
}
Test(flags, every_separator)
{
    parse("exitcode=1:halt_on_error=1,stats=yes report_bugs=0\nreport_format=json", "RAVEL_OPTIONS");
    cr_expect_str_empty(said);
    cr_expect_eq(base_flags.exitcode, 1);
    cr_expect(base_flags.halt_on_error);
    cr_expect(base_flags.stats);
    cr_expect_not(base_flags.report_bugs);
    cr_expect_eq(base_flags.report_format, BASE_FORMAT_JSON);
}
Test(flags, the_last_one_counts)
{
    parse("exitcode=1:exitcode=2", "TSAN_OPTIONS");
    parse("exitcode=-3", "RAVEL_OPTIONS");
    cr_expect_eq(base_flags.exitcode, -3);
}
Test(flags, quotes_hold_separators)
{
    parse("log_path='a:b c':strip_path_prefix=\"x,y\":exitcode=5", "RAVEL_OPTIONS");
    cr_expect_str_empty(said);
    cr_expect_str_eq(base_flags.log_path, "a:b c");
    cr_expect_str_eq(base_flags.strip_path_prefix, "x,y");
    cr_expect_eq(base_flags.exitcode, 5);
}
Test(flags, text_is_copied)
{
    char env[] = "log_path=abc";
    parse(env, "RAVEL_OPTIONS");
    memset(env, 'x', sizeof env - 1);
    cr_expect_str_eq(base_flags.log_path, "abc");
}
Test(flags, empty_and_null)
{
    parse(NULL, "RAVEL_OPTIONS");
    parse("", "RAVEL_OPTIONS");
    parse(" ::, ", "RAVEL_OPTIONS");
    parse("log_path=", "RAVEL_OPTIONS");
    cr_expect_str_empty(said);
    cr_expect_str_empty(base_flags.log_path);
    cr_expect_eq(base_flags_trouble(), 0);
}
Test(flags, unknown_name_names_the_nearest)
{
    parse("exitcod=1:stats=1", "RAVEL_OPTIONS");
    expect_said("ravel: RAVEL_OPTIONS: no option 'exitcod', did you mean exitcode; help=1 lists them");
    cr_expect_eq(base_flags_trouble(), 1);
    cr_expect(base_flags.stats, "the rest is still read");
    parse("foo=1", "RAVEL_OPTIONS");
    expect_said("no option 'foo'; help=1 lists them");
}
Test(flags, thread_sanitizer_only)
{
    parse("history_size=7:no_such_thing=1", "TSAN_OPTIONS");
    cr_expect_str_empty(said, "\"%s\"", said);
    parse("history_size=7", "RAVEL_OPTIONS");
    expect_said("history_size is an option of ThreadSanitizer");
}
Test(flags, bad_values)
{
    parse("exitcode=sixty", "RAVEL_OPTIONS");
    expect_said("exitcode='sixty' is not a number");
    parse("exitcode=99999999999999999999", "RAVEL_OPTIONS");
    expect_said("is not a number");
    parse("stats=2", "RAVEL_OPTIONS");
    expect_said("stats='2' is not 0 or 1");
    parse("color=red", "RAVEL_OPTIONS");
    expect_said("color='red' is not one of auto|always|never");
    parse("color=auto|always", "RAVEL_OPTIONS");
    expect_said("is not one of");
    parse("stats", "RAVEL_OPTIONS");
    expect_said("'stats' has no value");
    cr_expect_eq(base_flags.exitcode, 66);
    cr_expect_not(base_flags.stats);
    cr_expect_eq(base_flags_trouble(), 6);
}
// Nothing that a user can write in an environment variable may do harm.
Test(flags, random_bytes)
{
    unsigned seed = 12345;
    for (int round = 0; round < 2000; round++) {
        char s[64];
        static const char alphabet[] = "exitcode=:, '\"stats10-|color\n";
        for (size_t i = 0; i < sizeof s - 1; i++) s[i] = alphabet[(seed = seed * 1103515245 + 12345) >> 16 & 15];
        s[sizeof s - 1] = 0;
        parse(s, "TSAN_OPTIONS");
    }
}
Test(flags, the_page_lists_the_table)
{
    static char page[1 << 16], rows[1 << 14];
    FILE *f = fopen(RAVEL_SOURCE_DIR "/docs/options.md", "r");
    cr_assert(f);
    page[fread(page, 1, sizeof page - 1, f)] = 0;
    fclose(f);
    struct base_buf b = {rows, 0, sizeof rows, false};
    base_flags_manual(&b);
    cr_assert_not(b.truncated);
    cr_expect(strstr(page, rows) != NULL, "docs/options.md must contain exactly:\n%s", rows);
}
