#include "base/suppressions.h"

#include "base/print.h"

static const struct {
    const char *name;
    enum base_rule_type type;
} types[] = {{"race", BASE_RULE_RACE},
             {"race_top", BASE_RULE_RACE_TOP},
             {"deadlock", BASE_RULE_DEADLOCK},
             {"mutex", BASE_RULE_NOTHING},
             {"thread", BASE_RULE_NOTHING},
             {"signal", BASE_RULE_NOTHING},
             {"called_from_lib", BASE_RULE_NOTHING}};

// Functions that take or release a lock. Every stack of a lock-order inversion passes through one of them, and wherever
// a frame of one is kept, a pattern that names it silences every finding of its kind.
static const char *const primitives[] = {
    "pthread_mutex_lock",
    "pthread_mutex_trylock",
    "pthread_mutex_timedlock",
    "pthread_mutex_clocklock",
    "pthread_mutex_unlock",
    "pthread_rwlock_rdlock",
    "pthread_rwlock_tryrdlock",
    "pthread_rwlock_timedrdlock",
    "pthread_rwlock_clockrdlock",
    "pthread_rwlock_wrlock",
    "pthread_rwlock_trywrlock",
    "pthread_rwlock_timedwrlock",
    "pthread_rwlock_clockwrlock",
    "pthread_rwlock_unlock",
    "pthread_spin_lock",
    "pthread_spin_trylock",
    "pthread_spin_unlock",
    "pthread_cond_wait",
    "pthread_cond_timedwait",
    "pthread_cond_clockwait",
    "mtx_lock",
    "mtx_trylock",
    "mtx_timedlock",
    "mtx_unlock",
    "cnd_wait",
    "cnd_timedwait",
};
// What makes a pattern one about locks, rather than about code that happens to match ("lock", "*").
static const char *const lock_words[] = {"pthread_", "mutex_", "rwlock_", "spin_", "mtx_", "cnd_"};

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
bool base_rule_match(const char *pattern, const char *s)
{
    if (!s) return false;
    if (*pattern == '^') return match_here(pattern + 1, s);
    for (; *s; s++)
        if (match_here(pattern, s)) return true;
    return match_here(pattern, s);
}

static bool holds(const char *s, const char *what)
{
    const size_t n = base_strlen(what);
    for (; *s; s++)
        if (base_strncmp(s, what, n) == 0) return true;
    return false;
}
// Longer patterns than any primitive's name may still match one, but then they name much else, too.
static bool names_a_primitive(struct base_piece pattern)
{
    char text[64];
    if (pattern.n >= sizeof text) return false;
    for (size_t i = 0; i < pattern.n; i++) text[i] = pattern.p[i];
    text[pattern.n] = 0;
    bool about_locks = false;
    for (size_t i = 0; i < sizeof lock_words / sizeof *lock_words; i++) about_locks |= holds(text, lock_words[i]);
    for (size_t i = 0; about_locks && i < sizeof primitives / sizeof *primitives; i++)
        if (base_rule_match(text, primitives[i])) return true;
    return false;
}

// ---- reading -------------------------------------------------------------------------------------------------

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static struct base_piece trimmed(const char *from, const char *to)
{
    while (from < to && blank(*from)) from++;
    while (to > from && blank(to[-1])) to--;
    return (struct base_piece){from, (size_t)(to - from)};
}
struct base_rules base_rules_of(const char *text, size_t n) { return (struct base_rules){text, text + n, 0}; }
static bool next_line(struct base_rules *r, struct base_piece *line)
{
    if (r->at >= r->end) return false;
    const char *end = r->at;
    while (end < r->end && *end != '\n' && *end) end++; // a NUL ends a line: nothing behind it could be a pattern
    *line = trimmed(r->at, end);
    while (end < r->end && *end != '\n') end++;
    r->at = end < r->end ? end + 1 : end;
    r->line++;
    return true;
}
// "# reason: text"
static bool tagged(struct base_piece line, const char *tag, struct base_piece *value)
{
    const struct base_piece body = trimmed(line.p + 1, line.p + line.n);
    const size_t n = base_strlen(tag);
    if (body.n < n || base_strncmp(body.p, tag, n) != 0) return false;
    *value = trimmed(body.p + n, body.p + body.n);
    return true;
}
// False: the date is none.
static bool read_comment(struct base_piece line, struct base_rule *out)
{
    struct base_piece date;
    if (tagged(line, "reason:", &out->reason) || tagged(line, "owner:", &out->owner)) return true;
    if (!tagged(line, "expires:", &date)) return true;
    out->has_expiry = base_date_read(date.p, date.n, &out->expires);
    return out->has_expiry;
}
static void read_rule(struct base_piece line, struct base_rule *out)
{
    size_t colon = 0;
    while (colon < line.n && line.p[colon] != ':') colon++;
    out->text = line;
    for (size_t i = 0; colon + 1 < line.n && i < sizeof types / sizeof *types; i++) {
        if (base_strlen(types[i].name) != colon || base_strncmp(types[i].name, line.p, colon) != 0) continue;
        out->type = types[i].type;
        out->pattern = (struct base_piece){line.p + colon + 1, line.n - colon - 1};
        if (names_a_primitive(out->pattern))
            out->wrong = "names a lock primitive and would silence every finding that takes one; name the code that "
                         "calls it";
        return;
    }
    out->wrong = "is no suppression; write race:, race_top: or deadlock: and a pattern";
}
bool base_rules_next(struct base_rules *r, struct base_rule *out)
{
    struct base_piece line;
    *out = (struct base_rule){.type = BASE_RULE_NOTHING};
    while (next_line(r, &line)) {
        if (!line.n) continue;
        out->line = r->line;
        if (line.p[0] != '#') {
            read_rule(line, out);
            return true;
        }
        if (read_comment(line, out)) continue;
        out->text = line;
        out->wrong = "gives no date; write # expires: YYYY-MM-DD";
        return true;
    }
    return false;
}
bool base_rule_expired(const struct base_rule *r, struct base_date today)
{
    return r->has_expiry && base_date_before(r->expires, today);
}
