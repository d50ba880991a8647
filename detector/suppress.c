// detector/suppress.c: findings that the user has asked not to hear of, in ThreadSanitizer's format.
//
// A file of lines "type:pattern"; blank lines and lines that begin with # are passed over. A pattern is searched for in
// a name; * stands for any text, ^ at its begin and $ at its end bind it to the ends of the name. It is compared with
// the function, the file and the module of each frame of the stacks that show the bug, and with the name of the global:
//   race           a data race, or a use after free, by any frame of either side
//   race_top       the same, by the innermost frame of either side
//   deadlock       a lock-order inversion, by any frame
// Types for findings that Ravel does not make (mutex, thread, signal, called_from_lib) match nothing.
#include <fcntl.h>

#include "base/arena.h"
#include "base/flags.h"
#include "base/sys.h"
#include "detector/print.h"

enum { FILE_MAX = 16 << 20 };
enum type { RACE, RACE_TOP, DEADLOCK, NOTHING };
static const struct {
    const char *name;
    enum type type;
} types[] = {{"race", RACE},      {"race_top", RACE_TOP}, {"deadlock", DEADLOCK},      {"mutex", NOTHING},
             {"thread", NOTHING}, {"signal", NOTHING},    {"called_from_lib", NOTHING}};

struct rule {
    enum type type;
    const char *pattern;
    struct rule *next;
};
static struct rule *rules; // constant once read

// ---- reading -------------------------------------------------------------------------------------------------

static const char *copy(const char *s, size_t n)
{
    char *c = base_arena_alloc(n + 1);
    for (size_t i = 0; i < n; i++) c[i] = s[i];
    return c;
}
static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
// One line without its blanks at both ends.
static void read_rule(const char *s, size_t n, const char *file, int line)
{
    size_t colon = 0;
    while (colon < n && s[colon] != ':') colon++;
    for (size_t i = 0; colon < n && i < sizeof types / sizeof *types; i++) {
        if (base_strlen(types[i].name) != colon || base_strncmp(types[i].name, s, colon) != 0) continue;
        if (colon + 1 == n) break;
        struct rule *r = base_arena_alloc(sizeof *r);
        *r = (struct rule){types[i].type, copy(s + colon + 1, n - colon - 1), rules};
        rules = r;
        return;
    }
    base_flags_complain("%s:%d: '%.*s' is no suppression; write race:, race_top: or deadlock: and a pattern", file,
                        line, (int)n, s);
}
static void read_rules(const char *text, size_t n, const char *file)
{
    int line = 1;
    for (size_t at = 0; at < n; line++) {
        size_t end = at;
        while (end < n && text[end] != '\n') end++;
        size_t from = at, to = end;
        while (from < to && blank(text[from])) from++;
        while (to > from && blank(text[to - 1])) to--;
        if (from < to && text[from] != '#') read_rule(text + from, to - from, file, line);
        at = end + 1;
    }
}
void det_suppress_start(void)
{
    const char *const file = base_flags.suppressions;
    if (!*file) return;
    const long fd = sys_call4(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    char *text = fd < 0 ? NULL : sys_reserve(FILE_MAX);
    long n = 0, k = fd;
    while (text && n < FILE_MAX && (k = sys_read((int)fd, text + n, (size_t)(FILE_MAX - n))) > 0) n += k;
    if (k < 0)
        base_flags_complain("suppressions: cannot read %s (error %ld); nothing is suppressed", file, -k);
    else if (text)
        read_rules(text, (size_t)n, file);
    if (text) sys_unmap(text, FILE_MAX);
    if (fd >= 0) sys_call1(SYS_close, fd);
}

// ---- matching ------------------------------------------------------------------------------------------------

// Does the pattern, from here on, match all of s from here on? Both without ^; an end without $ matches any rest.
static bool match_here(const char *pattern, const char *s)
{
    const char *star = NULL, *retry = NULL; // after the last *, and where its text ends at present
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = s;
        } else if (!*pattern || (pattern[0] == '$' && !pattern[1] && !*s)) {
            return true;
        } else if (*s && *pattern == *s) {
            pattern++;
            s++;
        } else if (star && *retry) {
            pattern = star;
            s = ++retry;
        } else {
            return false;
        }
    }
}
bool det_suppress_match(const char *pattern, const char *s)
{
    if (!s) return false;
    if (*pattern == '^') return match_here(pattern + 1, s);
    for (; *s; s++)
        if (match_here(pattern, s)) return true;
    return match_here(pattern, s);
}
static bool frame_matches(const char *pattern, const struct det_shown *f)
{
    return det_suppress_match(pattern, f->function) || det_suppress_match(pattern, f->path) ||
           (f->place->module && det_suppress_match(pattern, f->place->module->path));
}
static bool stack_matches(const char *pattern, const struct det_stack *stack, bool top_only)
{
    struct det_shown f;
    for (struct det_frames i = det_frames_of(stack); det_frames_next(&i, &f);) {
        if (frame_matches(pattern, &f)) return true;
        if (top_only) return false;
    }
    return false;
}
static bool cycle_matches(const char *pattern, const struct det_report *r)
{
    for (uint32_t i = 0; i < r->nedges; i++)
        if (stack_matches(pattern, &r->edges[i].from_stack, false) ||
            stack_matches(pattern, &r->edges[i].to_stack, false))
            return true;
    return false;
}
static bool race_matches(const struct rule *rule, const struct det_report *r, const struct det_global *g)
{
    const bool top_only = rule->type == RACE_TOP;
    if (!top_only && det_suppress_match(rule->pattern, g->name)) return true;
    return stack_matches(rule->pattern, &r->side[0].stack, top_only) ||
           stack_matches(rule->pattern, &r->side[1].stack, top_only);
}
bool det_suppressed(const struct det_report *r, const struct det_global *global)
{
    for (const struct rule *rule = rules; rule; rule = rule->next) {
        const bool cycle = r->kind == DET_REPORT_LOCK_CYCLE;
        if (rule->type == NOTHING || cycle != (rule->type == DEADLOCK)) continue;
        if (cycle ? cycle_matches(rule->pattern, r) : race_matches(rule, r, global)) return true;
    }
    return false;
}
