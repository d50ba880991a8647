// detector/print_json.c: a finding as one line of JSON. docs/report-format.md specifies every field.
// Objects and members are written in the order of that page; a member that does not apply is left out.
#include <fcntl.h>
#include <time.h>

#include "base/date.h"
#include "base/env.h"
#include "base/flags.h"
#include "base/sys.h"
#include "detector/print.h"
#include "detector/stack.h"

enum { FORMAT_VERSION = 1 };
static const char *test_name;                       // RAVEL_TEST_NAME; NULL: not set
static void (*ask_test_name)(struct base_buf *out); // NULL: nobody knows

// ---- values --------------------------------------------------------------------------------------------------

// How many bytes the UTF-8 character at p has; 0: it is none.
static int utf8_length(const unsigned char *p)
{
    const int n = p[0] < 0x80                   ? 1
                  : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                  : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                  : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                : 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0)) return 0; // too long; a surrogate
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90)) return 0; // too long; beyond U+10FFFF
    return n;
}
static void put_char(struct base_buf *b, const unsigned char **p)
{
    const unsigned char c = **p;
    const int n = utf8_length(*p);
    if (c == '"' || c == '\\')
        base_putf(b, "\\%c", c);
    else if (c == '\n' || c == '\t' || c == '\r')
        base_putf(b, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else if (c < 0x20 || c == 0x7f)
        base_putf(b, "\\u%04x", c);
    else if (!n)
        base_puts(b, "\\ufffd");
    else
        base_putn(b, (const char *)*p, (size_t)n);
    *p += n ? n : 1;
}
static void put_text(struct base_buf *b, const char *s)
{
    base_puts(b, "\"");
    for (const unsigned char *p = (const unsigned char *)s; *p;) put_char(b, &p);
    base_puts(b, "\"");
}
// A member's name, with the comma in front where one is due.
static void key(struct base_buf *b, const char *name)
{
    const char last = b->n ? b->p[b->n - 1] : '{';
    base_putf(b, "%s\"%s\":", last == '{' || last == '[' ? "" : ",", name);
}
static void comma(struct base_buf *b)
{
    if (b->n && b->p[b->n - 1] != '[') base_puts(b, ",");
}
static void member_text(struct base_buf *b, const char *name, const char *value)
{
    if (!value) return;
    key(b, name);
    put_text(b, value);
}
static void member_number(struct base_buf *b, const char *name, uint64_t value)
{
    key(b, name);
    base_putf(b, "%lu", value);
}
static void member_hex(struct base_buf *b, const char *name, uintptr_t value)
{
    key(b, name);
    base_putf(b, "\"0x%lx\"", value);
}
static void member_bool(struct base_buf *b, const char *name, bool value)
{
    key(b, name);
    base_puts(b, value ? "true" : "false");
}

static void member_time(struct base_buf *b)
{
    struct timespec t;
    sys_call2(SYS_clock_gettime, CLOCK_REALTIME, &t);
    const struct base_date d = base_date_of((unsigned long)t.tv_sec);
    const unsigned long of_day = (unsigned long)t.tv_sec % 86400;
    key(b, "time");
    base_putf(b, "\"%04lu-%02lu-%02luT%02lu:%02lu:%02lu.%03luZ\"", d.year, d.month, d.day, of_day / 3600,
              of_day / 60 % 60, of_day % 60, (unsigned long)t.tv_nsec / 1000000);
}
// Which test it is may change while the process runs, and matters where something was found.
static void member_test(struct base_buf *b, bool in_report)
{
    BASE_BUF(name, 256);
    if (in_report && ask_test_name) ask_test_name(&name);
    member_text(b, "test", name.n ? name.p : test_name);
}
static void open_line(struct base_buf *b, const char *type)
{
    base_puts(b, "{");
    member_text(b, "type", type);
    member_number(b, "v", FORMAT_VERSION);
    member_text(b, "ravel", RAVEL_VERSION);
    member_number(b, "pid", (uint64_t)sys_getpid());
    member_text(b, "process", det_log_process_name());
    member_time(b);
    member_test(b, base_strcmp(type, "report") == 0);
}

// ---- parts of a report ---------------------------------------------------------------------------------------

static void put_frame(struct base_buf *b, const struct det_shown *s)
{
    comma(b);
    base_puts(b, "{");
    member_text(b, "function", s->function);
    member_text(b, "file", s->file);
    if (s->line) member_number(b, "line", s->line);
    if (s->column) member_number(b, "column", s->column);
    if (s->inlined) member_bool(b, "inlined", true);
    if (s->place->module) {
        member_text(b, "module", s->place->module->path);
        if (s->place->module->build_id[0]) member_text(b, "build_id", s->place->module->build_id);
    }
    member_hex(b, "offset", s->place->offset);
    base_puts(b, "}");
}
static void member_stack(struct base_buf *b, const char *name, const struct det_stack *stack)
{
    struct det_shown s;
    key(b, name);
    base_puts(b, "[");
    for (struct det_frames i = det_frames_of(stack); det_frames_next(&i, &s);) put_frame(b, &s);
    base_puts(b, "]");
}
static void member_last_sync(struct base_buf *b, const struct det_report *r, const struct det_last_sync *l)
{
    static const char *const names[DET_SYNC_KINDS] = {
        [DET_SYNC_START] = "start",
        [DET_SYNC_CREATE] = "create",
        [DET_SYNC_JOIN] = "join",
        [DET_SYNC_LOCK] = "lock",
        [DET_SYNC_UNLOCK] = "unlock",
        [DET_SYNC_READ_LOCK] = "read-lock",
        [DET_SYNC_READ_UNLOCK] = "read-unlock",
        [DET_SYNC_RELOCK] = "relock",
        [DET_SYNC_WAIT] = "wait",
        [DET_SYNC_SIGNAL] = "signal",
        [DET_SYNC_BROADCAST] = "broadcast",
        [DET_SYNC_BARRIER] = "barrier",
        [DET_SYNC_RELEASE] = "release",
        [DET_SYNC_ACQUIRE] = "acquire",
        [DET_SYNC_ATOMIC_RELEASE] = "atomic-release",
        [DET_SYNC_ATOMIC_ACQUIRE] = "atomic-acquire",
        [DET_SYNC_FENCE] = "fence",
    };
    if (l->what == DET_SYNC_UNKNOWN) return;
    key(b, "last_sync");
    base_puts(b, "{");
    member_text(b, "what", names[l->what]);
    if (l->of == DET_SYNC_OF_LOCK) member_number(b, "lock", r->locks[l->index].id);
    if (l->of == DET_SYNC_OF_STRAND) member_number(b, "strand", r->strands[l->index].id);
    if (l->of == DET_SYNC_OF_ADDRESS) member_hex(b, "address", l->addr);
    if (l->or_later) member_bool(b, "or_later", true);
    member_stack(b, "stack", &l->stack);
    if (l->stack.cut) member_bool(b, "stack_cut", true);
    base_puts(b, "}");
}
static void put_side(struct base_buf *b, const struct det_report *r, const struct det_side *s)
{
    static const char *const origins[] = {"program", "malloc", "free"};
    comma(b);
    base_puts(b, "{");
    member_number(b, "strand", r->strands[s->strand].id);
    member_text(b, "access", s->kind & DET_WRITE ? "write" : "read");
    member_bool(b, "atomic", s->kind & 2);
    member_text(b, "by", origins[s->origin]);
    member_hex(b, "address", s->addr);
    member_number(b, "size", s->size);
    key(b, "locks");
    base_puts(b, "[");
    for (uint32_t i = 0; i < s->nheld; i++) {
        comma(b);
        base_puts(b, "{");
        member_number(b, "lock", r->locks[s->held[i].lock].id);
        member_text(b, "mode", s->held[i].read ? "read" : "write");
        base_puts(b, "}");
    }
    base_puts(b, "]");
    if (s->held_cut) member_bool(b, "locks_cut", true);
    member_stack(b, "stack", &s->stack);
    if (s->stack.cut) member_bool(b, "stack_cut", true);
    member_last_sync(b, r, &s->last_sync);
    base_puts(b, "}");
}
static void put_global(struct base_buf *b, const struct det_global *g)
{
    member_text(b, "where", g->name ? "global" : "unknown");
    if (g->module) {
        member_text(b, "module", g->module->path);
        if (g->module->build_id[0]) member_text(b, "build_id", g->module->build_id);
        member_hex(b, "offset", g->offset);
    }
    if (!g->name) return;
    member_text(b, "name", g->name);
    if (g->member[0]) member_text(b, "member", g->member);
    member_hex(b, "address", g->start);
    member_number(b, "size", g->size);
    if (g->file && g->line) {
        member_text(b, "file", det_shown_path(g->file));
        member_number(b, "line", g->line);
    }
}
static void member_location(struct base_buf *b, const struct det_finding *f)
{
    const struct det_location *l = &f->r->location;
    key(b, "location");
    base_puts(b, "{");
    switch (l->where) {
    case DET_WHERE_HEAP:
        member_text(b, "where", "heap");
        member_hex(b, "address", l->addr);
        member_number(b, "size", l->size);
        member_number(b, "strand", f->r->strands[l->strand].id);
        member_bool(b, "freed", l->freed);
        member_stack(b, "allocated", &l->allocated);
        break;
    case DET_WHERE_STACK:
    case DET_WHERE_TLS:
        member_text(b, "where", l->where == DET_WHERE_STACK ? "stack" : "tls");
        member_number(b, "strand", f->r->strands[l->strand].id);
        break;
    case DET_WHERE_GLOBAL:
    case DET_WHERE_UNKNOWN: put_global(b, &f->global); break;
    }
    base_puts(b, "}");
}
static void put_edge(struct base_buf *b, const struct det_report *r, const struct det_edge *e)
{
    comma(b);
    base_puts(b, "{");
    member_number(b, "strand", r->strands[e->strand].id);
    member_number(b, "from", r->locks[e->from].id);
    member_text(b, "from_mode", e->from_read ? "read" : "write");
    member_number(b, "to", r->locks[e->to].id);
    member_text(b, "to_mode", e->to_read ? "read" : "write");
    member_stack(b, "from_stack", &e->from_stack);
    member_stack(b, "to_stack", &e->to_stack);
    base_puts(b, "}");
}
static void put_strand(struct base_buf *b, const struct det_strand_info *s)
{
    comma(b);
    base_puts(b, "{");
    member_number(b, "id", s->id);
    if (s->goid)
        member_number(b, "goroutine", s->goid);
    else if (s->forgotten)
        member_bool(b, "forgotten", true);
    else
        member_number(b, "tid", (uint64_t)s->tid);
    if (s->name[0]) member_text(b, "name", s->name);
    member_bool(b, "running", s->running);
    if (s->has_parent) {
        member_number(b, "parent", s->parent_id);
        if (s->parent_goid) member_number(b, "parent_goroutine", s->parent_goid);
        if (s->parent_name[0]) member_text(b, "parent_name", s->parent_name);
    }
    member_stack(b, "created", &s->created);
    base_puts(b, "}");
}
static void put_lock(struct base_buf *b, const struct det_lock_info *l)
{
    comma(b);
    base_puts(b, "{");
    member_number(b, "id", l->id);
    member_hex(b, "address", l->addr);
    member_text(b, "kind", l->flags & DET_LOCK_RW ? "rwlock" : l->flags & DET_LOCK_SPIN ? "spinlock" : "mutex");
    const struct det_global g = det_symbolize_data(l->addr);
    if (g.name) {
        member_text(b, "name", g.name);
        if (g.member[0]) member_text(b, "member", g.member);
    }
    member_bool(b, "destroyed", l->destroyed);
    member_stack(b, "created", &l->created);
    base_puts(b, "}");
}

// ---- lines ---------------------------------------------------------------------------------------------------

static void put_race(struct base_buf *b, const struct det_finding *f)
{
    const struct det_report *r = f->r;
    member_hex(b, "address", r->addr);
    member_number(b, "size", r->size);
    key(b, "sides");
    base_puts(b, "[");
    put_side(b, r, &r->side[0]);
    put_side(b, r, &r->side[1]);
    base_puts(b, "]");
    member_location(b, f);
}
static void put_cycle(struct base_buf *b, const struct det_report *r)
{
    static const char *const classes[] = {"feasible", "ordered", "guarded", "single-strand", "read-read"};
    member_text(b, "class", classes[r->cycle_class]);
    key(b, "edges");
    base_puts(b, "[");
    for (uint32_t i = 0; i < r->nedges; i++) put_edge(b, r, &r->edges[i]);
    base_puts(b, "]");
}
void det_json_report(struct base_buf *b, const struct det_finding *f)
{
    const struct det_report *r = f->r;
    open_line(b, "report");
    member_text(b, "kind", f->kind);
    member_text(b, "title", f->title);
    member_text(b, "fingerprint", f->fingerprint);
    member_text(b, "hint", f->hint);
    if (det_seeded()) member_text(b, "sched", base_flags.sched);
    if (r->kind == DET_REPORT_LOCK_CYCLE)
        put_cycle(b, r);
    else
        put_race(b, f);
    key(b, "strands");
    base_puts(b, "[");
    for (uint32_t i = 0; i < r->nstrands; i++) put_strand(b, &r->strands[i]);
    base_puts(b, "]");
    key(b, "locks");
    base_puts(b, "[");
    for (uint32_t i = 0; i < r->nlocks; i++) put_lock(b, &r->locks[i]);
    base_puts(b, "]}\n");
}

void det_json_start(void) { test_name = base_env("RAVEL_TEST_NAME"); }
void det_json_test_names(void (*ask)(struct base_buf *out)) { ask_test_name = ask; }
void det_json_test(struct base_buf *b, const char *test, const char *name)
{
    open_line(b, "test");
    member_text(b, "test", test);
    member_text(b, "name", name);
    base_puts(b, "}\n");
}
static void member_command(struct base_buf *b)
{
    char text[4096];
    const long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    const long n = fd < 0 ? 0 : sys_read((int)fd, text, sizeof text - 1);
    if (fd >= 0) sys_call1(SYS_close, fd);
    key(b, "command");
    base_puts(b, "[");
    text[n > 0 ? n : 0] = 0;
    for (long at = 0; at < n; at += (long)base_strlen(text + at) + 1) {
        comma(b);
        put_text(b, text + at);
    }
    base_puts(b, "]");
}
void det_json_process(struct base_buf *b)
{
    char directory[4096] = "";
    open_line(b, "process");
    member_number(b, "ppid", (uint64_t)sys_call0(SYS_getppid));
    member_command(b);
    if (sys_call2(SYS_getcwd, directory, sizeof directory) > 0) member_text(b, "directory", directory);
    base_puts(b, "}\n");
}
static void member_stats(struct base_buf *b, const struct det_totals *t)
{
    const struct det_stats *s = &t->stats;
    key(b, "stats");
    base_puts(b, "{");
    member_number(b, "races", s->races);
    member_number(b, "lock_cycles", s->lock_cycles);
    member_number(b, "strands", s->strands);
    member_number(b, "locks", s->locks);
    member_number(b, "sync_objects", s->sync_objects);
    member_number(b, "stamps", s->stamps);
    member_number(b, "records", s->records);
    member_number(b, "clocks", s->clocks);
    member_number(b, "sites", s->sites);
    member_number(b, "frames", det_stack_count());
    member_number(b, "sweeps", s->sweeps);
    member_number(b, "sweep_ns", s->sweep_ns);
    member_number(b, "bytes", s->bytes);
    base_puts(b, "}");
}
static void member_suppressions(struct base_buf *b)
{
    const struct det_suppression *s = det_suppressions();
    if (!s) return;
    key(b, "suppressions");
    base_puts(b, "[");
    for (; s; s = s->next) {
        comma(b);
        base_puts(b, "{");
        member_text(b, "pattern", s->text);
        member_text(b, "file", base_flags.suppressions);
        member_number(b, "line", (uint64_t)s->line);
        member_number(b, "hits", s->hits);
        if (s->expired) member_bool(b, "expired", true);
        base_puts(b, "}");
    }
    base_puts(b, "]");
}
void det_json_summary(struct base_buf *b, const struct det_totals *t)
{
    open_line(b, "summary");
    member_number(b, "reports", t->bugs);
    member_number(b, "findings", t->findings);
    member_number(b, "suppressed", t->suppressed);
    member_suppressions(b);
    key(b, "bugs");
    base_puts(b, "[");
    for (uint32_t i = 0; i < t->bugs; i++) {
        comma(b);
        base_puts(b, "{");
        member_text(b, "fingerprint", t->counts[i].fingerprint);
        member_number(b, "hits", t->counts[i].hits);
        member_number(b, "paths", t->counts[i].paths);
        base_puts(b, "}");
    }
    base_puts(b, "]");
    if (t->ended >= 0) member_number(b, "ended", (uint64_t)t->ended);
    member_number(b, "trouble", (uint64_t)base_flags_trouble());
    member_number(b, "given_up", t->stats.given_up + t->frames_lost);
    member_number(b, "dropped_in_handler", t->stats.dropped_in_handler);
    if (base_flags.stats) member_stats(b, t);
    base_puts(b, "}\n");
}
