// findings.c: reads logs, and merges what they say by fingerprint.
//
// What the lines of one process say belongs together: how often a finding was met stands in the process's summary, and
// counts as once for every report where there is none. So while a file is read, a `struct stream` for each pid holds what
// its process has told so far. It ends with the summary; or with another `process` line of that pid, after an exec or
// because the log was joined from those of many machines; or with the file.
//
// A line may be damaged: cut where its writer was killed, and then the next one, whole, continues it. What cannot be
// parsed is counted once, and parsing goes on where the next line of our format seems to begin.
#include "cli/findings.h"

#include "cli/json.h"
#include "cli/lines.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1 }; // of the format

// A finding that a process reported.
struct told {
    UT_hash_handle hh;
    struct cli_finding *finding; // the key
    uint64_t reports, paths;
    uint64_t hits; // 0: the summary did not say
    char *test;    // in which it was reported; NULL: not known. A `test` line may give it another name
};
struct stream {
    UT_hash_handle hh;
    int64_t pid;
    bool began; // with a `process` line
    struct told *told;
};
struct reader {
    struct cli_findings *f;
    struct stream *streams;
    uint64_t at; // of the object being read
    size_t length;
};

static char *copy(const char *text) { return text ? cli_printf("%s", text) : NULL; }
static void add(uint64_t *sum, uint64_t n) { *sum = *sum + n < n ? UINT64_MAX : *sum + n; }

void cli_name_count(struct cli_name **set, const char *text)
{
    struct cli_name *x;
    HASH_FIND_STR(*set, text, x);
    if (!x) {
        x = cli_alloc(sizeof *x);
        x->text = copy(text);
        HASH_ADD_KEYPTR(hh, *set, x->text, strlen(x->text), x);
    }
    x->count++;
}

// ---- the set of findings -----------------------------------------------------------------------------------------

struct cli_finding *cli_findings_get(struct cli_findings *f, const char *fingerprint)
{
    struct cli_finding *x;
    HASH_FIND_STR(f->all, fingerprint, x);
    return x;
}
struct cli_finding *cli_findings_add(struct cli_findings *f, const char *fingerprint)
{
    struct cli_finding *x = cli_findings_get(f, fingerprint);
    if (x) return x;
    x = cli_alloc(sizeof *x);
    snprintf(x->fingerprint, sizeof x->fingerprint, "%s", fingerprint);
    HASH_ADD_STR(f->all, fingerprint, x);
    return x;
}
void cli_findings_next_run(struct cli_findings *f) { f->runs++; }

static int by_place(const struct cli_finding *a, const struct cli_finding *b)
{
    const struct cli_place *const p = &a->place[0], *const q = &b->place[0];
    if (!p->file != !q->file) return p->file ? -1 : 1; // those with a file come first
    int order = p->file ? strcmp(p->file, q->file) : 0;
    if (!order) order = (p->line > q->line) - (p->line < q->line);
    if (!order) order = (p->column > q->column) - (p->column < q->column);
    return order ? order : strcmp(a->fingerprint, b->fingerprint);
}
void cli_findings_sort(struct cli_findings *f) { HASH_SORT(f->all, by_place); }

static void free_names(struct cli_name *set)
{
    struct cli_name *x, *next;
    HASH_ITER(hh, set, x, next)
    {
        HASH_DEL(set, x);
        free(x->text);
        free(x);
    }
}
static void free_finding(struct cli_finding *x)
{
    free(x->kind), free(x->title), free(x->object);
    for (int i = 0; i < 2; i++) free(x->place[i].file), free(x->place[i].function);
    free_names(x->tests);
    free_names(x->programs);
    free(x);
}
static void free_suppressions(struct cli_findings *f)
{
    struct cli_suppression *x, *next;
    HASH_ITER(hh, f->suppressions, x, next)
    {
        HASH_DEL(f->suppressions, x);
        free(x->key), free(x->pattern), free(x->file);
        free(x);
    }
}
void cli_findings_free(struct cli_findings *f)
{
    struct cli_finding *x, *next;
    free_suppressions(f);
    HASH_ITER(hh, f->all, x, next)
    {
        HASH_DEL(f->all, x);
        free_finding(x);
    }
    for (uint32_t i = 0; i < f->nlogs; i++) free(f->logs[i]);
    free(f->logs);
    *f = (struct cli_findings){0};
}

// ---- what a report says in short ---------------------------------------------------------------------------------

static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
static char *symbol(const json_object *frame)
{
    const char *const function = cli_json_text(frame, "function");
    const char *const module = cli_json_text(frame, "module"), *const offset = cli_json_text(frame, "offset");
    if (function) return copy(function);
    if (!offset) return NULL;
    return module ? cli_printf("%s+%s", base_name(module), offset) : copy(offset);
}
static struct cli_place place_of(const json_object *frame)
{
    const char *const file = cli_json_text(frame, "file");
    const int64_t line = cli_json_int(frame, "line", 0), column = cli_json_int(frame, "column", 0);
    return (struct cli_place){.file = copy(file),
                              .function = symbol(frame),
                              .line = file && line > 0 && line < INT32_MAX ? (int)line : 0,
                              .column = file && column > 0 && column < INT32_MAX ? (int)column : 0};
}
// The innermost frame with a source file, or if there is none, the innermost.
static struct cli_place innermost(const json_object *holder, const char *stack)
{
    const size_t n = cli_json_length(holder, stack);
    for (size_t i = 0; i < n; i++) {
        const json_object *const frame = cli_json_at(holder, stack, i);
        if (cli_json_text(frame, "file")) return place_of(frame);
    }
    return place_of(cli_json_at(holder, stack, 0));
}

static char *strand_name(const json_object *report, int64_t id)
{
    const json_object *const strand = cli_json_by_id(report, "strands", id);
    const char *const name = cli_json_text(strand, "name");
    const int64_t goid = cli_json_int(strand, "goroutine", 0);
    if (id == 0) return copy("main thread");
    if (goid > 0) return name ? cli_printf("goroutine \"%s\"", name) : copy("a goroutine");
    return name ? cli_printf("thread '%s'", name) : cli_printf("thread T%" PRId64, id);
}
static char *object_of_race(const json_object *report)
{
    const json_object *const location = cli_json_object(report, "location");
    const char *const where = cli_json_text(location, "where"), *const name = cli_json_text(location, "name");
    if (!where) return NULL;
    if (strcmp(where, "global") == 0) return name ? cli_printf("global '%s'", name) : copy("global");
    if (strcmp(where, "heap") == 0) return cli_printf("heap block of size %" PRIu64, cli_json_count(location, "size"));
    const char *const what = strcmp(where, "stack") == 0 ? "stack" : strcmp(where, "tls") == 0 ? "thread-local" : NULL;
    if (!what) return NULL;
    char *const owner = strand_name(report, cli_json_int(location, "strand", -1));
    char *const text = cli_printf("%s of %s", what, owner);
    free(owner);
    return text;
}

static char *lock_name(const json_object *report, int64_t id)
{
    const json_object *const lock = cli_json_by_id(report, "locks", id);
    const char *const name = cli_json_text(lock, "name"), *const member = cli_json_text(lock, "member");
    return name ? cli_printf("%s%s", name, member ? member : "") : cli_printf("M%" PRId64, id);
}
enum { LONGEST_CYCLE_SHOWN = 8 };
static char *object_of_cycle(const json_object *report)
{
    const size_t n = cli_json_length(report, "edges"), shown = n < LONGEST_CYCLE_SHOWN ? n : LONGEST_CYCLE_SHOWN;
    if (n == 0) return NULL;
    char *text = NULL;
    size_t size;
    FILE *const out = open_memstream(&text, &size);
    if (!out) cli_die("", "out of memory");
    for (size_t i = 0; i <= shown; i++) {
        char *const lock = lock_name(report, cli_json_int(cli_json_at(report, "edges", i % n), "from", -1));
        if (i) fputs(" => ", out);
        if (i == shown && shown < n)
            fprintf(out, "... (%zu locks)", n);
        else
            fputs(lock, out);
        free(lock);
    }
    fclose(out);
    return text;
}

static void describe(struct cli_finding *x, const json_object *report)
{
    const bool cycle = cli_json_length(report, "edges") > 0;
    const char *const kind = cli_json_text(report, "kind"), *const title = cli_json_text(report, "title");
    free(x->kind), free(x->title);
    x->kind = copy(kind ? kind : "unknown");
    x->title = copy(title ? title : x->kind);
    for (size_t i = 0; i < 2; i++) {
        const json_object *const side = cli_json_at(report, cycle ? "edges" : "sides", i);
        x->place[i] = innermost(side, cycle ? "to_stack" : "stack");
    }
    x->object = cycle ? object_of_cycle(report) : object_of_race(report);
}

// ---- streams -----------------------------------------------------------------------------------------------------

static struct told *told_of(struct stream *s, struct cli_finding *x)
{
    struct told *t;
    HASH_FIND_PTR(s->told, &x, t);
    if (t) return t;
    t = cli_alloc(sizeof *t);
    t->finding = x;
    HASH_ADD_PTR(s->told, finding, t);
    return t;
}
static void stream_ends(struct reader *r, struct stream *s, bool with_summary)
{
    struct told *t, *next;
    HASH_ITER(hh, s->told, t, next)
    {
        struct cli_finding *const x = t->finding;
        add(&x->hits, t->hits > t->reports ? t->hits : t->reports);
        add(&x->paths, t->paths ? t->paths : 1);
        if (t->test) cli_name_count(&x->tests, t->test);
        HASH_DEL(s->told, t);
        free(t->test);
        free(t);
    }
    if (s->began && !with_summary) r->f->unfinished++;
    HASH_DEL(r->streams, s);
    free(s);
}

// Of a log that was joined from many, the processes that were killed never end. So that they do not add up, the one that
// has said nothing for longest ends when there are more than this.
enum { MOST_OPEN = 256 };
static struct stream *stream_of(struct reader *r, const json_object *line)
{
    const int64_t pid = cli_json_int(line, "pid", -1);
    struct stream *s;
    HASH_FIND(hh, r->streams, &pid, sizeof pid, s);
    if (s && !s->hh.next) return s; // it spoke last, too
    if (s) {
        HASH_DEL(r->streams, s);
    } else {
        s = cli_alloc(sizeof *s);
        s->pid = pid;
    }
    HASH_ADD(hh, r->streams, pid, sizeof s->pid, s);
    if (HASH_COUNT(r->streams) > MOST_OPEN) stream_ends(r, r->streams, false);
    return s;
}

static void process_line(struct reader *r, const json_object *line)
{
    stream_ends(r, stream_of(r, line), false);
    stream_of(r, line)->began = true;
    r->f->processes++;
}

// A finding is told of by a process for the first time.
static struct told *first_told(struct reader *r, struct stream *s, const char *fingerprint)
{
    struct cli_finding *const x = cli_findings_add(r->f, fingerprint);
    if (!x->kind) {
        x->kind = copy("unknown");
        x->title = copy("finding whose report was lost");
    }
    struct told *const t = told_of(s, x);
    if (t->reports || t->hits) return t;
    x->processes++;
    if (x->last_run != r->f->runs) x->runs++;
    x->last_run = r->f->runs;
    return t;
}
static bool is_fingerprint(const char *text)
{
    return text && strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
}
// The test that a strand of the report was labelled with: tests may run side by side in one process, and then this says
// more than the process can.
static const char *labelled_test(const json_object *report)
{
    static const char *const parts[] = {"sides", "edges"};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < cli_json_length(report, parts[k]); i++) {
            const int64_t id = cli_json_int(cli_json_at(report, parts[k], i), "strand", -1);
            const json_object *const strand = cli_json_by_id(report, "strands", id);
            const char *const test = cli_json_text(cli_json_object(strand, "labels"), "test");
            if (test) return test;
        }
    return NULL;
}
static bool report_line(struct reader *r, const json_object *line)
{
    const char *const fingerprint = cli_json_text(line, "fingerprint");
    if (!is_fingerprint(fingerprint)) return false;
    struct told *const t = first_told(r, stream_of(r, line), fingerprint);
    struct cli_finding *const x = t->finding;
    r->f->reports++;
    if (t->reports++ == 0) {
        const char *const program = cli_json_text(line, "process"), *const label = labelled_test(line);
        t->test = copy(label ? label : cli_json_text(line, "test"));
        if (program) cli_name_count(&x->programs, program);
    }
    if (x->length) return true;
    describe(x, line);
    x->log = r->f->nlogs - 1;
    x->at = r->at;
    x->length = r->length;
    return true;
}

static void test_line(struct reader *r, const json_object *line)
{
    const char *const test = cli_json_text(line, "test"), *const name = cli_json_text(line, "name");
    if (!test || !name) return;
    for (struct told *t = stream_of(r, line)->told; t; t = t->hh.next) {
        if (!t->test || strcmp(t->test, test) != 0) continue;
        free(t->test);
        t->test = copy(name);
    }
}
static void suppression(struct cli_findings *f, const json_object *told)
{
    const char *const pattern = cli_json_text(told, "pattern"), *const file = cli_json_text(told, "file");
    const int64_t line = cli_json_int(told, "line", 0);
    if (!pattern || !file) return;
    char *const key = cli_printf("%s:%" PRId64 ": %s", file, line, pattern);
    struct cli_suppression *x;
    HASH_FIND_STR(f->suppressions, key, x);
    if (!x) {
        x = cli_alloc(sizeof *x);
        *x = (struct cli_suppression){.key = copy(key), .pattern = copy(pattern), .file = copy(file), .line = line};
        HASH_ADD_KEYPTR(hh, f->suppressions, x->key, strlen(x->key), x);
    }
    free(key);
    add(&x->hits, cli_json_count(told, "hits"));
    x->expired |= cli_json_bool(told, "expired");
}
static void summary_line(struct reader *r, const json_object *line)
{
    struct stream *const s = stream_of(r, line);
    const size_t n = cli_json_length(line, "bugs");
    for (size_t i = 0; i < n; i++) {
        const json_object *const bug = cli_json_at(line, "bugs", i);
        const char *const fingerprint = cli_json_text(bug, "fingerprint");
        if (!is_fingerprint(fingerprint)) continue;
        struct told *const t = first_told(r, s, fingerprint);
        const uint64_t hits = cli_json_count(bug, "hits");
        t->hits = hits ? hits : 1;
        t->paths = cli_json_count(bug, "paths");
    }
    const size_t rules = cli_json_length(line, "suppressions");
    for (size_t i = 0; i < rules; i++) suppression(r->f, cli_json_at(line, "suppressions", i));
    add(&r->f->suppressed, cli_json_count(line, "suppressed"));
    add(&r->f->trouble, cli_json_count(line, "trouble"));
    add(&r->f->given_up, cli_json_count(line, "given_up"));
    stream_ends(r, s, true);
}

// ---- lines -------------------------------------------------------------------------------------------------------

static void object(struct reader *r, const json_object *line)
{
    const char *const type = cli_json_text(line, "type");
    const int64_t version = cli_json_int(line, "v", -1);
    bool good = type && version >= 0;
    if (good && version != VERSION)
        r->f->foreign++;
    else if (good && strcmp(type, "process") == 0)
        process_line(r, line);
    else if (good && strcmp(type, "report") == 0)
        good = report_line(r, line);
    else if (good && strcmp(type, "test") == 0)
        test_line(r, line);
    else if (good && strcmp(type, "summary") == 0)
        summary_line(r, line);
    if (!good) r->f->cut_lines++;
}

static const char start[] = "{\"type\":\"";

static bool has(const char *text, size_t length, const char *what) { return memmem(text, length, what, strlen(what)); }

// Most of a large log repeats findings that are known. Of such a line only what stands before the end of its fingerprint
// is parsed, as an object of its own; that takes a tenth of the time. False: the line has to be read in full. It does,
// too, where members that count stand behind, which the program's own logs never have, or where another line begins.
static bool known_report(struct reader *r, const struct cli_lines *l)
{
    static const char report[] = "{\"type\":\"report\",", key[] = "\"fingerprint\":\"";
    enum { KEY = sizeof key - 1, DIGITS = 16, FARTHEST = 2000 };
    char head[FARTHEST + 2], fingerprint[DIGITS + 1] = "";
    if (!l->newline || l->length < sizeof report || memcmp(l->text, report, sizeof report - 1) != 0) return false;
    const char *const at = memmem(l->text, l->length < FARTHEST ? l->length : FARTHEST, key, KEY);
    const size_t n =
        at ? (size_t)(at - l->text) + KEY + DIGITS + 1 : SIZE_MAX; // the head's length, with its last quote
    if (n >= FARTHEST || n >= l->length || l->text[l->length - 1] != '}') return false;
    memcpy(fingerprint, at + KEY, DIGITS);
    const struct cli_finding *const x = cli_findings_get(r->f, fingerprint);
    const char *const rest = l->text + n;
    const size_t left = l->length - n;
    if (!x || !x->length || has(rest, left, start) || has(rest, left, "\"test\":") || has(rest, left, "\"process\":") ||
        has(rest, left, "\"pid\":"))
        return false;
    memcpy(head, l->text, n);
    head[n] = '}';
    size_t used;
    json_object *const o = cli_json_parse(head, n + 1, &used);
    const bool good = o && used == n + 1 && cli_json_int(o, "v", -1) == VERSION && report_line(r, o);
    json_object_put(o);
    return good;
}

// A line, and whatever lines were pasted together in it.
static void line(struct reader *r, struct cli_lines *l)
{
    r->f->lines++;
    if (known_report(r, l)) return;
    if (l->cut) r->f->cut_lines++;
    for (size_t i = 0, used; i < l->length; i += used) {
        json_object *const o = cli_json_parse(l->text + i, l->length - i, &used);
        if (o) {
            r->at = l->at + i;
            r->length = used;
            object(r, o);
            json_object_put(o);
        } else {
            r->f->cut_lines++;
            const char *const from = l->text + i + 1;
            const char *const next = memmem(from, l->length - i - 1, start, strlen(start));
            used = next ? (size_t)(next - l->text) - i : l->length - i;
        }
        while (i + used < l->length && strchr(" \t\r", l->text[i + used]) && l->text[i + used]) used++;
    }
}

static void add_log(struct cli_findings *f, const char *path)
{
    if ((f->nlogs & (f->nlogs - 1)) == 0) {
        f->logs = realloc(f->logs, (f->nlogs ? f->nlogs * 2 : 1) * sizeof *f->logs);
        if (!f->logs) cli_die("", "out of memory");
    }
    f->logs[f->nlogs++] = copy(path);
}

struct reading {
    struct cli_findings *f;
    const char *as;
};
static void read_file(void *context, const char *path)
{
    const struct reading *const x = context;
    struct reader r = {.f = x->f};
    struct cli_lines l;
    cli_lines_open(&l, x->as, path);
    add_log(x->f, path);
    while (cli_lines_next(&l)) line(&r, &l);
    cli_lines_close(&l);
    struct stream *s, *next;
    HASH_ITER(hh, r.streams, s, next) stream_ends(&r, s, false);
}
void cli_findings_read(struct cli_findings *f, const char *as, const char *path)
{
    if (f->runs == 0) f->runs = 1;
    cli_files(as, path, read_file, &(struct reading){f, as});
}

json_object *cli_finding_report(const struct cli_findings *f, const struct cli_finding *x)
{
    if (x->length == 0 || x->log >= f->nlogs) return NULL;
    const int fd = open(f->logs[x->log], O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    char *const text = cli_alloc(x->length);
    size_t got = 0, used;
    for (ssize_t n = 1; got < x->length && n > 0; got += n > 0 ? (size_t)n : 0)
        n = pread(fd, text + got, x->length - got, (off_t)(x->at + got));
    close(fd);
    json_object *const o = got == x->length ? cli_json_parse(text, x->length, &used) : NULL;
    free(text);
    return o;
}
