// detector/print_text.c: a finding as text, in the shape that readers, editors and scripts know from ThreadSanitizer,
// line by line, with our name in its place. Additions of ours are on lines of their own (Hint, last synchronisation) or
// at the ends of lines.
#include "base/flags.h"
#include "base/sys.h"
#include "detector/print.h"
#include "detector/stack.h"

enum color { PLAIN, HEAD, ACCESS, PLACE, LOCK, STRAND, MEND };
static const char *const codes[] = {"\033[0m",         "\033[1m\033[31m", "\033[1m\033[34m", "\033[1m\033[32m",
                                    "\033[1m\033[35m", "\033[1m\033[36m", "\033[1m"};
struct page {
    struct base_buf *out;
    const struct det_finding *f;
    bool color;
};
static void paint(const struct page *p, enum color c)
{
    if (p->color) base_puts(p->out, codes[c]);
}
#define PUT(p, ...) base_putf((p)->out, __VA_ARGS__)

// ---- stacks --------------------------------------------------------------------------------------------------

static void put_place(const struct page *p, const struct det_place *place, bool named)
{
    const struct det_module *m = place->module;
    if (!m) {
        PUT(p, " (0x%lx)", place->offset);
        return;
    }
    PUT(p, " (%s+0x%lx)", m->name, place->offset);
    if (!named && m->build_id[0]) PUT(p, " (BuildId: %s)", m->build_id);
}
static void put_line(const struct page *p, const struct det_shown *s)
{
    if (!s->file) {
        PUT(p, " <null>");
        return;
    }
    PUT(p, " %s", s->file);
    if (s->line) PUT(p, ":%u", s->line);
    if (s->line && s->column) PUT(p, ":%u", s->column);
}
static void put_frames(const struct page *p, const struct det_stack *stack, enum det_origin origin)
{
    struct det_shown s;
    int n = 0;
    if (origin != DET_BY_PROGRAM) PUT(p, "    #%d %s <null>\n", n++, origin == DET_BY_FREE ? "free" : "malloc");
    for (struct det_frames i = det_frames_of(stack); det_frames_next(&i, &s); n++) {
        PUT(p, "    #%d %s", n, s.function ? s.function : "<null>");
        put_line(p, &s);
        put_place(p, s.place, s.file != NULL);
        PUT(p, "\n");
    }
    if (stack->cut) PUT(p, "    (the outer frames are left out)\n");
    if (!n) PUT(p, "    (no stack is known)\n");
}
static void put_stack(const struct page *p, const struct det_stack *stack, enum det_origin origin)
{
    put_frames(p, stack, origin);
    PUT(p, "\n");
}
// The frame that stands for the stack: where it is, and in which function.
static void put_top(const struct page *p, const struct det_stack *stack)
{
    struct det_shown s;
    if (!det_frames_top(stack, &s)) return;
    if (s.file)
        put_line(p, &s);
    else
        put_place(p, s.place, false);
    if (s.function) PUT(p, " in %s", s.function);
}

// ---- strands and locks ---------------------------------------------------------------------------------------

static const struct det_strand_info *strand(const struct page *p, uint32_t i) { return &p->f->r->strands[i]; }
static void put_strand_id(const struct page *p, uint32_t id, uint64_t goid, const char *name)
{
    if (!goid && id)
        PUT(p, "thread T%u", id);
    else if (!goid)
        PUT(p, "main thread");
    else
        PUT(p, name[0] ? "goroutine %lu \"%s\"" : "goroutine %lu", goid, name);
}
static void put_strand(const struct page *p, uint32_t i)
{
    const struct det_strand_info *s = strand(p, i);
    if (s->forgotten)
        PUT(p, "a goroutine that ended long ago");
    else
        put_strand_id(p, s->id, s->goid, s->name);
}

static void put_held(const struct page *p, const struct det_side *s)
{
    for (uint32_t i = 0; i < s->nheld; i++)
        PUT(p, "%s%s M%u", i ? ", " : " (mutexes: ", s->held[i].read ? "read" : "write",
            p->f->r->locks[s->held[i].lock].id);
    if (s->nheld) PUT(p, "%s)", s->held_cut ? ", ..." : "");
}
static void put_created_strand(const struct page *p, const struct det_strand_info *s)
{
    if (s->id == 0 || s->forgotten) return;
    paint(p, STRAND);
    if (s->goid) {
        PUT(p, "  Goroutine %lu", s->goid);
        if (s->name[0]) PUT(p, " \"%s\"", s->name);
        PUT(p, " (%s)", s->running ? "running" : "finished");
    } else {
        PUT(p, "  Thread T%u", s->id);
        if (s->name[0]) PUT(p, " '%s'", s->name);
        PUT(p, " (tid=%d, %s)", s->tid, s->running ? "running" : "finished");
    }
    if (s->has_parent) {
        PUT(p, " created by ");
        put_strand_id(p, s->parent_id, s->parent_goid, s->parent_name);
    }
    PUT(p, s->created.n ? " at:" : "");
    paint(p, PLAIN);
    PUT(p, "\n");
    if (s->created.n)
        put_stack(p, &s->created, DET_BY_PROGRAM);
    else
        PUT(p, "\n");
}
static void put_global(const struct page *p, const char *what, const struct det_global *g)
{
    PUT(p, "  %s is global '%s' of size %lu at 0x%lx (%s+0x%lx)", what, g->name, (unsigned long)g->size, g->start,
        g->module->name, g->offset);
    if (g->member[0]) PUT(p, ", here %s%s", g->name, g->member);
    if (g->file && g->line) PUT(p, ", declared at %s:%u", det_shown_path(g->file), g->line);
}
// A lock that nobody initialised, since it is a static one, is "created" where it was first taken: its name says more.
static void put_created_lock(const struct page *p, const struct det_lock_info *l)
{
    const struct det_global g = det_symbolize_data(l->addr);
    BASE_BUF(what, 32);
    base_putf(&what, "Mutex M%u", l->id);
    paint(p, LOCK);
    if (g.name) {
        put_global(p, what.p, &g);
        PUT(p, "\n");
    }
    PUT(p, "  %s (0x%lx%s) created at:", what.p, l->addr, l->destroyed ? ", destroyed" : "");
    paint(p, PLAIN);
    PUT(p, "\n");
    put_stack(p, &l->created, DET_BY_PROGRAM);
}
// ---- races ---------------------------------------------------------------------------------------------------

static const char *access_name(const struct det_side *s, bool previous)
{
    static const char *const names[2][4] = {
        {"Read", "Write", "Atomic read", "Atomic write"},
        {"Previous read", "Previous write", "Previous atomic read", "Previous atomic write"}};
    return names[previous][s->kind];
}
// One line, for it is a hint and not a side: the whole stack is in the JSON.
static void put_last_sync(const struct page *p, const struct det_last_sync *l)
{
    static const struct {
        const char *what, *unknown, *after; // unknown: of which it was
    } says[DET_SYNC_KINDS] = {
        [DET_SYNC_START] = {"its start", "", ""},
        [DET_SYNC_CREATE] = {"created", "", ""},
        [DET_SYNC_JOIN] = {"joined", "", ""},
        [DET_SYNC_LOCK] = {"locked", " a mutex that is gone", ""},
        [DET_SYNC_UNLOCK] = {"unlocked", " a mutex that is gone", ""},
        [DET_SYNC_READ_LOCK] = {"read-locked", " a mutex that is gone", ""},
        [DET_SYNC_READ_UNLOCK] = {"read-unlocked", " a mutex that is gone", ""},
        [DET_SYNC_RELOCK] = {"locked", " a mutex that is gone", " after a condition wait"},
        [DET_SYNC_WAIT] = {"woken from a wait for condition", "", ""},
        [DET_SYNC_SIGNAL] = {"signalled condition", "", ""},
        [DET_SYNC_BROADCAST] = {"broadcast to condition", "", ""},
        [DET_SYNC_BARRIER] = {"waited at barrier", "", ""},
        [DET_SYNC_RELEASE] = {"released", "", ""},
        [DET_SYNC_ACQUIRE] = {"acquired", "", ""},
        [DET_SYNC_ATOMIC_RELEASE] = {"atomic release of", "", ""},
        [DET_SYNC_ATOMIC_ACQUIRE] = {"atomic acquire of", "", ""},
        [DET_SYNC_FENCE] = {"atomic fence", "", ""},
    };
    if (l->what == DET_SYNC_UNKNOWN) return;
    PUT(p, "    (last synchronisation: %s", says[l->what].what);
    switch (l->of) {
    case DET_SYNC_OF_NOTHING: PUT(p, "%s", says[l->what].unknown); break;
    case DET_SYNC_OF_LOCK: PUT(p, " M%u", p->f->r->locks[l->index].id); break;
    case DET_SYNC_OF_STRAND:
        PUT(p, " ");
        put_strand(p, l->index);
        break;
    case DET_SYNC_OF_ADDRESS: PUT(p, " 0x%lx", l->addr); break;
    }
    PUT(p, "%s", says[l->what].after);
    if (l->stack.n) PUT(p, " at");
    put_top(p, &l->stack);
    PUT(p, "%s)\n", l->or_later ? ", or a later one" : "");
}
static void put_side(const struct page *p, int i)
{
    const struct det_side *s = &p->f->r->side[i];
    paint(p, ACCESS);
    PUT(p, "  %s of size %lu at 0x%lx by ", access_name(s, i == 1), (unsigned long)s->size, s->addr);
    put_strand(p, s->strand);
    put_held(p, s);
    PUT(p, ":");
    paint(p, PLAIN);
    PUT(p, "\n");
    put_frames(p, &s->stack, s->origin);
    put_last_sync(p, &s->last_sync);
    PUT(p, "\n");
}
static void put_location(const struct page *p)
{
    const struct det_location *l = &p->f->r->location;
    const struct det_global *g = &p->f->global;
    if ((l->where == DET_WHERE_UNKNOWN || l->where == DET_WHERE_GLOBAL) && !g->name) return;
    paint(p, PLACE);
    switch (l->where) {
    case DET_WHERE_HEAP:
        PUT(p, "  Location is heap block of size %lu at 0x%lx allocated by ", (unsigned long)l->size, l->addr);
        put_strand(p, l->strand);
        PUT(p, ":");
        break;
    case DET_WHERE_STACK:
        PUT(p, "  Location is stack of ");
        put_strand(p, l->strand);
        PUT(p, ".");
        break;
    case DET_WHERE_TLS:
        PUT(p, "  Location is TLS of ");
        put_strand(p, l->strand);
        PUT(p, ".");
        break;
    case DET_WHERE_GLOBAL:
    case DET_WHERE_UNKNOWN: put_global(p, "Location", g); break;
    }
    paint(p, PLAIN);
    PUT(p, "\n");
    if (l->where == DET_WHERE_HEAP)
        put_stack(p, &l->allocated, DET_BY_PROGRAM);
    else
        PUT(p, "\n");
}

// ---- lock order ----------------------------------------------------------------------------------------------

static void put_cycle_line(const struct page *p)
{
    const struct det_report *r = p->f->r;
    PUT(p, "  Cycle in lock order graph:");
    for (uint32_t i = 0; i < r->nedges; i++)
        PUT(p, " M%u (0x%lx) =>", r->locks[r->edges[i].from].id, r->locks[r->edges[i].from].addr);
    PUT(p, " M%u\n\n", r->locks[r->edges[0].from].id);
}
static void put_edge(const struct page *p, const struct det_edge *e)
{
    const unsigned from = p->f->r->locks[e->from].id, to = p->f->r->locks[e->to].id;
    paint(p, LOCK);
    PUT(p, "  Mutex M%u acquired here while holding mutex M%u in ", to, from);
    put_strand(p, e->strand);
    if (e->to_read || e->from_read)
        PUT(p, " (%s M%u, %s M%u)", e->to_read ? "read" : "write", to, e->from_read ? "read" : "write", from);
    PUT(p, ":");
    paint(p, PLAIN);
    PUT(p, "\n");
    put_stack(p, &e->to_stack, DET_BY_PROGRAM);
    if (!base_flags.second_deadlock_stack) return;
    paint(p, LOCK);
    PUT(p, "  Mutex M%u previously acquired by the same thread here:", from);
    paint(p, PLAIN);
    PUT(p, "\n");
    put_stack(p, &e->from_stack, DET_BY_PROGRAM);
}

// ---- the whole -----------------------------------------------------------------------------------------------

static void put_summary(const struct page *p)
{
    const struct det_report *r = p->f->r;
    const bool cycle = r->kind == DET_REPORT_LOCK_CYCLE;
    PUT(p, "SUMMARY: Ravel: %s", p->f->title);
    put_top(p, cycle ? &r->edges[0].to_stack : &r->side[0].stack);
    PUT(p, "\n");
}
static void put_seed(const struct page *p)
{
    if (det_seeded()) PUT(p, "  Order of goroutines: RAVEL_OPTIONS=sched=%s\n", base_flags.sched);
}
void det_text_report(struct base_buf *out, const struct det_finding *f, bool color)
{
    const struct page p = {out, f, color};
    const struct det_report *r = f->r;
    base_puts(out, "==================\n");
    paint(&p, HEAD);
    PUT(&p, "WARNING: Ravel: %s (pid=%d)", f->title, sys_getpid());
    paint(&p, PLAIN);
    PUT(&p, "\n");
    if (r->kind == DET_REPORT_LOCK_CYCLE) {
        put_cycle_line(&p);
        for (uint32_t i = 0; i < r->nedges; i++) put_edge(&p, &r->edges[i]);
    } else {
        put_side(&p, 0);
        put_side(&p, 1);
        put_location(&p);
    }
    for (uint32_t i = 0; i < r->nlocks; i++) put_created_lock(&p, &r->locks[i]);
    for (uint32_t i = 0; i < r->nstrands; i++) put_created_strand(&p, &r->strands[i]);
    paint(&p, MEND);
    PUT(&p, "  Hint: %s", f->hint);
    paint(&p, PLAIN);
    PUT(&p, "\n");
    put_seed(&p);
    PUT(&p, "\n");
    if (base_flags.print_summary) put_summary(&p);
    base_puts(out, "==================\n");
}

static void put_stats(struct base_buf *out, const struct det_totals *t)
{
    const struct det_stats *s = &t->stats;
    base_putf(out, "Ravel: stats: findings %lu, suppressed %lu, merged into %u; lock cycles %lu\n", t->findings,
              t->suppressed, t->bugs, s->lock_cycles);
    base_putf(out, "Ravel: stats: strands %lu, locks %lu, sync objects %lu, call-trie nodes %lu\n", s->strands,
              s->locks, s->sync_objects, det_stack_count());
    base_putf(out, "Ravel: stats: stamps %lu, records %lu, clocks %lu, sites %lu\n", s->stamps, s->records, s->clocks,
              s->sites);
    base_putf(out, "Ravel: stats: sweeps %lu in %lu ms, memory %lu MiB\n", s->sweeps, s->sweep_ns / 1000000,
              s->bytes >> 20);
    base_putf(out, "Ravel: stats: given up: %lu accesses, %lu events in signal handlers, %lu frames of stacks\n",
              s->given_up, s->dropped_in_handler, t->frames_lost);
}
void det_text_summary(struct base_buf *out, const struct det_totals *t)
{
    if (t->bugs) base_putf(out, "Ravel: reported %u warning%s\n", t->bugs, t->bugs == 1 ? "" : "s");
    for (uint32_t i = 0; base_flags.stats && i < t->bugs; i++)
        base_putf(out, "Ravel: stats: warning %u (%s) was met %lu times, by %lu paths\n", i + 1,
                  t->counts[i].fingerprint, t->counts[i].hits, t->counts[i].paths);
    if (base_flags.stats) put_stats(out, t);
}
