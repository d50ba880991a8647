#include "compare.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct world world;
static struct oracle oracle;
static struct cycles cycles;

static void differ(struct verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void differ(struct verdict *v, const char *fmt, ...)
{
    if (!v->agree) return;
    v->agree = false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
}

// ---- is this side of a report this access? ---------------------------------------------------------------------

static bool same_held(const struct found_side *f, const struct access *a)
{
    if (f->nheld != a->nheld) return false;
    for (uint32_t i = 0; i < f->nheld; i++) {
        uint32_t j = 0;
        while (j < a->nheld && (a->held[j].lock != f->held[i].lock || a->held[j].read != f->held[i].read)) j++;
        if (j == a->nheld) return false;
    }
    return true;
}
static bool same_stack(const struct found_side *f, const struct access *a)
{
    if (f->depth != a->depth + 1 || f->pc[0] != a->pc) return false;
    for (uint32_t i = 0; i < a->depth; i++)
        if (f->pc[i + 1] != a->frame_pc[a->depth - 1 - i]) return false;
    return true;
}
// A stamp keeps the sizes of plain accesses exactly, and of longer ones (ranges, blocks) only that they are long.
static bool same_size(const struct found_side *f, const struct access *a)
{
    return f->size == a->size || (f->size && f->size < a->size && (a->size > 16 || a->by_malloc || a->by_free));
}
static const char *differs(const struct found_side *f, const struct access *a)
{
    const enum det_origin origin = a->by_malloc ? DET_BY_MALLOC : a->by_free ? DET_BY_FREE : DET_BY_PROGRAM;
    if (f->strand != a->strand) return "strand";
    if (f->kind != a->kind) return "kind";
    if (f->origin != origin) return "origin";
    if (!same_size(f, a)) return "size";
    if (!same_stack(f, a)) return "stack";
    if (!same_held(f, a)) return "held locks";
    return NULL;
}

// ---- races -----------------------------------------------------------------------------------------------------

// Is there an earlier access as the report tells it, racing with `now` on the byte at addr?
static bool explains(const struct found *f, const struct access *now, uintptr_t addr, const char **nearest)
{
    *nearest = "no earlier access races there";
    for (const struct access *a = NULL; (a = oracle_racing(&oracle, now, addr, a));) {
        const char *what = differs(&f->side[1], a);
        if (!what) return true;
        *nearest = what;
    }
    return false;
}
static void check_report(const struct found *f, const struct access *now, struct verdict *v)
{
    if (!now) {
        differ(v, "a race is reported at an event that accesses nothing");
        return;
    }
    const char *what = differs(&f->side[0], now);
    if (what) differ(v, "the report's own side is not the access just made: %s", what);
    if (f->side[0].addr != now->addr) differ(v, "the report's own side does not begin where the access does");
    if (!f->size || f->addr < now->addr || f->addr + f->size > now->addr + now->size)
        differ(v, "the report names bytes that the access does not touch");
    if ((f->kind == DET_REPORT_FREE_RACE) != (f->side[0].origin == DET_BY_FREE || f->side[1].origin == DET_BY_FREE))
        differ(v, "a race with free is not called so, or another one is");
    uint32_t i = oracle_segment(&oracle, f->addr);
    for (; v->agree && i < oracle.nsegments && oracle.segment[i].start < f->addr + f->size; i++) {
        const uintptr_t start = oracle.segment[i].start, addr = start > f->addr ? start : f->addr;
        if (!explains(f, now, addr, &what))
            differ(v, "reported at 0x%zx with pc 0x%zx of T%u: %s", addr, f->side[1].pc[0], f->side[1].strand, what);
    }
}
// Is every byte of the segment named by some report?
static bool covered(const struct found *found, uint32_t n, uintptr_t start, uintptr_t end)
{
    for (uint32_t i = 0; i < n && start < end;) {
        if (found[i].kind != DET_REPORT_LOCK_CYCLE && start - found[i].addr < found[i].size) {
            start = found[i].addr + found[i].size;
            i = 0;
        } else {
            i++;
        }
    }
    return start >= end;
}
static void check_races(const struct found *found, uint32_t n, const struct access *now, struct verdict *v)
{
    for (uint32_t i = 0; i < n; i++)
        if (found[i].kind != DET_REPORT_LOCK_CYCLE) check_report(&found[i], now, v);
    for (uint32_t i = 0; now && i < oracle.nsegments; i++) {
        if (oracle.segment[i].raced != now->event + 1) continue;
        const uintptr_t start = oracle.segment[i].start, end = oracle.segment[i + 1].start;
        v->races++;
        if (!covered(found, n, start, end))
            differ(v, "the race at [0x%zx, 0x%zx) with pc 0x%zx is not reported", start, end,
                   oracle_racing(&oracle, now, start, NULL)->pc);
    }
}

// ---- cycles ----------------------------------------------------------------------------------------------------

static void check_cycles(const struct found *found, uint32_t n, bool closed, struct verdict *v)
{
    uint32_t reported = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (found[i].kind != DET_REPORT_LOCK_CYCLE) continue;
        reported++;
        if (found[i].cycle_class != DET_CYCLE_FEASIBLE) differ(v, "a cycle that is not feasible is reported");
        if (!cycles_explain(&cycles, &oracle, &found[i])) differ(v, "the reported lock cycle could not deadlock");
    }
    if (closed && !v->cycles && !reported) differ(v, "the event closes a lock cycle that is not reported");
    v->cycles += reported;
}

void compare(const struct stream *s, enum mutant mutant, struct verdict *v)
{
    *v = (struct verdict){.agree = true};
    memset(&world, 0, sizeof world);
    oracle_init(&oracle, s->c20);
    cycles_init(&cycles);
    feed_begin(s, mutant);
    for (uint32_t i = 0; i < s->n && v->agree; i++) {
        const struct event *e = &s->e[i];
        const struct found *found;
        uint32_t nfound;
        v->event = i;
        const struct access *now = oracle_step(&oracle, &world, e);
        const bool closed = cycles_step(&cycles, &oracle, &world, e);
        const char *wrong = feed(e, &found, &nfound);
        if (wrong) differ(v, "%s", wrong);
        check_races(found, nfound, now, v);
        check_cycles(found, nfound, closed, v);
        world_apply(&world, e);
    }
    struct det_stats stats;
    det_stats_read(&stats);
    if (stats.given_up) differ(v, "%lu accesses were given up", stats.given_up);
    if (stats.dropped_in_handler) differ(v, "%lu events were dropped", stats.dropped_in_handler);
    v->sweeps = stats.sweeps;
}
