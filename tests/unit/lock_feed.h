// lock_feed.h: short names for the events of locks, and what was reported, for test_locks.c and test_lockgraph.c.
// All strands are fed by one thread. Locks are at LOCK(0), LOCK(1), ...
#ifndef UNIT_LOCK_FEED_H
#define UNIT_LOCK_FEED_H

#include <criterion/criterion.h>
#include <string.h>

#include "detector/lockgraph.h"

#define LOCK(i) ((uintptr_t)0x10000000 + 64 * (uintptr_t)(i))

enum { FEED_STRANDS = 64, FEED_REPORTS = 256, FEED_EDGES = 16 };
struct feed_edge {
    uint32_t from, to, strand; // ids as reports give them
    uintptr_t from_pc, to_pc;  // innermost frames
    bool from_read, to_read;
};
struct feed_report {
    uint32_t nedges; // of which the first FEED_EDGES are here
    struct feed_edge edge[FEED_EDGES];
};
static struct feed_report reports[FEED_REPORTS];
static uint32_t nreports;
static struct det_strand *strands[FEED_STRANDS];

static inline void feed_sink(struct det_report *r, void *ctx)
{
    (void)ctx;
    cr_assert_eq(r->kind, DET_REPORT_LOCK_CYCLE);
    cr_assert_eq(r->cycle_class, DET_CYCLE_FEASIBLE);
    cr_assert_lt(nreports, FEED_REPORTS);
    struct feed_report *f = &reports[nreports++];
    f->nedges = r->nedges;
    for (uint32_t i = 0; i < r->nedges; i++) {
        const struct det_edge *e = &r->edges[i];
        cr_assert_eq(e->to, r->edges[(i + 1) % r->nedges].from);
        if (i >= FEED_EDGES) continue;
        f->edge[i] = (struct feed_edge){.from = r->locks[e->from].id,
                                        .to = r->locks[e->to].id,
                                        .strand = r->strands[e->strand].id,
                                        .from_pc = e->from_stack.n ? e->from_stack.pc[0] : 0,
                                        .to_pc = e->to_stack.n ? e->to_stack.pc[0] : 0,
                                        .from_read = e->from_read,
                                        .to_read = e->to_read};
    }
}
static inline struct det_strand *feed_strand(uint32_t i, uint32_t parent)
{
    strands[i] = det_strand_create(i ? strands[parent] : NULL, 0x1000 + i);
    det_strand_start(strands[i], (int)i + 1, 0, 0);
    return strands[i];
}
// Starts the detector anew with strands 0 (the main one) to n - 1, all children of 0.
static inline void feed_begin(uint32_t n, const struct det_config *cfg)
{
    static const struct det_config plain = {.detect_deadlocks = true, .report_races = true};
    static bool started;
    if (started) det_reset();
    started = true;
    det_init(cfg ? cfg : &plain, feed_sink, NULL);
    nreports = 0;
    for (uint32_t i = 0; i < n; i++) feed_strand(i, 0);
}
static inline void lock_as(uint32_t s, uint32_t lock, int flags, uintptr_t pc)
{
    det_lock_request(strands[s], pc, LOCK(lock), flags);
    det_lock_acquired(strands[s], pc, LOCK(lock), flags);
}
static inline void lock(uint32_t s, uint32_t lock) { lock_as(s, lock, 0, 0x2000 + 16 * s + lock); }
static inline void rdlock(uint32_t s, uint32_t lock) { lock_as(s, lock, DET_LOCK_READ, 0x3000); }
static inline void trylock(uint32_t s, uint32_t lock) { lock_as(s, lock, DET_LOCK_TRY, 0x4000); }
static inline void unlock(uint32_t s, uint32_t lock) { det_lock_release(strands[s], 0x5000, LOCK(lock), 0); }
static inline void lock_two(uint32_t s, uint32_t a, uint32_t b)
{
    lock(s, a);
    lock(s, b);
    unlock(s, b);
    unlock(s, a);
}
static inline void must_edge(uint32_t from, uint32_t to)
{
    det_release(strands[from], 1, 0x9000, DET_MUST | DET_SET);
    det_acquire(strands[to], 1, 0x9000, DET_MUST);
}
static inline void soft_edge(uint32_t from, uint32_t to)
{
    det_release(strands[from], 1, 0x9100, DET_SET);
    det_acquire(strands[to], 1, 0x9100, 0);
}

#endif
