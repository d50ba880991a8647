// test_owner.c: whose a shadow page is, one event after another. What happens at once is in test_threads.c.
#include <criterion/criterion.h>

#include "base/sys.h"
#include "detector/owner.h"

enum { PAGE = APP_PAGE };
static const uintptr_t memory = 0x7f0000000000;
static struct det_strand *a, *b;

static void sink(struct det_report *r, void *ctx)
{
    (void)r;
    (void)ctx;
}
static void begin(uint32_t stamp_limit)
{
    const struct det_config cfg = {.stamp_limit = stamp_limit, .report_races = true};
    det_init(&cfg, sink, NULL);
    if (det_need_fence) cr_skip_test("no membarrier here: all pages are shared");
    a = det_strand_create(NULL, 0);
    det_strand_start(a, 1, 0, 0);
    b = det_strand_create(a, 0x400000);
    det_strand_start(b, 2, 0, 0);
}
static uint32_t owner_of(uintptr_t addr)
{
    struct det_chunk c = {0};
    cr_assert(det_chunk_find(addr, &c));
    return base_load_relaxed(&c.owner[det_page_of(&c, addr)]);
}
static void write_at(struct det_strand *s, uintptr_t addr) { det_access(s, 0x401000, addr, 8, DET_WRITE); }
static void sweep_over(struct det_strand *s, uintptr_t from, size_t pages)
{
    for (uintptr_t p = from; p < from + pages * PAGE; p += 8) write_at(s, p);
}

Test(owner, who_touches_first_owns)
{
    begin(0);
    write_at(a, memory + 16);
    cr_expect_eq(owner_of(memory), a->tag);
    cr_expect_eq(owner_of(memory + PAGE), (uint32_t)DET_OWNER_NONE);
    write_at(b, memory + PAGE);
    cr_expect_eq(owner_of(memory + PAGE), b->tag);
    cr_expect_neq(a->tag, b->tag);
    det_reset();
}
Test(owner, taken_while_it_is_paid_then_shared)
{
    begin(0);
    write_at(a, memory);
    write_at(b, memory + 8);
    cr_expect_eq(owner_of(memory), b->tag, "a new strand can pay for some pages");
    a->carrier->credit = b->carrier->credit = 0;
    write_at(a, memory + 16);
    cr_expect_eq(owner_of(memory), (uint32_t)DET_OWNER_SHARED);
    write_at(b, memory + 24);
    cr_expect_eq(owner_of(memory), (uint32_t)DET_OWNER_SHARED);
    det_reset();
}
Test(owner, plain_stores_earn)
{
    begin(0);
    a->carrier->credit = 0;
    sweep_over(a, memory, 4);
    det_release(a, 0x400800, memory + 0x100000, DET_SET); // a new epoch
    sweep_over(a, memory, 4);
    cr_expect_geq(a->carrier->credit,
                  4 * PAGE / 8 - 64u); // the second time; the first touch of a cell is not remembered
    det_reset();
}
// Two strands that take turns must not stop the world of the other for ever.
Test(owner, taking_turns_ends)
{
    begin(0);
    int changes = 0;
    uint32_t last = 0;
    for (int i = 0; i < 4000; i++) {
        struct det_strand *s = i % 2 ? a : b;
        det_release(s, 0x400800, memory + 0x100000, DET_SET); // a new epoch, for there is nothing to do twice in one
        write_at(s, memory + (uintptr_t)(i % 2) * 64);
        changes += owner_of(memory) != last;
        last = owner_of(memory);
    }
    cr_expect_eq(last, (uint32_t)DET_OWNER_SHARED);
    cr_expect_lt(changes, 200);
    det_reset();
}
Test(owner, a_sweep_takes_many_pages_at_once)
{
    begin(0);
    sweep_over(a, memory, 64);
    const uint32_t before = b->carrier->credit = 1u << 20;
    sweep_over(b, memory, 64);
    for (uintptr_t p = 0; p < 64; p++) cr_expect_eq(owner_of(memory + p * PAGE), b->tag);
#ifdef RAVEL_TINY
    (void)before; // two pages at a time
#else
    cr_expect_lt(before - b->carrier->credit, 10 * 4096u, "eight handshakes are enough for 64 pages");
#endif
    det_reset();
}
Test(owner, atomics_share)
{
    begin(0);
    write_at(a, memory);
    struct det_atomic op;
    det_atomic_begin(b, 0x402000, memory + 64, 4, &op);
    cr_expect_eq(owner_of(memory), (uint32_t)DET_OWNER_SHARED, "before the operation, for that holds a lock");
    det_atomic_end(b, &op, DET_OP_STORE, __ATOMIC_RELAXED);
    det_reset();
}
// A signal handler that interrupted the owner inside of the detector, and does not return.
Test(owner, an_owner_that_is_stuck_hangs_nobody)
{
    begin(0);
    write_at(a, memory);
    a->in = 1;
    write_at(b, memory + 8);
    cr_expect_eq(owner_of(memory), (uint32_t)DET_OWNER_SHARED);
    struct det_stats stats;
    det_stats_read(&stats);
    cr_expect_eq(stats.given_up, 1u, "and it is said");
    a->in = 0;
    det_reset();
}
Test(owner, the_same_memory_keeps_its_pages)
{
    begin(0);
    write_at(b, memory);
    const uint32_t tag = b->tag;
    det_strand_finish(b);
    det_strand_join(a, 0x400001, b);
    struct det_strand *c = det_strand_create(a, 0x400002);
    det_strand_start(c, 3, 0, 0);
    cr_expect_eq(c, b, "a pool hands out what it got back last");
    cr_expect_eq(c->tag, tag);
    write_at(c, memory + 8);
    cr_expect_eq(owner_of(memory), tag);
    det_reset();
}
Test(owner, an_empty_page_is_nobodys)
{
    begin(64);
    write_at(a, memory);
    det_unmap(a, memory, PAGE);
    for (int round = 0; round < 2000 && owner_of(memory); round++) { // each a stamp of its own: sweeps
        det_access(a, 0x410000 + (uintptr_t)round, memory + 16 * PAGE, 8, DET_WRITE);
        det_release(a, 0x400800, memory + 0x100000, DET_SET);
    }
    cr_expect_eq(owner_of(memory), (uint32_t)DET_OWNER_NONE);
    det_reset();
}
