// test_sweep.c: what a sweep may forget, and what it must keep.
#include <criterion/criterion.h>

#include "detector/event.h"
#include "detector/report.h"

static const uintptr_t memory = 0x7f0000000000, lock = 0x7f0100000000;
static struct det_strand *mother, *first, *second;
static unsigned races;

static void sink(struct det_report *r, void *ctx)
{
    (void)ctx;
    races += r->kind == DET_REPORT_RACE;
}
static struct det_strand *child(void)
{
    struct det_strand *s = det_strand_create(mother, 0x400001);
    det_strand_start(s, 2, 0, 0);
    return s;
}
static void begin(void)
{
    const struct det_config cfg = {.stamp_limit = 64, .report_races = true};
    races = 0;
    det_init(&cfg, sink, NULL);
    mother = det_strand_create(NULL, 0);
    det_strand_start(mother, 1, 0, 0);
    first = child();
    second = child();
}
static void touch(struct det_strand *s, unsigned i) { det_access_slow(s, 0x400100 + i, memory + 8 * i, 8, DET_WRITE); }
static void locked(struct det_strand *s, unsigned i)
{
    det_acquire(s, 0x400200, lock, 0);
    touch(s, i);
    det_release(s, 0x400201, lock, 0);
}
// Both children write everything in turn, under one lock, many epochs long. Returns the stamps that are left.
static uint64_t work(void)
{
    for (unsigned round = 0; round < 40; round++)
        for (unsigned i = 0; i < 64; i++) locked(round % 2 ? first : second, i);
    struct det_stats stats;
    det_stats_read(&stats);
    cr_expect_gt(stats.sweeps, 0u);
    cr_expect_eq(races, 0u);
    return stats.stamps;
}
static void end(void) { det_reset(); }

Test(sweep, an_awaiting_strand_keeps_nothing_alive, .init = begin, .fini = end)
{
    det_strand_await(mother, first);
    const uint64_t with_await = work();
    cr_expect_lt(with_await, 128u, "%lu stamps", (unsigned long)with_await); // the limit of 64, and the runs under way
}
Test(sweep, a_strand_that_awaits_nobody_keeps_what_it_may_race_with, .init = begin, .fini = end)
{
    work();
    touch(mother, 5);
    cr_expect_eq(races, 1u);
}
Test(sweep, an_await_given_up_counts_no_more, .init = begin, .fini = end)
{
    det_strand_await(mother, first);
    det_strand_await(mother, NULL);
    work();
    touch(mother, 5);
    cr_expect_eq(races, 1u);
}
Test(sweep, what_only_the_awaiting_strand_will_know_is_kept, .init = begin, .fini = end)
{
    struct det_strand *third = child();
    det_strand_await(mother, first);
    work();
    touch(third, 5); // it knows nothing of the others
    cr_expect_eq(races, 1u);
}
Test(sweep, an_awaited_strand_that_has_finished_is_known, .init = begin, .fini = end)
{
    touch(first, 100);
    det_strand_await(mother, first);
    det_strand_finish(first);
    for (unsigned round = 0; round < 40; round++)
        for (unsigned i = 0; i < 64; i++) locked(second, i);
    det_strand_join(mother, 1, first);
    touch(mother, 100);
    cr_expect_eq(races, 0u);
    touch(second, 100); // not ordered after first: must have been kept for it
    cr_expect_geq(races, 1u);
}
