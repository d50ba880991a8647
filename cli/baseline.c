// baseline.c: the findings that a project has accepted (baseline.h says what the file looks like).
#include "cli/baseline.h"

#include "cli/cli.h"
#include "cli/json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, DEEPEST = 32 };

// ---- where in the text? --------------------------------------------------------------------------------------

static int line_of(const char *text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; i++) line += text[i] == '\n';
    return line;
}
// The line on which element `index` of the member "findings" begins, in a text that is known to be JSON. json-c does not
// keep positions; so braces are counted, outside of strings.
static int line_of_entry(const char *text, size_t length, size_t index)
{
    static const char name[] = "\"findings\"";
    size_t depth = 0, seen = 0;
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (c == '"') {
            if (depth == 1 && strncmp(text + i, name, strlen(name)) == 0) inside = true;
            for (i++; i < length && text[i] != '"'; i++) i += text[i] == '\\';
        } else if (c == '{' || c == '[') {
            if (inside && depth == 2 && seen++ == index) return line_of(text, i);
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
            if (depth == 1) inside = false;
        }
    }
    return 1;
}

// ---- reading -------------------------------------------------------------------------------------------------

static char *say(const char *what) { return cli_printf("%s", what); }
static bool is_fingerprint(const char *s) { return s && strlen(s) == 16 && strspn(s, "0123456789abcdef") == 16; }
// NULL: the entry is good, and added.
static char *add_entry(struct cli_baseline *b, json_object *entry, struct base_date today)
{
    const char *const fingerprint = cli_json_text(entry, "fingerprint"), *expires = cli_json_text(entry, "expires");
    if (!is_fingerprint(fingerprint)) return say("an entry needs a \"fingerprint\" of 16 hex digits");
    json_object *given = NULL;
    struct base_date last = {0};
    json_object_object_get_ex(entry, "expires", &given);
    if (given && (!expires || !base_date_read(expires, strlen(expires), &last)))
        return say("\"expires\" is no date; write \"YYYY-MM-DD\"");
    struct cli_accepted *a;
    HASH_FIND_STR(b->all, fingerprint, a);
    if (a) return cli_printf("fingerprint %s is there twice; remove one of the entries", fingerprint);
    a = cli_alloc(sizeof *a);
    memcpy(a->fingerprint, fingerprint, sizeof a->fingerprint);
    a->entry = entry;
    a->expired = given && base_date_before(last, today);
    HASH_ADD_STR(b->all, fingerprint, a);
    return NULL;
}
static char *add_entries(struct cli_baseline *b, const char *text, size_t length, struct base_date today, int *line)
{
    json_object *array;
    *line = 1;
    if (!json_object_is_type(b->root, json_type_object) || cli_json_int(b->root, "ravel-baseline", -1) != VERSION)
        return say("this is no baseline of ours (\"ravel-baseline\": 1 is missing); `ravel gate --update-baseline` "
                   "makes one");
    if (!json_object_object_get_ex(b->root, "findings", &array) || !json_object_is_type(array, json_type_array))
        return say("the array \"findings\" is missing");
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        json_object *const entry = json_object_array_get_idx(array, i);
        char *const wrong = json_object_is_type(entry, json_type_object) ? add_entry(b, entry, today)
                                                                         : say("\"findings\" holds more than objects");
        if (!wrong) continue;
        *line = json_object_is_type(entry, json_type_object) ? line_of_entry(text, length, i) : 1;
        return wrong;
    }
    return NULL;
}
static bool only_blanks(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", s[i]) || !s[i]) return false;
    return true;
}
char *cli_baseline_parse(struct cli_baseline *b, const char *text, size_t length, struct base_date today, int *line)
{
    *line = 1;
    if (length > INT_MAX / 2) return say("the file is too large for a baseline");
    if (length == 0 || only_blanks(text, length))
        return say("the file is empty; remove it, or take it from version control");
    json_tokener *const t = json_tokener_new_ex(DEEPEST);
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    b->root = json_tokener_parse_ex(t, text, (int)length);
    const enum json_tokener_error error = json_tokener_get_error(t);
    const size_t used = json_tokener_get_parse_end(t);
    json_tokener_free(t);
    *line = line_of(text, used);
    if (error == json_tokener_continue) return say("the JSON ends too early; the file was cut");
    if (error != json_tokener_success) return cli_printf("this is no JSON: %s", json_tokener_error_desc(error));
    if (!only_blanks(text + used, length - used)) return say("there is something behind the end of the JSON");
    return add_entries(b, text, length, today, line);
}
void cli_baseline_free(struct cli_baseline *b)
{
    struct cli_accepted *a, *next;
    HASH_ITER(hh, b->all, a, next)
    {
        HASH_DEL(b->all, a);
        free(a);
    }
    json_object_put(b->root);
    *b = (struct cli_baseline){0};
}

// ---- comparing -----------------------------------------------------------------------------------------------

// "add (counter.c)" back into a place.
static struct cli_place place_from(const json_object *entry, size_t i)
{
    struct cli_place p = {NULL, NULL, 0, 0};
    json_object *sides, *x;
    if (!json_object_object_get_ex(entry, "sides", &sides) || !json_object_is_type(sides, json_type_array)) return p;
    x = i < json_object_array_length(sides) ? json_object_array_get_idx(sides, i) : NULL;
    if (!json_object_is_type(x, json_type_string)) return p;
    char *const text = cli_printf("%s", json_object_get_string(x));
    char *const open = strstr(text, " (");
    if (open) {
        const size_t n = strlen(open);
        p.file = cli_printf("%.*s", n > 2 ? (int)(n - 2 - (open[n - 1] == ')')) : 0, open + 2);
        *open = '\0';
    }
    p.function = text;
    return p;
}
static void add_fixed(struct cli_findings *f, const struct cli_accepted *a)
{
    struct cli_finding *const x = cli_findings_add(f, a->fingerprint);
    const char *const kind = cli_json_text(a->entry, "kind"), *const object = cli_json_text(a->entry, "object");
    x->kind = cli_printf("%s", kind ? kind : "unknown");
    x->title = cli_printf("%s", kind ? kind : "finding");
    for (char *p = x->title; *p; p++) *p = *p == '-' ? ' ' : *p;
    x->object = object ? cli_printf("%s", object) : NULL;
    for (size_t i = 0; i < 2; i++) x->place[i] = place_from(a->entry, i);
    x->state = CLI_FIXED;
    x->reason = cli_json_text(a->entry, "reason");
}
void cli_baseline_apply(struct cli_baseline *b, struct cli_findings *f, bool whole)
{
    for (struct cli_accepted *a = b->all; a; a = a->hh.next) {
        struct cli_finding *const x = cli_findings_get(f, a->fingerprint);
        a->seen = x != NULL;
        if (!x && whole) add_fixed(f, a);
        if (!x) continue;
        x->reason = cli_json_text(a->entry, "reason");
        b->nexpired += a->expired;
        if (!a->expired) x->state = CLI_KNOWN;
    }
}

// ---- writing -------------------------------------------------------------------------------------------------

static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
static char *side_of(const struct cli_place *p)
{
    const char *const function = p->function ? p->function : "?";
    return p->file ? cli_printf("%s (%s)", function, base_name(p->file)) : cli_printf("%s", function);
}
static void add_text(json_object *o, const char *name, const char *text)
{
    if (text) json_object_object_add(o, name, json_object_new_string(text));
}
static json_object *entry_of(const struct cli_finding *x)
{
    json_object *const o = json_object_new_object(), *const sides = json_object_new_array();
    char *a = side_of(&x->place[0]), *b = side_of(&x->place[1]);
    if (strcmp(a, b) > 0) { // which side came first differs from run to run
        char *const c = a;
        a = b, b = c;
    }
    json_object_array_add(sides, json_object_new_string(a));
    json_object_array_add(sides, json_object_new_string(b));
    free(a), free(b);
    add_text(o, "fingerprint", x->fingerprint);
    add_text(o, "kind", x->kind);
    add_text(o, "object", x->object);
    json_object_object_add(o, "sides", sides);
    return o;
}
static const char *text_or_empty(const json_object *o, const char *name)
{
    const char *const s = cli_json_text(o, name);
    return s ? s : "";
}
static int by_kind_sides_fingerprint(const void *a, const void *b)
{
    json_object *const p = *(json_object *const *)a, *const q = *(json_object *const *)b;
    json_object *x = NULL, *y = NULL;
    int order = strcmp(text_or_empty(p, "kind"), text_or_empty(q, "kind"));
    if (!order) {
        json_object_object_get_ex(p, "sides", &x);
        json_object_object_get_ex(q, "sides", &y);
        const char *const s = x ? json_object_to_json_string(x) : "", *const t = y ? json_object_to_json_string(y) : "";
        order = strcmp(s, t);
    }
    return order ? order : strcmp(text_or_empty(p, "fingerprint"), text_or_empty(q, "fingerprint"));
}
// The old root's members, with other findings. The old one stays whole: findings point into it.
static json_object *with_findings(json_object *old, json_object *findings)
{
    json_object *const root = json_object_new_object();
    if (old) {
        json_object_object_foreach(old, name, member) json_object_object_add(root, name, json_object_get(member));
    } else {
        json_object_object_add(root, "ravel-baseline", json_object_new_int(VERSION));
    }
    json_object_object_add(root, "findings", findings); // where the old ones were
    return root;
}
char *cli_baseline_updated(struct cli_baseline *b, const struct cli_findings *f, struct cli_baseline_update *done)
{
    json_object *const entries = json_object_new_array();
    *done = (struct cli_baseline_update){0};
    for (const struct cli_accepted *a = b->all; a; a = a->hh.next) {
        if (a->seen) json_object_array_add(entries, json_object_get(a->entry));
        done->kept += a->seen, done->removed += !a->seen;
    }
    for (const struct cli_finding *x = f->all; x; x = x->hh.next) {
        struct cli_accepted *a;
        HASH_FIND_STR(b->all, x->fingerprint, a);
        if (a || x->state == CLI_SUPPRESSED) continue;
        json_object_array_add(entries, entry_of(x));
        done->added++;
    }
    json_object_array_sort(entries, by_kind_sides_fingerprint);
    json_object *const root = with_findings(b->root, entries);
    const int how = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
    char *const text = cli_printf("%s\n", json_object_to_json_string_ext(root, how));
    json_object_put(root);
    return text;
}
