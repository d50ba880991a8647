// gate_shard.c: which tests are this shard's (--shard I/N).
//
// Every command is told by RAVEL_SHARD. Two kinds of commands list their tests, and are given an exact list:
//   ctest       `ctest ARGUMENTS -N` lists "Test #3: name"; `-I 3,3,1,7,9` runs the third of them, and these others.
//               It counts those that -R, -E, -L and -LE let through, whatever number they are printed with
//   Criterion   `PROGRAM --list` lists suites and tests; `--filter '@(suite/a|suite/b)'` runs these
// A test belongs to the shard that a hash of its name says: a new test moves no other, and no machine has to know more
// than its own number. It is FNV-1a, 64 bits, modulo N.
#include "cli/gate.h"

#include "cli/capture.h"
#include "cli/replace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_ARGUMENT = 120000 }; // the kernel takes 128 KiB

static bool is_mine(const struct gate *g, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) hash = (hash ^ *p) * 0x100000001b3u;
    return (int)(hash % (uint64_t)g->o.shards) == g->o.shard - 1;
}
static bool mine(struct gate *g, const char *name)
{
    const bool yes = is_mine(g, name);
    g->all_tests++;
    g->shard_tests += yes;
    return yes;
}
static size_t count_of(char *const *arguments)
{
    size_t n = 0;
    while (arguments[n]) n++;
    return n;
}
// The command with up to two more arguments.
static char **with(char *const *command, const char *a, const char *b)
{
    const size_t n = count_of(command);
    char **const all = cli_alloc((n + 3) * sizeof *all);
    memcpy(all, command, n * sizeof *all);
    all[n] = (char *)a, all[n + 1] = (char *)b;
    return all;
}
static bool has(char *const *command, const char *option)
{
    for (char *const *p = command + 1; *p; p++)
        if (strncmp(*p, option, strlen(option)) == 0) return true;
    return false;
}
static char *list(struct gate *g, const char *a, const char *b)
{
    size_t n;
    char *said;
    char **const arguments = with(g->o.command, a, b);
    char *const text = cli_capture((const char *const *)arguments, &n, &said);
    if (!text) gate_die(g, "--shard: `%s %s` does not list the tests: %s", g->o.command[0], a, said);
    free(arguments);
    return text;
}
static void use(struct gate *g, const char *option, const char *tests)
{
    if (g->all_tests == 0) gate_die(g, "--shard: %s lists no tests", g->o.command[0]);
    if (strlen(tests) > LONGEST_ARGUMENT)
        gate_die(g, "--shard: %" PRIu64 " tests are too many for one command line; use more shards", g->shard_tests);
    g->empty_shard = g->shard_tests == 0;
    g->o.command = with(g->o.command, option, tests);
    gate_note(g, "shard %d/%d: %" PRIu64 " of %" PRIu64 " tests", g->o.shard, g->o.shards, g->shard_tests,
              g->all_tests);
}
static char *joined(char *so_far, const char *separator, char *more)
{
    char *const text = so_far ? cli_printf("%s%s%s", so_far, separator, more) : cli_printf("%s", more);
    free(so_far), free(more);
    return text;
}

// ---- ctest ---------------------------------------------------------------------------------------------------

// "  Test  #3: name" or "  Test  #3: name (Disabled)"; NULL: another line.
static char *ctest_name(char *line)
{
    while (*line == ' ') line++;
    if (strncmp(line, "Test ", 5) != 0) return NULL;
    char *p = line + 5;
    while (*p == ' ') p++;
    if (*p != '#') return NULL;
    p += 1 + strspn(p + 1, "0123456789");
    if (strncmp(p, ": ", 2) != 0) return NULL;
    char *const disabled = strstr(p, " (Disabled)");
    if (disabled && !disabled[strlen(" (Disabled)")]) *disabled = '\0';
    return p + 2;
}
static void select_ctest(struct gate *g)
{
    if (has(g->o.command, "-I") || has(g->o.command, "--tests-information"))
        gate_die(g, "--shard chooses tests by ctest's -I: leave yours out");
    char *const text = list(g, "-N", NULL), *tests = NULL, *state = NULL;
    long number = 0;
    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        const char *const name = ctest_name(line);
        number += name != NULL;
        // The first is also where a range begins and ends: "3,3,1".
        if (!name || !mine(g, name)) continue;
        tests = joined(tests, ",", tests ? cli_printf("%ld", number) : cli_printf("%ld,%ld,1", number, number));
    }
    use(g, "-I", tests ? tests : "");
    free(text);
}

// ---- Criterion -----------------------------------------------------------------------------------------------

// Its tests lie in a section of their own.
static bool is_criterion(const char *path)
{
    static const char section[] = "\0cr_tst";
    size_t n;
    if (!strchr(path, '/')) return false;
    char *const file = cli_slurp(path, &n);
    const bool is = file && n > 4 && memcmp(file, "\177ELF", 4) == 0 && memmem(file, n, section, sizeof section);
    free(file);
    return is;
}
// "|-- name" or "`-- name", and perhaps a word in parentheses behind it; NULL: another line.
static char *criterion_name(char *line)
{
    if (strncmp(line, "|-- ", 4) != 0 && strncmp(line, "`-- ", 4) != 0) return NULL;
    line[4 + strcspn(line + 4, " ")] = '\0';
    return line + 4;
}
static void select_criterion(struct gate *g)
{
    if (has(g->o.command, "--filter")) gate_die(g, "--shard chooses tests by Criterion's --filter: leave yours out");
    char *const text = list(g, "--list", "--ascii"), *tests = NULL, *state = NULL;
    const char *suite = "";
    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        char *const colon = strstr(line, ": ");
        const char *const name = criterion_name(line);
        if (!name && colon) {
            *colon = '\0';
            suite = line;
        } else if (name) {
            char *const full = cli_printf("%s/%s", suite, name);
            if (mine(g, full))
                tests = joined(tests, "|", full);
            else
                free(full);
        }
    }
    use(g, "--filter", cli_printf("@(%s)", tests ? tests : ""));
    free(text);
}

void gate_shard_select(struct gate *g)
{
    if (!g->o.shards) return;
    const char *const command = g->o.command[0], *const slash = strrchr(command, '/');
    if (strcmp(slash ? slash + 1 : command, "ctest") == 0)
        select_ctest(g);
    else if (is_criterion(command))
        select_criterion(g);
}
