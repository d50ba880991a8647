// test_locks.c: held sets, ownership, what releases leave for acquisitions, and what locks cost.
#include "lock_feed.h"

#include "detector/sweep.h"

#include <stdio.h>

// The locks held by s, as ids in order of taking, e.g. "0 1r".
static const char *held(uint32_t s)
{
    static char text[256];
    struct det_chain_lock l[16];
    const uint32_t n = det_locks_chain_read(strands[s]->held.chain, l, 16);
    cr_assert_leq(n, 16);
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u%s", i ? " " : "", l[i].lock_id, l[i].read ? "r" : "");
    return text;
}
// Is what `from` has done so far ordered before what `to` does?
static bool ordered(uint32_t from, uint32_t to)
{
    return det_clock_get(&strands[to]->clock, strands[from]->slot) >= strands[from]->time;
}
// Makes the next release of s say something new.
static void act(uint32_t s) { det_stamped(strands[s]); }

Test(locks, held_in_order_of_taking)
{
    feed_begin(2, NULL);
    lock(0, 7);
    lock(0, 3);
    rdlock(0, 5);
    cr_expect_str_eq(held(0), "0 1 2r");
    cr_expect_str_eq(held(1), "");
    unlock(0, 5);
    unlock(0, 3);
    unlock(0, 7);
    cr_expect_str_eq(held(0), "");
}
Test(locks, equal_sets_are_one_node)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(0, 1);
    const uint32_t chain = strands[0]->held.chain;
    unlock(0, 1), unlock(0, 0);
    lock(1, 0), lock(1, 1);
    cr_expect_eq(strands[1]->held.chain, chain);
    unlock(1, 1), unlock(1, 0);
    lock(1, 1), lock(1, 0);
    cr_expect_neq(strands[1]->held.chain, chain);
}
Test(locks, released_out_of_order)
{
    feed_begin(1, NULL);
    lock(0, 0), lock(0, 1), lock(0, 2);
    unlock(0, 0);
    cr_expect_str_eq(held(0), "1 2");
    unlock(0, 1);
    cr_expect_str_eq(held(0), "2");
    lock(0, 0);
    cr_expect_str_eq(held(0), "2 0");
}
Test(locks, many_released_in_order_of_taking)
{
    enum { N = 1000 };
    feed_begin(1, NULL);
    for (uint32_t i = 0; i < N; i++) lock(0, i);
    const uint32_t nodes = det_chains.live;
    for (uint32_t i = 0; i < N - 3; i++) unlock(0, i);
    cr_expect_str_eq(held(0), "997 998 999");
    cr_expect_lt(det_chains.live, nodes + 40 * 40, "%u chain nodes more", det_chains.live - nodes);
    lock(0, 0);
    cr_expect_str_eq(held(0), "997 998 999 0");
}
Test(locks, names_are_brought_up_to_date_before_the_next_taking)
{
    feed_begin(2, NULL);
    for (uint32_t i = 0; i < 100; i++) lock(0, i);
    unlock(0, 0); // leaves names behind
    lock(0, 200);
    cr_expect_eq(det_locks_chain_read(strands[0]->held.chain, NULL, 0), 100);
    unlock(0, 1);
    det_lock_request(strands[0], 1, LOCK(201), 0);
    for (uint32_t i = 2; i < 100; i++) unlock(0, i);
    unlock(0, 200);
    lock_two(1, 201, 99);
    cr_expect_eq(nreports, 1);
}
Test(locks, recursive_takings_count)
{
    feed_begin(2, NULL);
    det_lock_create(strands[0], 1, LOCK(0), DET_LOCK_RECURSIVE);
    for (int i = 0; i < 3; i++) lock(0, 0);
    act(0);
    unlock(0, 0), unlock(0, 0);
    cr_expect_str_eq(held(0), "0");
    cr_expect_not(ordered(0, 1));
    unlock(0, 0);
    cr_expect_str_eq(held(0), "");
}
Test(locks, release_to_next_taking)
{
    feed_begin(3, NULL);
    lock(0, 0);
    act(0);
    unlock(0, 0);
    const uint32_t time = strands[0]->time - 1;
    lock(1, 0);
    cr_expect(det_knows(strands[1], strands[0]->slot, time));
    cr_expect_not(det_knows(strands[2], strands[0]->slot, time));
    cr_expect_not(det_knows_must(strands[1], strands[0]->slot, time), "a lock's release is no must edge");
    unlock(1, 0);
    lock(2, 0);
    cr_expect(det_knows(strands[2], strands[0]->slot, time), "through strand 1");
}
Test(locks, readers_do_not_order_one_another)
{
    feed_begin(4, NULL);
    rdlock(1, 0);
    act(1);
    unlock(1, 0);
    const uint32_t time1 = strands[1]->time - 1;
    rdlock(2, 0);
    act(2);
    cr_expect_not(det_knows(strands[2], strands[1]->slot, time1));
    unlock(2, 0);
    const uint32_t time2 = strands[2]->time - 1;
    lock(3, 0);
    cr_expect(det_knows(strands[3], strands[1]->slot, time1));
    cr_expect(det_knows(strands[3], strands[2]->slot, time2));
    unlock(3, 0);
    rdlock(0, 0);
    cr_expect(det_knows(strands[0], strands[2]->slot, time2), "through the writer");
}
Test(locks, readers_may_share_and_nest)
{
    feed_begin(3, NULL);
    rdlock(1, 0), rdlock(2, 0), rdlock(1, 0);
    cr_expect_str_eq(held(1), "0r");
    unlock(1, 0);
    cr_expect_str_eq(held(1), "0r");
    unlock(1, 0);
    cr_expect_str_eq(held(1), "");
    cr_expect_str_eq(held(2), "0r");
}
Test(locks, unlocked_by_another_strand)
{
    feed_begin(3, NULL);
    lock(0, 0), lock(0, 1);
    act(1);
    unlock(1, 0);
    const uint32_t time = strands[1]->time - 1;
    lock(2, 0);
    cr_expect(det_knows(strands[2], strands[1]->slot, time));
    cr_expect_str_eq(held(2), "0");
    unlock(0, 1); // the owner's next event
    cr_expect_str_eq(held(0), "");
    cr_expect_str_eq(held(2), "0");
    lock(0, 3);
    unlock(0, 0); // not his any more: strand 2's is released
    cr_expect_str_eq(held(0), "2");
    unlock(2, 5);
    cr_expect_str_eq(held(2), "");
}
Test(locks, read_unlocked_by_another_strand)
{
    feed_begin(4, NULL);
    rdlock(0, 0);
    act(1);
    unlock(1, 0);
    const uint32_t time = strands[1]->time - 1;
    rdlock(2, 0);
    cr_expect_not(det_knows(strands[2], strands[1]->slot, time), "readers do not order one another");
    unlock(2, 0);
    lock(3, 0);
    cr_expect(det_knows(strands[3], strands[1]->slot, time));
    cr_expect_str_eq(held(3), "0");
    unlock(3, 0);
    unlock(0, 0); // not his any more
    cr_expect_str_eq(held(0), "");
}
Test(locks, unlock_of_what_nobody_holds_is_ignored)
{
    feed_begin(2, NULL);
    unlock(0, 0);
    lock(0, 0), unlock(0, 0);
    act(1);
    unlock(1, 0);
    const uint32_t time = strands[1]->time;
    lock(0, 0);
    cr_expect_not(det_knows(strands[0], strands[1]->slot, time));
    cr_expect_str_eq(held(0), "0");
}
Test(locks, a_release_that_was_not_seen)
{
    feed_begin(4, NULL);
    lock(0, 0);
    lock(1, 0); // so 0 does not hold it any more
    unlock(0, 9);
    cr_expect_str_eq(held(0), "");
    cr_expect_str_eq(held(1), "0");
    rdlock(2, 1), rdlock(3, 1);
    lock(1, 1);
    unlock(1, 1);
    rdlock(0, 1);
    unlock(2, 1); // its holding is void: it takes nobody's away
    cr_expect_str_eq(held(2), "");
    cr_expect_str_eq(held(0), "1r");
}
Test(locks, finish_gives_up_what_is_held)
{
    feed_begin(2, NULL);
    lock(1, 0), rdlock(1, 1);
    det_strand_finish(strands[1]);
    det_strand_join(strands[0], 1, strands[1]);
    lock(0, 0), lock(0, 1);
    det_lock_repair(strands[0], 1, LOCK(0));
    cr_expect_str_eq(held(0), "0 1");
}
Test(locks, destroyed_while_held)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(0, 1);
    det_lock_destroy(strands[1], 1, LOCK(0));
    struct det_lock_info info;
    det_locks_info(0, &info);
    cr_expect(info.destroyed);
    unlock(0, 1);
    cr_expect_str_eq(held(0), "");
    lock(0, 0);
    cr_expect_str_eq(held(0), "2", "the next generation is another lock");
    det_locks_info(2, &info);
    cr_expect_not(info.destroyed);
    cr_expect_eq(info.addr, LOCK(0));
}
Test(locks, made_anew_in_place)
{
    feed_begin(2, NULL);
    det_lock_create(strands[0], 0x77, LOCK(0), DET_LOCK_RW);
    lock(0, 0);
    act(0);
    unlock(0, 0);
    det_lock_create(strands[0], 0x78, LOCK(0), DET_LOCK_SPIN);
    struct det_lock_info info;
    det_locks_info(0, &info);
    cr_expect(info.destroyed);
    cr_expect_eq(info.flags, DET_LOCK_RW);
    cr_expect_eq(info.created.pc[0], 0x77);
    det_locks_info(1, &info);
    cr_expect_eq(info.flags, DET_LOCK_SPIN);
    cr_expect_eq(info.created.pc[0], 0x78);
    const uint32_t time = strands[0]->time - 1;
    lock(1, 0);
    cr_expect_not(det_knows(strands[1], strands[0]->slot, time), "the old lock's clock is forgotten");
    cr_expect_str_eq(held(1), "1");
}
Test(locks, gone_with_their_memory)
{
    feed_begin(1, NULL);
    const uintptr_t block = LOCK(0);
    det_alloc(strands[0], 1, block, 256);
    lock_two(0, 0, 1);
    cr_expect(det_free(strands[0], 1, block));
    struct det_lock_info info;
    det_locks_info(1, &info);
    cr_expect(info.destroyed);
    det_alloc(strands[0], 1, block, 256);
    lock(0, 1);
    cr_expect_str_eq(held(0), "2");
    det_unmap(strands[0], LOCK(1), 8);
    unlock(0, 9);
    cr_expect_str_eq(held(0), "");
}
Test(locks, chains_are_read_from_the_end)
{
    feed_begin(1, NULL);
    for (uint32_t i = 0; i < 5; i++) lock(0, i);
    struct det_chain_lock l[2];
    cr_expect_eq(det_locks_chain_read(strands[0]->held.chain, l, 2), 5);
    cr_expect_eq(l[0].lock_id, 3);
    cr_expect_eq(l[1].lock_id, 4);
    cr_expect_eq(det_locks_chain_read(0, l, 2), 0);
}
Test(locks, without_deadlock_detection_sets_are_kept_and_no_graph)
{
    const struct det_config cfg = {.report_races = true};
    feed_begin(2, &cfg);
    lock_two(0, 0, 1);
    lock_two(1, 1, 0);
    lock(0, 0);
    cr_expect_str_eq(held(0), "0");
    cr_expect_eq(nreports, 0);
    struct det_lockgraph_stats st;
    det_lockgraph_stats(&st);
    cr_expect_eq(st.vertices + st.edges + st.labels, 0);
}
Test(locks, repetition_needs_no_memory)
{
    feed_begin(2, NULL);
    uint64_t before = 0;
    for (int i = 0; i < 20000; i++) {
        const uint32_t s = i & 1;
        lock(s, 0), lock(s, 1), lock(s, 2);
        act(s);
        unlock(s, 2), unlock(s, 1), unlock(s, 0);
        if (i == 100) before = det_chains.live + det_site_chains.live + det_clock_nodes();
    }
    cr_expect_eq(det_chains.live + det_site_chains.live + det_clock_nodes(), before);
    struct det_lockgraph_stats st;
    det_lockgraph_stats(&st);
    cr_expect_eq(st.labels, 4);
}
Test(locks, a_sweep_takes_back_names_of_what_is_gone)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(0, 1);
    det_access_slow(strands[0], 0x70, 0x20000000, 4, DET_WRITE); // with 0 and 1 held; strand 1 does not know of it
    unlock(0, 1), unlock(0, 0);
    lock_two(1, 0, 2);
    lock(1, 5);
    for (uint32_t i = 0; i < 2000; i++) {
        lock(0, 3), unlock(0, 3);
        det_lock_destroy(strands[0], 1, LOCK(3));
    }
    det_sweep_ask();
    lock(0, 4);
    cr_expect_leq(det_chains.live, 8, "%u chain nodes", det_chains.live);
    cr_expect_str_eq(held(0), "2004");
    cr_expect_str_eq(held(1), "3");
    for (int i = 0; i < DET_CHAIN_CACHE; i++) lock(0, 100 + (uint32_t)i); // take the free nodes
    cr_expect_eq(det_locks_chain_read(strands[0]->held.chain, NULL, 0), DET_CHAIN_CACHE + 1);
    for (uint32_t i = 0; i < 100; i++) lock(1, 1000 + i);
    cr_expect_eq(det_locks_chain_read(strands[1]->held.chain, NULL, 0), 101);
}
Test(locks, the_held_set_of_an_earlier_access_survives_sweeps)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(0, 1);
    det_access_slow(strands[0], 0x70, 0x20000000, 4, DET_WRITE);
    const uint32_t chain = strands[0]->held.chain;
    unlock(0, 1), unlock(0, 0);
    det_lock_destroy(strands[0], 1, LOCK(0)), det_lock_destroy(strands[0], 1, LOCK(1));
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 600; i++) {
            lock(0, 3), unlock(0, 3);
            det_lock_destroy(strands[0], 1, LOCK(3));
        }
        det_sweep_ask();
    }
    struct det_chain_lock l[2];
    cr_expect_eq(det_locks_chain_read(chain, l, 2), 2);
    cr_expect(l[0].lock_id == 0 && l[1].lock_id == 1);
    struct det_lock_info info;
    det_locks_info(1, &info);
    cr_expect_eq(info.addr, LOCK(1));
    cr_expect(info.destroyed);
}
