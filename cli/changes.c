// changes.c: which lines a change touched, by `git diff -U0`.
//
// A hunk "@@ -12,3 +12,4 @@" says which lines of the new file took the place of which old ones. Where lines were only
// taken out, "+12,0", nothing in the new file is new; but a lock that is no longer taken is how races are made, so the
// lines on both sides of the gap, 12 and 13, count as changed.
//
// Debug information names files as the compiler saw them: absolute, or relative where a prefix was mapped away, or below
// another directory where the program was built in a container. So an absolute name below the repository's root is
// compared as a whole, and any other name by whether one of the two ends with the other at a slash.
#include "cli/changes.h"

#include "cli/capture.h"
#include "cli/json.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

// ---- the set of changed lines --------------------------------------------------------------------------------

static struct cli_changed_file *file_of(struct cli_changes *c, const char *path)
{
    struct cli_changed_file *f;
    HASH_FIND_STR(c->files, path, f);
    if (f) return f;
    f = cli_alloc(sizeof *f);
    f->path = cli_printf("%s", path);
    HASH_ADD_KEYPTR(hh, c->files, f->path, strlen(f->path), f);
    return f;
}
static void add_span(struct cli_changed_file *f, struct cli_span s)
{
    if (f->n == f->room) {
        f->room = f->room ? f->room * 2 : 8;
        f->spans = realloc(f->spans, f->room * sizeof *f->spans);
        if (!f->spans) cli_die("", "out of memory");
    }
    f->spans[f->n++] = s;
}
void cli_changes_free(struct cli_changes *c)
{
    struct cli_changed_file *f, *next;
    HASH_ITER(hh, c->files, f, next)
    {
        HASH_DEL(c->files, f);
        free(f->path), free(f->spans);
        free(f);
    }
    free(c->root);
    *c = (struct cli_changes){0};
}

// ---- reading a diff ------------------------------------------------------------------------------------------

struct text {
    const char *p, *end;
    int line;
};
// The next line, without its newline, copied; NULL: that was all. The caller frees it.
static char *next_line(struct text *t)
{
    if (t->p >= t->end) return NULL;
    const char *const end = memchr(t->p, '\n', (size_t)(t->end - t->p));
    const size_t n = (size_t)((end ? end : t->end) - t->p);
    char *const line = cli_alloc(n + 1);
    memcpy(line, t->p, n);
    t->p += n + (end != NULL);
    t->line++;
    return line;
}

static int escaped(const char **p)
{
    static const char letters[] = "abtnvfr", values[] = "\a\b\t\n\v\f\r";
    if (**p >= '0' && **p <= '7') {
        int value = 0;
        for (int i = 0; i < 3 && **p >= '0' && **p <= '7'; i++) value = value * 8 + *(*p)++ - '0';
        return value & 0xff;
    }
    const char *const at = **p ? strchr(letters, **p) : NULL;
    if (!**p) return -1;
    return at ? (*p)++, values[at - letters] : (unsigned char)*(*p)++;
}
// "b/src/x.c", perhaps in C's quotes, perhaps with a tab behind it (git adds one to names with blanks). In place.
static char *path_in(char *name)
{
    if (*name != '"') {
        name[strcspn(name, "\t\r")] = '\0';
        return name;
    }
    char *to = name;
    for (const char *from = name + 1; *from && *from != '"';) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        from++;
        const int c = escaped(&from);
        if (c > 0) *to++ = (char)c;
    }
    *to = '\0';
    return name;
}
// "12,3" or "12": 12 and 1. Moves *p behind it.
static bool read_range(const char **p, long *from, long *count)
{
    char *end;
    if (!isdigit((unsigned char)**p)) return false;
    *from = strtol(*p, &end, 10);
    *count = 1;
    if (*end == ',') {
        if (!isdigit((unsigned char)end[1])) return false;
        *count = strtol(end + 1, &end, 10);
    }
    *p = end;
    return *from < INT_MAX / 2 && *count < INT_MAX / 2;
}
struct hunk {
    long old_from, old_count, from, count;
};
static bool read_hunk(const char *line, struct hunk *h)
{
    const char *p = line + strlen("@@ -");
    if (!read_range(&p, &h->old_from, &h->old_count) || strncmp(p, " +", 2) != 0) return false;
    p += 2;
    return read_range(&p, &h->from, &h->count) && strncmp(p, " @@", 3) == 0;
}
static struct cli_span span_of(const struct hunk *h)
{
    if (h->count) return (struct cli_span){(int)h->from, (int)(h->from + h->count - 1)};
    return (struct cli_span){(int)h->from, (int)h->from + 1};
}

static bool begins(const char *s, const char *prefix) { return strncmp(s, prefix, strlen(prefix)) == 0; }
bool cli_changes_parse(struct cli_changes *c, const char *text, size_t length, int *line)
{
    struct text t = {text, text + length, 0};
    struct cli_changed_file *file = NULL;
    bool good = true, in_file = false; // in_file: behind "+++", where "@@" may come
    long body = 0;                     // lines of a hunk that are still to come: text, whatever it looks like
    for (char *s; good && (s = next_line(&t)); free(s)) {
        struct hunk h;
        if (body > 0 && (*s == '+' || *s == '-')) {
            body--;
        } else if (*s == '\\' || begins(s, "* Unmerged path ")) { // "\ No newline at end of file"
            continue;
        } else if (begins(s, "diff ")) {
            in_file = false;
        } else if (begins(s, "+++ ")) {
            char *const path = path_in(s + 4);
            file = strcmp(path, "/dev/null") == 0 ? NULL : file_of(c, begins(path, "b/") ? path + 2 : path);
            in_file = true;
        } else if (begins(s, "@@ -")) {
            good = in_file && read_hunk(s, &h);
            if (good && file) add_span(file, span_of(&h));
            body = good ? h.old_count + h.count : 0;
        } else {
            good = !in_file;
        }
    }
    *line = t.line;
    return good;
}

// ---- asking git ----------------------------------------------------------------------------------------------

#define GIT(length, said, ...) cli_capture((const char *const[]){"git", __VA_ARGS__, NULL}, length, said)

static void add_untracked(struct cli_changes *c, const char *names, size_t n)
{
    for (size_t i = 0; i < n; i += strlen(names + i) + 1) file_of(c, names + i)->whole = true;
}
char *cli_changes_ask(struct cli_changes *c, const char *rev, bool base)
{
    size_t n;
    char *said;
    if (rev[0] == '-' || !*rev) return cli_printf("'%s' is no revision", rev);
    char *const root = GIT(&n, &said, "rev-parse", "--show-toplevel");
    if (!root) return said;
    root[strcspn(root, "\n")] = '\0';
    c->root = root;
    char *from = cli_printf("%s", rev);
    if (base) {
        free(from);
        from = GIT(&n, &said, "merge-base", rev, "HEAD");
        if (!from) return *said == 'g' ? cli_printf("'%s' and HEAD have no commit in common", rev) : said;
        from[strcspn(from, "\n")] = '\0';
    }
    // Everything that a user's configuration could change about the format is set.
    char *const diff = GIT(&n, &said, "-C", root, "-c", "core.quotePath=true", "diff", "-U0", "--no-color",
                           "--no-ext-diff", "--no-textconv", "--find-renames", "--src-prefix=a/", "--dst-prefix=b/",
                           "--submodule=short", "--ignore-submodules", from, "--");
    free(from);
    if (!diff) return said;
    int line;
    const bool good = cli_changes_parse(c, diff, n, &line);
    free(diff);
    if (!good) return cli_printf("line %d of what `git diff` printed makes no sense", line);
    char *const untracked = GIT(&n, &said, "-C", root, "ls-files", "--others", "--exclude-standard", "-z");
    if (!untracked) return said;
    add_untracked(c, untracked, n);
    free(untracked);
    return NULL;
}

// ---- is it one of the changed lines? -------------------------------------------------------------------------

// Takes "." and ".." out of a path. The caller frees it.
static char *plain_path(const char *path)
{
    char *const out = cli_alloc(strlen(path) + 2);
    size_t n = 0;
    if (*path == '/') out[n++] = '/';
    for (const char *p = path; *p;) {
        const size_t k = strcspn(p, "/");
        if (k == 2 && begins(p, "..") && n > 0 && !(n >= 3 && strcmp(out + n - 3, "../") == 0)) {
            while (n > 0 && out[n - 1] == '/') n--;
            while (n > 0 && out[n - 1] != '/') n--;
            if (n == 0 && *path == '/') out[n++] = '/';
        } else if (k && !(k == 1 && *p == '.')) {
            memcpy(out + n, p, k);
            n += k;
            out[n++] = '/';
        }
        out[n] = '\0';
        p += k + (p[k] == '/');
    }
    while (n > 1 && out[n - 1] == '/') out[--n] = '\0';
    return out;
}
static bool ends_with(const char *path, const char *tail)
{
    const size_t n = strlen(path), k = strlen(tail);
    return k <= n && strcmp(path + n - k, tail) == 0 && (k == n || path[n - k - 1] == '/');
}
static bool in_file(const struct cli_changed_file *f, int line)
{
    if (f->whole) return true;
    for (size_t i = 0; i < f->n; i++)
        if (f->spans[i].from <= line && line <= f->spans[i].to) return true;
    return false;
}
// The part of the file's name below the root; NULL: it is not below it.
static const char *below_root(const struct cli_changes *c, const char *file)
{
    const size_t n = c->root ? strlen(c->root) : 0;
    return n && begins(file, c->root) && file[n] == '/' ? file + n + 1 : NULL;
}
bool cli_changes_have(const struct cli_changes *c, const char *file, int line)
{
    char *const path = plain_path(file);
    const char *const inside = below_root(c, path);
    bool found = false;
    if (inside) {
        struct cli_changed_file *f;
        HASH_FIND_STR(c->files, inside, f);
        found = f && in_file(f, line);
    } else {
        for (const struct cli_changed_file *f = c->files; f && !found; f = f->hh.next)
            found = (ends_with(path, f->path) || (*path != '/' && ends_with(f->path, path))) && in_file(f, line);
    }
    free(path);
    return found;
}
static bool stack_touches(const struct cli_changes *c, const json_object *holder, const char *stack)
{
    const size_t n = cli_json_length(holder, stack);
    for (size_t i = 0; i < n; i++) {
        const json_object *const frame = cli_json_at(holder, stack, i);
        const char *const file = cli_json_text(frame, "file");
        const int64_t line = cli_json_int(frame, "line", 0);
        if (file && line > 0 && line < INT_MAX && cli_changes_have(c, file, (int)line)) return true;
    }
    return false;
}
// A strand's stack goes on where it was created, and its creator's, too: that a second thread is started may be all that a
// change does to make a race.
static bool creation_touches(const struct cli_changes *c, const json_object *report, int64_t id)
{
    enum { MOST_ANCESTORS = 64 };
    for (int i = 0; id >= 0 && i < MOST_ANCESTORS; i++) {
        const json_object *const strand = cli_json_by_id(report, "strands", id);
        if (stack_touches(c, strand, "created")) return true;
        id = cli_json_int(strand, "parent", -1);
    }
    return false;
}
static bool part_touches(const struct cli_changes *c, const json_object *report, const json_object *part)
{
    return stack_touches(c, part, "stack") || stack_touches(c, part, "from_stack") ||
           stack_touches(c, part, "to_stack") || creation_touches(c, report, cli_json_int(part, "strand", -1));
}
bool cli_changes_touch(const struct cli_changes *c, const json_object *report)
{
    static const char *const parts[] = {"sides", "edges"};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        for (size_t i = 0; i < cli_json_length(report, parts[k]); i++)
            if (part_touches(c, report, cli_json_at(report, parts[k], i))) return true;
    return false;
}
