// detector/suppress.c: findings that the user has asked not to hear of.
//
// The file's format is base/suppressions.h. A pattern is compared with the function, the file and the module of each
// frame of the stacks that show the bug, and with the name of the global:
//   race           a data race, or a use after free, by any frame of either side
//   race_top       the same, by the innermost frame of either side
//   deadlock       a lock-order inversion, by any frame
// A pattern with an offset, `libfoo.so+0x1234`, is compared with the module's name and the offset that reports print for
// a frame: it works without symbols.
#include "base/suppressions.h"

#include <fcntl.h>

#include "base/arena.h"
#include "base/flags.h"
#include "base/sys.h"
#include "detector/print.h"

enum { FILE_MAX = 16 << 20 };

static struct det_suppression *rules, **last = &rules;
struct det_suppression *det_suppressions(void) { return rules; }

// ---- reading -------------------------------------------------------------------------------------------------

static const char *copy(struct base_piece s)
{
    char *c = base_arena_alloc(s.n + 1);
    for (size_t i = 0; i < s.n; i++) c[i] = s.p[i];
    return c;
}
static void add(const struct base_rule *rule, bool expired)
{
    struct det_suppression *s = base_arena_alloc(sizeof *s);
    *s = (struct det_suppression){.text = copy(rule->text),
                                  .pattern = copy(rule->pattern),
                                  .type = (int)rule->type,
                                  .line = rule->line,
                                  .expired = expired};
    *last = s;
    last = &s->next;
}
// An expired rule is said (in JSON by the summary), but is no trouble of its own: what it no longer hides is reported.
static void read_rules(const char *text, size_t n, const char *file)
{
    const struct base_date today = base_date_today();
    struct base_rules all = base_rules_of(text, n);
    for (struct base_rule r; base_rules_next(&all, &r);) {
        if (r.wrong) {
            base_flags_complain("%s:%d: '%.*s' %s", file, r.line, (int)r.text.n, r.text.p, r.wrong);
            continue;
        }
        if (r.type == BASE_RULE_NOTHING) continue;
        const bool expired = base_rule_expired(&r, today);
        if (expired && base_flags.report_format != BASE_FORMAT_JSON)
            base_say("%s:%d: '%.*s' expired on %04lu-%02lu-%02lu and suppresses nothing", file, r.line, (int)r.text.n,
                     r.text.p, r.expires.year, r.expires.month, r.expires.day);
        add(&r, expired);
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
void det_suppress_forked(void)
{
    for (struct det_suppression *s = rules; s; s = s->next) s->hits = 0;
}

// ---- matching ------------------------------------------------------------------------------------------------

// Where the pattern's offset begins, at "+0x"; NULL: it has none.
static const char *offset_in(const char *pattern)
{
    for (; *pattern; pattern++)
        if (base_strncmp(pattern, "+0x", 3) == 0) return pattern;
    return NULL;
}
// "libfoo.so+0x12" is not "libfoo.so+0x1234": a pattern with an offset is bound to the end, as if it ended with $.
static bool offset_matches(const char *pattern, const struct det_shown *f)
{
    BASE_BUF(shown, 512);
    BASE_BUF(bound, 512);
    const struct det_module *const m = f->place->module;
    if (!m || !offset_in(pattern)) return false;
    base_putf(&shown, "%s+0x%lx", m->name, f->place->offset);
    base_puts(&bound, pattern);
    if (bound.p[bound.n - 1] != '$') base_puts(&bound, "$");
    return !shown.truncated && !bound.truncated && base_rule_match(bound.p, shown.p);
}
static bool frame_matches(const char *pattern, const struct det_shown *f)
{
    return base_rule_match(pattern, f->function) || base_rule_match(pattern, f->path) ||
           (f->place->module && base_rule_match(pattern, f->place->module->path)) || offset_matches(pattern, f);
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
static bool race_matches(const struct det_suppression *s, const struct det_report *r, const struct det_global *g)
{
    const bool top_only = s->type == BASE_RULE_RACE_TOP;
    if (!top_only && base_rule_match(s->pattern, g->name)) return true;
    return stack_matches(s->pattern, &r->side[0].stack, top_only) ||
           stack_matches(s->pattern, &r->side[1].stack, top_only);
}
struct det_suppression *det_suppressed(const struct det_report *r, const struct det_global *global)
{
    const bool cycle = r->kind == DET_REPORT_LOCK_CYCLE;
    for (struct det_suppression *s = rules; s; s = s->next) {
        if (s->expired || cycle != (s->type == BASE_RULE_DEADLOCK)) continue;
        if (cycle ? cycle_matches(s->pattern, r) : race_matches(s, r, global)) return s;
    }
    return NULL;
}
