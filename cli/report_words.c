// report_words.c: what the writers share: order, states, paths, and the words for strands, locks and accesses.
#include "cli/report.h"

#include "cli/json.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- scratch memory ----------------------------------------------------------------------------------------------

struct scratch {
    struct scratch *next;
    max_align_t bytes[];
};
static struct scratch *scratch;

void *cli_scratch_alloc(size_t bytes)
{
    struct scratch *const s = cli_alloc(sizeof *s + bytes);
    s->next = scratch;
    scratch = s;
    return s->bytes;
}
char *cli_scratch(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *const text = cli_scratch_alloc((size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return text;
}
void cli_scratch_free(void)
{
    for (struct scratch *next; scratch; scratch = next) {
        next = scratch->next;
        free(scratch);
    }
}

// ---- order and states --------------------------------------------------------------------------------------------

const char *cli_state_name(enum cli_state s)
{
    static const char *const names[] = {
        [CLI_NEW] = "new", [CLI_KNOWN] = "known", [CLI_FIXED] = "fixed", [CLI_SUPPRESSED] = "suppressed"};
    return names[s];
}
struct cli_finding **cli_report_order(struct cli_findings *f, size_t *n)
{
    static const enum cli_state order[] = {CLI_NEW, CLI_KNOWN, CLI_SUPPRESSED, CLI_FIXED};
    struct cli_finding **const v = cli_alloc((HASH_COUNT(f->all) + 1) * sizeof *v);
    *n = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (struct cli_finding *x = f->all; x; x = x->hh.next)
            if (x->state == order[i]) v[(*n)++] = x;
    return v;
}
struct cli_state_counts cli_report_counts(struct cli_findings *f)
{
    struct cli_state_counts c = {{0}};
    for (struct cli_finding *x = f->all; x; x = x->hh.next) c.of[x->state]++;
    return c;
}

static const char *remark_one(uint64_t n, const char *one, const char *many)
{
    return n == 0 ? NULL : n == 1 ? one : cli_scratch(many, n);
}
const char *cli_report_remark(const struct cli_findings *f, int i)
{
    const char *const remarks[] = {
        f->processes ? NULL : "No process reported in: was the program built with `ravel cc`?",
        remark_one(f->unfinished, "One process did not end by itself (killed, crashed, or replaced by exec).",
                   "%lu processes did not end by themselves (killed, crashed, or replaced by exec)."),
        remark_one(f->cut_lines, "One line of the logs is damaged and was passed over.",
                   "%lu lines of the logs are damaged and were passed over."),
        remark_one(f->foreign, "One line is of another version of the log format and was left out.",
                   "%lu lines are of another version of the log format and were left out."),
        remark_one(f->given_up, "One access was not looked at because something was full.",
                   "%lu accesses were not looked at because something was full: races may be missing."),
        remark_one(f->trouble, "One option or suppression could not be understood by the programs.",
                   "%lu options or suppressions could not be understood by the programs."),
        remark_one(f->suppressed, "One finding was suppressed inside the programs.",
                   "%lu findings were suppressed inside the programs."),
    };
    for (size_t k = 0; k < sizeof remarks / sizeof *remarks; k++)
        if (remarks[k] && i-- == 0) return remarks[k];
    return NULL;
}

// ---- paths -------------------------------------------------------------------------------------------------------

// Lexically, in place: no file is looked at, for it may be on another machine.
static char *normalise(char *path)
{
    const bool absolute = *path == '/';
    char *const floor = absolute ? path + 1 : path, *out = floor;
    for (const char *in = floor, *next; *in; in = next) {
        const size_t n = strcspn(in, "/");
        const bool up = n == 2 && in[0] == '.' && in[1] == '.';
        const bool after_up =
            out - floor >= 3 && memcmp(out - 3, "../", 3) == 0 && (out - floor == 3 || out[-4] == '/');
        next = in[n] ? in + n + 1 : "";
        if (up && out > floor && !after_up) {
            for (out--; out > floor && out[-1] != '/';) out--;
        } else if (n > 0 && !(n == 1 && *in == '.') && !(up && absolute)) {
            memmove(out, in, n);
            out += n;
            *out++ = '/'; // there is room: out is not beyond the / or NUL that ended the component
        }
    }
    if (out > floor) out--;
    *out = '\0';
    return path;
}
static const char *below(const char *root, const char *path)
{
    const size_t n = strlen(root);
    if (strcmp(root, "/") == 0) return *path == '/' && path[1] ? path + 1 : NULL;
    return strncmp(path, root, n) == 0 && path[n] == '/' && path[n + 1] ? path + n + 1 : NULL;
}
const char *cli_path_here(const struct cli_report_options *o, const char *path)
{
    char *const clean = normalise(cli_scratch("%s", path));
    for (size_t i = 0; i < o->npath_maps; i++) {
        const char *const rest = below(o->path_maps[i][0], clean);
        if (rest) return normalise(cli_scratch("%s/%s", o->path_maps[i][1], rest));
    }
    return clean;
}
const char *cli_path_relative(const struct cli_report_options *o, const char *path)
{
    const char *const here = cli_path_here(o, path);
    if (*here == '/') return below(o->source_root, here);
    return *here && strncmp(here, "../", 3) != 0 && strcmp(here, "..") != 0 ? here : NULL;
}
const char *cli_path_show(const struct cli_report_options *o, const char *path)
{
    const char *const relative = cli_path_relative(o, path);
    return relative ? relative : cli_path_here(o, path);
}

static char *repository_above(char *directory)
{
    for (char *at = cli_printf("%s", directory); *at;) {
        char *const git = cli_printf("%s/.git", at);
        const bool found = access(git, F_OK) == 0;
        free(git);
        if (found) return at;
        *strrchr(at, '/') = '\0';
    }
    return directory;
}
void cli_report_options_init(struct cli_report_options *o, const char *as, const char *dir)
{
    char *const absolute = realpath(dir ? dir : ".", NULL);
    if (!absolute) cli_die(as, "%s: %s", dir ? dir : "the current directory", strerror(errno));
    o->as = as;
    o->source_root = dir ? absolute : repository_above(absolute);
    if (!o->category) o->category = "ravel";
}
void cli_report_path_map(struct cli_report_options *o, const char *old_is_new)
{
    const char *const equals = strchr(old_is_new, '=');
    if (!equals || equals == old_is_new || !equals[1])
        cli_die(o->as, "--path-map %s: must be OLD=NEW, two directories", old_is_new);
    char *const new = realpath(equals + 1, NULL);
    o->path_maps = realloc(o->path_maps, (o->npath_maps + 1) * sizeof *o->path_maps);
    if (!o->path_maps) cli_die(o->as, "out of memory");
    o->path_maps[o->npath_maps][0] = normalise(cli_printf("%.*s", (int)(equals - old_is_new), old_is_new));
    o->path_maps[o->npath_maps++][1] = new ? new : cli_printf("%s", equals + 1);
}

// ---- words -------------------------------------------------------------------------------------------------------

const char *cli_say_strand_short(const json_object *report, int64_t id)
{
    const int64_t goid = cli_json_int(cli_json_by_id(report, "strands", id), "goroutine", 0);
    if (goid > 0) return cli_scratch("G%" PRId64, goid);
    return id == 0 ? "main" : id < 0 ? "?" : cli_scratch("T%" PRId64, id);
}
static const char *say_strand(int64_t id, int64_t goid, const char *name)
{
    if (goid > 0)
        return name ? cli_scratch("goroutine %" PRId64 " \"%s\"", goid, name) : cli_scratch("goroutine %" PRId64, goid);
    if (id == 0) return "main thread";
    if (id < 0) return "an unknown thread";
    return name ? cli_scratch("thread T%" PRId64 " '%s'", id, name) : cli_scratch("thread T%" PRId64, id);
}
const char *cli_say_strand(const json_object *report, int64_t id)
{
    const json_object *const strand = cli_json_by_id(report, "strands", id);
    if (cli_json_bool(strand, "forgotten")) return "a goroutine that ended long ago";
    return say_strand(id, cli_json_int(strand, "goroutine", 0), cli_json_text(strand, "name"));
}
const char *cli_say_creator(const json_object *strand)
{
    return say_strand(cli_json_int(strand, "parent", -1), cli_json_int(strand, "parent_goroutine", 0),
                      cli_json_text(strand, "parent_name"));
}
const char *cli_say_lock(const json_object *report, int64_t id)
{
    const json_object *const lock = cli_json_by_id(report, "locks", id);
    const char *const name = cli_json_text(lock, "name"), *const member = cli_json_text(lock, "member");
    return name ? cli_scratch("%s%s", name, member ? member : "") : cli_scratch("M%" PRId64, id);
}
const char *cli_say_access(const json_object *side)
{
    const char *const by = cli_json_text(side, "by"), *const access = cli_json_text(side, "access");
    if (by && strcmp(by, "program") != 0) return by;
    return cli_scratch("%s%s of size %" PRIu64, cli_json_bool(side, "atomic") ? "atomic " : "",
                       access ? access : "access", cli_json_count(side, "size"));
}
const char *cli_say_location(const json_object *report)
{
    const json_object *const l = cli_json_object(report, "location");
    const char *const where = cli_json_text(l, "where"), *const name = cli_json_text(l, "name");
    const char *const member = cli_json_text(l, "member");
    const int64_t strand = cli_json_int(l, "strand", -1);
    const uint64_t size = cli_json_count(l, "size");
    if (!where) return NULL;
    if (strcmp(where, "heap") == 0)
        return cli_scratch("heap block of size %" PRIu64 " allocated by %s%s", size, cli_say_strand(report, strand),
                           cli_json_bool(l, "freed") ? ", freed by now" : "");
    if (strcmp(where, "stack") == 0) return cli_scratch("stack of %s", cli_say_strand(report, strand));
    if (strcmp(where, "tls") == 0) return cli_scratch("thread-local storage of %s", cli_say_strand(report, strand));
    if (strcmp(where, "global") != 0) return NULL;
    if (!name) return "global variable";
    if (!member) return cli_scratch("global '%s' of size %" PRIu64, name, size);
    return cli_scratch("global '%s' of size %" PRIu64 ", here %s%s", name, size, name, member);
}

// The hint as the log has it speaks of M0 and M1; a lock that has a name is called by that, too.
const char *cli_say_hint(const json_object *report)
{
    const char *const hint = cli_json_text(report, "hint");
    const char *out = "", *from = hint;
    for (const char *p = hint; p && *p;) {
        char *end;
        const bool lock = *p == 'M' && (p == hint || p[-1] == ' ' || p[-1] == '(') && p[1] >= '0' && p[1] <= '9';
        if (!lock) {
            p++;
            continue;
        }
        const long id = strtol(p + 1, &end, 10);
        if (cli_json_text(cli_json_by_id(report, "locks", id), "name")) {
            out = cli_scratch("%s%.*s%s", out, (int)(p - from), from, cli_say_lock(report, id));
            from = end;
        }
        p = end;
    }
    return hint ? cli_scratch("%s%s", out, from) : NULL;
}

const char *cli_say_frame(const json_object *frame, const struct cli_report_options *o)
{
    const char *const function = cli_json_text(frame, "function"), *const file = cli_json_text(frame, "file");
    const char *const module = cli_json_text(frame, "module"), *const offset = cli_json_text(frame, "offset");
    const int64_t line = cli_json_int(frame, "line", 0);
    if (file && line > 0) return cli_scratch("%s %s:%" PRId64, function ? function : "?", cli_path_show(o, file), line);
    if (file) return cli_scratch("%s %s", function ? function : "?", cli_path_show(o, file));
    const char *const slash = module ? strrchr(module, '/') : NULL;
    const char *const base = slash ? slash + 1 : module;
    if (base && offset) return cli_scratch("%s%s%s+%s", function ? function : "", function ? " " : "", base, offset);
    return function ? function : offset ? offset : "?";
}
const char *cli_say_place(const struct cli_place *p, const struct cli_report_options *o)
{
    if (p->file && p->line) return cli_scratch("%s:%d", cli_path_show(o, p->file), p->line);
    if (p->file) return cli_path_show(o, p->file);
    return p->function ? p->function : "an unknown place";
}

static const char *in(const struct cli_place *p, const struct cli_report_options *o)
{
    if (!p->file) return cli_scratch("in %s", p->function ? p->function : "an unknown place");
    return cli_scratch("in %s (%s)", p->function ? p->function : "?", cli_say_place(p, o));
}
static const char *say_cycle(const struct cli_finding *x, const json_object *report, const struct cli_report_options *o)
{
    const json_object *const e = cli_json_at(report, "edges", 0);
    return cli_scratch(
        "%s: %s; %s takes %s while it holds %s %s, and %zu other place%s the other way round",
        x->title ? x->title : x->kind, x->object ? x->object : "locks taken in a cycle",
        cli_say_strand(report, cli_json_int(e, "strand", -1)), cli_say_lock(report, cli_json_int(e, "to", -1)),
        cli_say_lock(report, cli_json_int(e, "from", -1)), in(&x->place[0], o), cli_json_length(report, "edges") - 1,
        cli_json_length(report, "edges") == 2 ? " does it" : "s do it");
}
const char *cli_say_message(const struct cli_finding *x, const json_object *report, const struct cli_report_options *o)
{
    const char *const title = x->title ? x->title : x->kind ? x->kind : "finding";
    const char *const on = x->object ? " on " : "", *const object = x->object ? x->object : "";
    if (cli_report_is_cycle(report)) return say_cycle(x, report, o);
    const json_object *const a = cli_json_at(report, "sides", 0), *const b = cli_json_at(report, "sides", 1);
    if (a && b)
        return cli_scratch("%s%s%s: %s %s and %s %s are not ordered", title, on, object, cli_say_access(a),
                           in(&x->place[0], o), cli_say_access(b), in(&x->place[1], o));
    if (!x->place[0].file && !x->place[0].function) return cli_scratch("%s%s%s", title, on, object);
    return cli_scratch("%s%s%s %s", title, on, object, in(&x->place[0], o));
}
