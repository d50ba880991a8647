// test_lockgraph.c: lock-order cycles: which are feasible, what is reported of them, at what size, and a comparison with
// a model that tries everything.
#include "lock_feed.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t of_class(enum det_cycle_class c) { return det_lockgraph_cycles(c); }
static struct det_lockgraph_stats stats(void)
{
    struct det_lockgraph_stats st;
    det_lockgraph_check();
    det_lockgraph_stats(&st);
    return st;
}

Test(lockgraph, ab_ba)
{
    feed_begin(2, NULL);
    lock_two(0, 0, 1);
    cr_expect_eq(nreports, 0);
    lock_two(1, 1, 0);
    cr_assert_eq(nreports, 1);
    const struct feed_report *r = &reports[0];
    cr_assert_eq(r->nedges, 2);
    const struct feed_edge *e = r->edge[0].strand == 0 ? &r->edge[0] : &r->edge[1];
    const struct feed_edge *f = r->edge[0].strand == 0 ? &r->edge[1] : &r->edge[0];
    cr_expect(e->from == 0 && e->to == 1 && e->from_pc == 0x2000 && e->to_pc == 0x2001);
    cr_expect(f->from == 1 && f->to == 0 && f->from_pc == 0x2011 && f->to_pc == 0x2010 && f->strand == 1);
    lock_two(0, 0, 1), lock_two(1, 1, 0);
    cr_expect_eq(nreports, 1, "the same cycle once");
    cr_expect_eq(det_locks_cycles(), 1);
}
Test(lockgraph, reported_before_it_hangs)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(1, 1);
    det_lock_request(strands[0], 1, LOCK(1), 0);
    cr_expect_eq(nreports, 0);
    det_lock_request(strands[1], 1, LOCK(0), 0);
    cr_expect_eq(nreports, 1);
}
Test(lockgraph, three_locks)
{
    feed_begin(3, NULL);
    lock_two(0, 0, 1), lock_two(1, 1, 2);
    cr_expect_eq(nreports, 0);
    lock_two(2, 2, 0);
    cr_assert_eq(nreports, 1);
    cr_expect_eq(reports[0].nedges, 3);
}
Test(lockgraph, two_bugs_of_one_request)
{
    feed_begin(3, NULL);
    lock_two(0, 2, 0), lock_two(1, 2, 1);
    lock(2, 0), lock(2, 1), lock(2, 2);
    cr_expect_eq(nreports, 2);
}
Test(lockgraph, one_strand_alone_cannot)
{
    feed_begin(2, NULL);
    lock_two(0, 0, 1), lock_two(0, 1, 0);
    cr_expect_eq(nreports, 0);
    cr_expect_eq(of_class(DET_CYCLE_SINGLE_STRAND), 1);
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 1, "two can");
}
Test(lockgraph, one_strand_twice_in_three_cannot)
{
    feed_begin(2, NULL);
    lock_two(0, 0, 1), lock_two(0, 1, 2), lock_two(1, 2, 0);
    cr_expect_eq(nreports, 0);
}
Test(lockgraph, gate)
{
    feed_begin(3, NULL);
    lock(0, 9), lock_two(0, 0, 1), unlock(0, 9);
    lock(1, 9), lock_two(1, 1, 0), unlock(1, 9);
    cr_expect_eq(nreports, 0);
    cr_expect_eq(of_class(DET_CYCLE_GUARDED), 1);
    lock_two(2, 1, 0);
    cr_expect_eq(nreports, 1, "not without the gate");
}
Test(lockgraph, gate_of_two_of_three)
{
    feed_begin(3, NULL);
    lock(0, 9), lock_two(0, 0, 1), unlock(0, 9);
    lock(1, 9), lock_two(1, 1, 2), unlock(1, 9);
    lock_two(2, 2, 0);
    cr_expect_eq(nreports, 0);
    cr_expect_eq(of_class(DET_CYCLE_GUARDED), 1);
}
Test(lockgraph, gate_held_shared)
{
    feed_begin(3, NULL);
    rdlock(0, 9), lock_two(0, 0, 1), unlock(0, 9);
    rdlock(1, 9), lock_two(1, 1, 0), unlock(1, 9);
    cr_expect_eq(nreports, 1, "two readers do not exclude each other");
    lock(0, 8), lock_two(0, 2, 3), unlock(0, 8);
    rdlock(1, 8), lock_two(1, 3, 2), unlock(1, 8);
    cr_expect_eq(nreports, 1, "a reader and a writer do");
}
Test(lockgraph, a_gate_taken_in_between)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(0, 9), lock(0, 1);
    unlock(0, 1), unlock(0, 9), unlock(0, 0);
    lock(1, 1), lock(1, 9), lock(1, 0);
    // 0 -> 1 and 1 -> 0 are guarded by 9, but 0 -> 9 and 9 -> 0 are not, nor 1 -> 9 and 9 -> 1
    cr_expect_eq(nreports, 2);
}
Test(lockgraph, readers)
{
    feed_begin(4, NULL);
    rdlock(0, 0), rdlock(0, 1), unlock(0, 1), unlock(0, 0);
    rdlock(1, 1), rdlock(1, 0), unlock(1, 0), unlock(1, 1);
    cr_expect_eq(nreports, 0);
    cr_expect_eq(of_class(DET_CYCLE_READ_READ), 1);
    rdlock(2, 1), lock(2, 0), unlock(2, 0), unlock(2, 1);
    cr_expect_eq(nreports, 0, "lock 1 is only ever shared");
    lock(3, 0), rdlock(3, 1), unlock(3, 1), unlock(3, 0);
    cr_expect_eq(nreports, 0);
    lock(3, 0), lock(3, 1), unlock(3, 1), unlock(3, 0);
    cr_assert_eq(nreports, 1, "strand 3 has 0 and wants 1, strand 1 or 2 shares 1 and wants 0");
    for (int i = 0; i < 2; i++) cr_expect_eq(reports[0].edge[i].from_read, reports[0].edge[i].from == 1);
}
Test(lockgraph, taken_again_makes_no_edge)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(0, 1), lock(0, 0);
    unlock(0, 0), unlock(0, 1), unlock(0, 0);
    lock_two(1, 0, 1);
    rdlock(0, 5), lock(0, 6), rdlock(0, 5);
    unlock(0, 5), unlock(0, 6), unlock(0, 5);
    lock_two(1, 5, 6);
    cr_expect_eq(nreports, 0);
    cr_expect_eq(stats().edges, 3);
}
Test(lockgraph, trylock)
{
    feed_begin(2, NULL);
    lock(0, 0), trylock(0, 1);
    unlock(0, 1), unlock(0, 0);
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 0, "no edge into a lock that is only tried");
    lock_two(0, 3, 2);
    trylock(1, 2), lock(1, 3);
    cr_expect_eq(nreports, 1, "but out of it");
}
Test(lockgraph, released_out_of_order)
{
    feed_begin(2, NULL);
    lock(0, 0), lock(0, 1);
    unlock(0, 0);
    lock(0, 2); // hand over hand: 1 -> 2, and no 0 -> 2
    unlock(0, 1), unlock(0, 2);
    lock_two(1, 2, 0);
    cr_expect_eq(nreports, 0);
    lock_two(1, 2, 1);
    cr_expect_eq(nreports, 1);
}
Test(lockgraph, ordered_by_creation_and_join)
{
    feed_begin(1, NULL);
    lock_two(0, 0, 1);
    feed_strand(1, 0);
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 0, "before its creation");
    cr_expect_eq(of_class(DET_CYCLE_ORDERED), 1);
    det_strand_finish(strands[1]);
    det_strand_join(strands[0], 1, strands[1]);
    lock_two(0, 0, 1);
    cr_expect_eq(nreports, 0, "after its end");
    feed_strand(2, 0), feed_strand(3, 0);
    lock_two(2, 0, 1), lock_two(3, 1, 0);
    cr_expect_eq(nreports, 1, "side by side");
}
Test(lockgraph, the_creator_goes_on)
{
    feed_begin(2, NULL);
    lock_two(1, 1, 0);
    lock_two(0, 0, 1);
    cr_expect_eq(nreports, 1);

    feed_begin(1, NULL);
    lock_two(0, 0, 1);
    feed_strand(1, 0);
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 0);
    lock_two(0, 0, 1); // the same label, later
    cr_expect_eq(nreports, 1);
}
Test(lockgraph, ordered_by_must_edges_only)
{
    feed_begin(2, NULL);
    lock_two(0, 0, 1);
    must_edge(0, 1);
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 0);
    feed_begin(2, NULL);
    lock_two(0, 0, 1);
    soft_edge(0, 1);
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 1);
    feed_begin(2, NULL);
    lock(0, 5), lock_two(0, 0, 1), unlock(0, 5);
    lock(1, 5), unlock(1, 5), lock_two(1, 1, 0);
    cr_expect_eq(nreports, 1, "a lock in between is no order either");
}
Test(lockgraph, barriers)
{
    feed_begin(2, NULL);
    det_barrier_init(strands[0], 1, 0x8000, 2);
    for (int round = 0; round < 40; round++) { // in turns, always
        lock_two(0, 0, 1);
        uint64_t token[2];
        for (int i = 0; i < 2; i++) token[i] = det_barrier_enter(strands[i], 1, 0x8000);
        for (int i = 0; i < 2; i++) det_barrier_leave(strands[i], 1, 0x8000, token[i]);
        lock_two(1, 1, 0);
        for (int i = 0; i < 2; i++) token[i] = det_barrier_enter(strands[i], 1, 0x8000);
        for (int i = 0; i < 2; i++) det_barrier_leave(strands[i], 1, 0x8000, token[i]);
    }
    cr_expect_eq(nreports, 0);
    cr_expect_leq(stats().labels, 40);
    lock_two(1, 1, 0);
    lock_two(0, 0, 1);
    cr_expect_eq(nreports, 1);
}
Test(lockgraph, destroyed_and_made_anew)
{
    feed_begin(2, NULL);
    lock_two(0, 0, 1);
    det_lock_destroy(strands[0], 1, LOCK(0));
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 0, "another lock at the same address");
    lock_two(0, 0, 1);
    cr_assert_eq(nreports, 1);
    det_lock_destroy(strands[0], 1, LOCK(0)), det_lock_destroy(strands[0], 1, LOCK(1));
    cr_expect_eq(stats().edges, 0);
    cr_expect_eq(stats().labels, 0);
}
Test(lockgraph, a_component_loses_members)
{
    feed_begin(4, NULL);
    for (uint32_t i = 0; i < 4; i++) lock_two(i, i, (i + 1) % 4);
    cr_expect_eq(nreports, 1);
    det_lock_destroy(strands[0], 1, LOCK(1));
    lock_two(0, 0, 1), lock_two(1, 1, 2);
    cr_expect_eq(nreports, 2, "closed again with the new lock");
    cr_expect_eq(stats().vertices, 8, "those of the old lock are gone");
}
Test(lockgraph, locks_that_come_and_go_leave_nothing)
{
    feed_begin(2, NULL);
    for (int i = 0; i < 3000; i++) {
        lock_two(i & 1, 0, 1), lock_two(~i & 1, 0, 1);
        lock_two(0, 2, 0);
        lock(1, 3), lock_two(1, 2, 0), unlock(1, 3);
        det_lock_destroy(strands[0], 1, LOCK(1)), det_lock_destroy(strands[0], 1, LOCK(2));
        det_lock_destroy(strands[0], 1, LOCK(3));
    }
    const struct det_lockgraph_stats st = stats();
    cr_expect_eq(st.edges + st.labels, 0);
    cr_expect_eq(st.vertices, 1);
    cr_expect_eq(nreports, 0);
}
Test(lockgraph, what_was_held_with_a_lock_that_is_gone)
{
    feed_begin(2, NULL);
    for (int i = 0; i < 10000; i++) { // 0 -> 1 is seen only with another lock, always a new one, in between
        lock(0, 0), lock(0, 2), lock(0, 1);
        unlock(0, 1), unlock(0, 2), unlock(0, 0);
        det_lock_destroy(strands[0], 1, LOCK(2));
    }
    cr_expect_lt(stats().edges, 5000);
    cr_expect_gt(stats().forgotten, 0);
    lock_two(1, 1, 0);
    cr_expect_eq(nreports, 1);
}
Test(lockgraph, many_strands_on_one_edge)
{
    feed_begin(1, NULL);
    for (int i = 0; i < 3000; i++) { // a thread for every request of a server, detached
        feed_strand(1, 0);
        lock_two(1, 0, 1);
        det_strand_finish(strands[1]);
        det_strand_detach(strands[0], strands[1]);
    }
    cr_expect_lt(stats().labels, 300);
    lock_two(0, 1, 0);
    cr_expect_eq(nreports, 1);
}

// ---- size ------------------------------------------------------------------------------------------------------

Test(lockgraph, ten_thousand_held)
{
    enum { N = 10000 };
    feed_begin(2, NULL);
    for (uint32_t i = 0; i < N; i++) lock(0, i);
    cr_expect_eq(stats().edges, N - 1);
    cr_expect_eq(nreports, 0);
    lock_two(1, N - 1, 0);
    cr_assert_eq(nreports, 1);
    cr_expect_eq(reports[0].nedges, 2);
    lock(0, N + 1);
    for (uint32_t i = N; i-- > 0;) unlock(0, i);
    unlock(0, N + 1);
    cr_expect_eq(strands[0]->held.chain, 0);
    cr_expect_eq(stats().exhausted, 0);
}
Test(lockgraph, a_thousand_in_a_ring)
{
    enum { N = 1000 };
    feed_begin(1, NULL);
    struct det_strand *s[N];
    for (uint32_t i = 0; i < N; i++) {
        strands[1] = s[i] = det_strand_create(strands[0], 1);
        det_strand_start(s[i], 1, 0, 0);
        lock_two(1, i * 7 % N, (i * 7 + 1) % N);
        cr_expect_eq(nreports, i == N - 1);
    }
    cr_assert_eq(nreports, 1);
    cr_expect_eq(reports[0].nedges, N);
    cr_expect_eq(stats().exhausted, 0);
}
Test(lockgraph, against_the_order)
{
    enum { N = 2000 };
    feed_begin(1, NULL);
    for (uint32_t i = N; i-- > 1;) lock_two(0, i - 1, i); // every edge goes before all there are
    cr_expect_eq(nreports, 0);
    cr_expect_eq(stats().searches, 0);
}
Test(lockgraph, a_search_that_would_take_for_ever_is_given_up)
{
    enum { N = 12 };
    feed_begin(FEED_STRANDS, NULL);
    // Every lock with every later one, by many strands. The last strand goes the way back, but all who take the last lock
    // do so under the gate that it holds: there are as many ways as there are rows of strands, and none is feasible.
    for (uint32_t s = 0; s + 1 < FEED_STRANDS; s++)
        for (uint32_t i = 0; i < N; i++)
            for (uint32_t j = i + 1; j < N; j++) {
                if (j == N - 1) lock(s, 99);
                lock_two(s, i, j);
                if (j == N - 1) unlock(s, 99);
            }
    cr_expect_eq(stats().searches, 0);
    lock(FEED_STRANDS - 1, 99), lock_two(FEED_STRANDS - 1, N - 1, 0);
    cr_expect_eq(nreports, 0);
    cr_expect_eq(stats().exhausted, 1);
}

// ---- against a model that tries everything ------------------------------------------------------------------------

enum { M_STRANDS = 4, M_LOCKS = 5, M_HELD = 3, M_EVENTS = 120, M_CYCLES = 4096 };
struct m_request {
    uint32_t strand, time, want, nheld;
    uint32_t published; // its strand's, then
    bool read;
    uint32_t held[M_HELD];
    bool held_read[M_HELD];
    uint32_t must[M_STRANDS]; // what its strand knew by must edges
};
static struct m_strand {
    uint32_t time, nheld;
    uint32_t held[M_HELD]; // addresses
    uint32_t published;    // must edges out of it
    bool read[M_HELD];
    uint32_t must[M_STRANDS];
} m[M_STRANDS];
static struct m_request m_requests[M_EVENTS];
static uint32_t m_nrequests, m_id[M_LOCKS], m_next_id;
static bool m_dead[M_EVENTS + M_LOCKS]; // by id
static uint64_t m_known[M_CYCLES];      // keys of reported cycles
static uint32_t m_nknown;
static uint64_t random_state;

static uint32_t pick(uint32_t n)
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % n);
}
static uint64_t edge_key(uint32_t from, uint32_t to)
{
    uint64_t z = (from * 1000003ull + to + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 31) * 0xbf58476d1ce4e5b9ull;
    return z ^ z >> 29;
}
static bool m_is_known(uint64_t key)
{
    for (uint32_t i = 0; i < m_nknown; i++)
        if (m_known[i] == key) return true;
    return false;
}
static bool m_together(const struct m_request *a, const struct m_request *b)
{
    if (a->strand == b->strand) return false;
    if (a->must[b->strand] >= b->time || b->must[a->strand] >= a->time) return false;
    for (uint32_t i = 0; i < a->nheld; i++)
        for (uint32_t j = 0; j < b->nheld; j++)
            if (a->held[i] == b->held[j] && !(a->held_read[i] && b->held_read[j])) return false;
    return true;
}
// Walks all feasible cycles from path[0]'s lock h; asks of each: is it known, how long is it, is it `wanted`?
static struct m_walk {
    const struct m_request *path[M_STRANDS];
    uint32_t n, target;
    bool target_read;
    uint64_t wanted;
    bool any_known, wanted_found;
    uint32_t shortest_unknown;
} w;
static void m_walk(uint64_t key)
{
    const struct m_request *last = w.path[w.n - 1];
    if (last->want == w.target) {
        if (last->read && w.target_read) return;
        if (m_is_known(key))
            w.any_known = true;
        else if (w.n < w.shortest_unknown)
            w.shortest_unknown = w.n;
        w.wanted_found |= key == w.wanted;
        return;
    }
    for (uint32_t i = 0; i < m_nrequests && w.n < M_STRANDS; i++) {
        const struct m_request *r = &m_requests[i];
        if (m_dead[r->want]) continue;
        bool fits = false;
        for (uint32_t h = 0; h < r->nheld; h++)
            fits |= r->held[h] == last->want && !m_dead[r->held[h]] && !(last->read && r->held_read[h]);
        for (uint32_t k = 0; k < w.n; k++) fits &= m_together(w.path[k], r) && w.path[k]->want != r->want;
        if (!fits) continue;
        w.path[w.n++] = r;
        m_walk(key + edge_key(last->want, r->want));
        w.n--;
    }
}
static void m_from(const struct m_request *r, uint32_t h, uint64_t wanted)
{
    w = (struct m_walk){.path = {r}, .n = 1, .wanted = wanted, .shortest_unknown = UINT32_MAX};
    w.target = r->held[h];
    w.target_read = r->held_read[h];
    if (!m_dead[w.target]) m_walk(edge_key(w.target, r->want));
}
// Has the strand made that request since it last published anything? Then it closes no cycle that was open before.
static bool m_repeated(const struct m_request *r)
{
    for (const struct m_request *p = m_requests; p < r; p++) {
        bool same = p->strand == r->strand && p->published == r->published && p->want == r->want &&
                    p->read == r->read && p->nheld == r->nheld;
        for (uint32_t i = 0; i < p->nheld && same; i++)
            same = p->held[i] == r->held[i] && p->held_read[i] == r->held_read[i];
        if (same) return true;
    }
    return false;
}
static void m_request(uint64_t seed, uint32_t s, uint32_t addr, bool read)
{
    struct m_request *r = &m_requests[m_nrequests++];
    *r = (struct m_request){.strand = s, .time = ++m[s].time, .want = m_id[addr], .nheld = m[s].nheld, .read = read};
    for (uint32_t i = 0; i < r->nheld; i++) {
        r->held[i] = m_id[m[s].held[i]];
        r->held_read[i] = m[s].read[i];
    }
    r->published = m[s].published;
    memcpy(r->must, m[s].must, sizeof r->must);
    const uint32_t before = nreports;
    det_lock_request(strands[s], 1, LOCK(addr), read ? DET_LOCK_READ : 0);
    for (uint32_t i = before; i < nreports; i++) { // reported: true, new, and of the shortest
        uint64_t key = 0;
        for (uint32_t e = 0; e < reports[i].nedges; e++)
            key += edge_key(reports[i].edge[e].from, reports[i].edge[e].to);
        uint32_t h = 0;
        while (h < r->nheld && r->held[h] != reports[i].edge[0].from) h++;
        cr_assert_lt(h, r->nheld, "seed %lu: a report that does not begin with the request", seed);
        m_from(r, h, key);
        cr_assert(w.wanted_found, "seed %lu: a cycle is reported that is not feasible", seed);
        cr_assert_eq(w.shortest_unknown, reports[i].nedges, "seed %lu: reported %u edges, there is one of %u", seed,
                     reports[i].nedges, w.shortest_unknown);
        cr_assert_not(m_is_known(key), "seed %lu: reported twice", seed);
        cr_assert_lt(m_nknown, M_CYCLES);
        m_known[m_nknown++] = key;
    }
    for (uint32_t h = 0; h < r->nheld && !m_repeated(r); h++) { // reported, now or before, for everything that is held
        m_from(r, h, 0);
        cr_assert(w.any_known || w.shortest_unknown == UINT32_MAX, "seed %lu: a feasible cycle of %u edges is missed",
                  seed, w.shortest_unknown);
    }
}
static bool m_holds(uint32_t s, uint32_t addr)
{
    for (uint32_t i = 0; i < m[s].nheld; i++)
        if (m[s].held[i] == addr) return true;
    return false;
}
static bool m_free(uint32_t addr, bool read)
{
    for (uint32_t s = 0; s < M_STRANDS; s++)
        for (uint32_t i = 0; i < m[s].nheld; i++)
            if (m[s].held[i] == addr && !(read && m[s].read[i])) return false;
    return true;
}
static void m_lock(uint64_t seed, uint32_t s, uint32_t addr)
{
    const bool read = pick(3) == 0, try = pick(6) == 0;
    if (m_holds(s, addr) || m[s].nheld == M_HELD) return;
    if (!try) m_request(seed, s, addr, read);
    if (!m_free(addr, read)) return; // had to wait, and gave up
    det_lock_acquired(strands[s], 1, LOCK(addr), (read ? DET_LOCK_READ : 0) | (try ? DET_LOCK_TRY : 0));
    m[s].held[m[s].nheld] = addr;
    m[s].read[m[s].nheld++] = read;
}
static void m_unlock(uint32_t s, uint32_t i)
{
    unlock(s, m[s].held[i]);
    m[s].nheld--;
    for (; i < m[s].nheld; i++) {
        m[s].held[i] = m[s].held[i + 1];
        m[s].read[i] = m[s].read[i + 1];
    }
}
static void m_must(uint32_t from, uint32_t to)
{
    must_edge(from, to);
    m[from].published++;
    for (uint32_t i = 0; i < M_STRANDS; i++)
        if (m[to].must[i] < m[from].must[i]) m[to].must[i] = m[from].must[i];
    m[to].must[from] = m[from].time;
}
static void m_renew(uint32_t addr)
{
    if (!m_free(addr, false)) return;
    det_lock_create(strands[0], 1, LOCK(addr), 0);
    m_dead[m_id[addr]] = true;
    m_id[addr] = m_next_id++;
}
static uint32_t m_stream(uint64_t seed)
{
    random_state = seed;
    const struct det_config cfg = {.detect_deadlocks = true, .max_time = pick(2) ? 7 : 0};
    feed_begin(1, &cfg);
    memset(m, 0, sizeof m);
    memset(m_dead, 0, sizeof m_dead);
    m_nrequests = m_nknown = m_next_id = 0;
    for (uint32_t i = 0; i < M_LOCKS; i++) {
        det_lock_create(strands[0], 1, LOCK(i), DET_LOCK_RW);
        m_id[i] = m_next_id++;
    }
    for (uint32_t i = 1; i < M_STRANDS; i++) {
        feed_strand(i, 0);
        memcpy(m[i].must, m[0].must, sizeof m[i].must);
    }
    const uint32_t order = 1 + pick(20), must = pick(4) ? 0 : 1 + pick(3);
    for (uint32_t i = 0; i < M_EVENTS; i++) {
        const uint32_t s = pick(M_STRANDS), what = pick(100);
        if (what < 55)
            m_lock(seed, s, pick(order) ? pick(M_LOCKS) : m[s].nheld);
        else if (what < 95 - must)
            while (m[s].nheld && pick(4)) m_unlock(s, pick(4) ? m[s].nheld - 1 : pick(m[s].nheld));
        else if (what < 98)
            m_must(s, pick(M_STRANDS));
        else
            m_renew(pick(M_LOCKS));
    }
    det_lockgraph_check();
    return nreports;
}
Test(lockgraph, agrees_with_trying_everything)
{
    const char *from = getenv("LOCKGRAPH_SEED"), *n = getenv("LOCKGRAPH_STREAMS");
    const uint64_t seed = from ? strtoull(from, NULL, 10) : 1, streams = n ? strtoull(n, NULL, 10) : 1000;
    uint64_t found = 0;
    for (uint64_t i = 0; i < streams; i++) found += m_stream(seed + i);
    cr_expect_gt(found, streams / 4, "only %lu cycles in %lu streams", found, streams);
}
