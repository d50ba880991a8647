// test_light.c: light strands: small, quick, many, and gone without a trace. What they decide is the oracle's to check
// (oracle --light); what they are carried by is here.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "detector/access.h"
#include "detector/objects.h"
#include "detector/report.h"
#include "detector/strand.h"
#include "detector/sweep.h"

#ifdef RAVEL_TINY
enum { LIVE = 2000, MANY = 20000 };
#else
enum { LIVE = 100000, MANY = 1000000 };
#endif
static const uintptr_t memory = 0x7f0000000000, lock = 0x7f0100000000;
static struct det_strand *thread[2], *maker;
static unsigned races;
static struct det_strand_info who[2];

static void sink(struct det_report *r, void *ctx)
{
    (void)ctx;
    if (r->kind != DET_REPORT_RACE) return;
    races++;
    for (int i = 0; i < 2; i++) who[i] = r->strands[r->side[i].strand];
}
static void begin(void)
{
    const struct det_config cfg = {.report_races = true};
    races = 0;
    det_init(&cfg, sink, NULL);
    for (int i = 0; i < 2; i++) {
        thread[i] = det_strand_create(NULL, 0);
        det_strand_start(thread[i], i, 0, 0);
        det_strand_carry(thread[i], thread[i]);
    }
    maker = det_strand_create(NULL, 0);
    det_strand_start(maker, 3, 0, 0);
}
static void end(void) { det_reset(); }
static struct det_strand *make(uint64_t goid)
{
    struct det_strand *s = det_strand_create_light(maker, 0x400001, goid);
    det_strand_start(s, 0, 0, 0);
    return s;
}
static void write_at(struct det_strand *s, uintptr_t addr) { det_access_slow(s, 0x400100, addr, 8, DET_WRITE); }
static uint64_t bytes(void)
{
    struct det_stats s;
    det_stats_read(&s);
    return s.bytes;
}

// Of all that read a word, some more than once, one is not known to who writes it: that is the race, and it is the only one. What
// each reader adds to the word's record costs no more with many: else there would be a sweep for every few of them.
static void read_at(struct det_strand *s, uintptr_t addr) { det_access_slow(s, 0x400200, addr, 8, DET_READ); }
static void read_by_all(struct det_strand **readers, uint32_t n, uintptr_t addr, bool sweeps)
{
    for (uint32_t i = 0; i < 2 * n; i++) {
        struct det_strand *const s = readers[i < n ? i : (uint32_t)rand() % n];
        det_strand_carry(thread[i % 2], s);
        read_at(s, addr);
        if (i % 3 == 0) det_release(s, 1, lock + 64 + 8 * i, DET_SET);
        if (sweeps && i % (n / 4) == 0) det_sweep_ask();
        det_strand_carry(thread[i % 2], thread[i % 2]);
    }
}
static void one_unknown(uint32_t n, uint32_t unknown, bool sweeps)
{
    begin();
    struct det_strand **readers = calloc(n, sizeof *readers), *const writer = make(n + 1);
    for (uint32_t i = 0; i < n; i++) readers[i] = make(i + 1);
    read_by_all(readers, n, memory, sweeps);
    for (uint32_t i = 0; i < n; i++) {
        det_strand_carry(thread[0], readers[i]);
        if (i != unknown) det_release(readers[i], 1, lock, DET_MUST);
    }
    det_strand_carry(thread[0], writer);
    det_acquire(writer, 1, lock, DET_MUST);
    write_at(writer, memory);
    cr_expect_eq(races, 1u, "reader %u of %u: %u races", unknown, n, races);
    cr_expect_eq(who[1].goid + who[0].goid, (uint64_t)unknown + n + 2);
    write_at(writer, memory);
    cr_expect_eq(races, 1u);
    if (!sweeps) cr_expect_leq(det_sweeps(), 2u + 2 * n / 8192); // of stamps' making
    cr_expect_eq(det_given_up(), 0u);
    free(readers);
    end();
}
Test(light, many_read_a_word)
{
    one_unknown(LIVE / 5, 0, false);
    for (uint32_t n = 20; n < 3000; n = 2 * n + 7)
        for (uint32_t unknown = 0; unknown < n; unknown += n / 3) one_unknown(n, unknown, unknown % 2);
}

Test(light, one_after_the_other_on_a_thread_is_no_order, .init = begin, .fini = end)
{
    struct det_strand *a = make(7), *b = make(8);
    det_strand_name(a, "a name of thirty-one characters");
    det_strand_carry(thread[0], a);
    write_at(a, memory);
    det_strand_finish(a);
    cr_expect_eq(thread[0]->carrier->strand, thread[0]);
    det_strand_carry(thread[0], b);
    write_at(b, memory);
    cr_expect_eq(races, 1u);
    cr_expect_eq(who[0].goid, 8u);
    cr_expect_eq(who[1].goid, 7u);
    cr_expect_str_eq(who[1].name, "a name of thirty-one characters");
    cr_expect(!who[1].running && who[1].has_parent && who[1].parent_goid == 0);
}
Test(light, it_is_the_same_on_another_thread, .init = begin, .fini = end)
{
    struct det_strand *a = make(7);
    for (int i = 0; i < 100; i++) {
        det_strand_carry(thread[i % 2], a);
        write_at(a, memory + 8 * (unsigned)(i % 10));
        det_strand_carry(thread[i % 2], thread[i % 2]);
    }
    cr_expect_eq(races, 0u);
}
Test(light, nothing_happens_to_one_that_nobody_carries, .init = begin, .fini = end)
{
    struct det_strand *a = make(7), *b = make(8);
    write_at(a, memory);
    det_strand_carry(thread[0], b);
    write_at(b, memory);
    cr_expect_eq(races, 0u);
}
// At the end of rv_run: what it did stays known, its mutex is nobody's, and its memory is another one's.
Test(light, one_that_never_goes_on_is_given_up, .init = begin, .fini = end)
{
    struct det_strand *a = make(7);
    det_strand_carry(thread[0], a);
    det_lock_acquired(a, 0x400200, lock, 0);
    write_at(a, memory);
    det_strand_carry(thread[0], thread[0]);
    det_strand_abandon(maker, a);
    struct det_strand *b = make(8);
    cr_expect_eq(a, b);
    det_strand_carry(thread[0], b);
    write_at(b, memory);
    cr_expect_eq(races, 1u);
    cr_expect(who[1].goid == 7 && !who[1].running);
    const struct det_lock *l = det_object_find(lock, DET_OBJ_LOCK);
    cr_expect(l && !l->owner);
}
Test(light, a_creator_may_act_for_another, .init = begin, .fini = end)
{
    struct det_strand *a = make(7);
    det_strand_carry(thread[0], a);
    const uint64_t origin = det_strand_origin(a, 0x400300);
    write_at(a, memory);
    struct det_strand *b = make(8);
    det_strand_created_by(b, origin);
    det_strand_carry(thread[0], b);
    write_at(b, memory); // which it was not told of
    cr_expect_eq(races, 1u);
    cr_expect(who[0].parent_goid == 7 && who[0].created.n && who[0].created.pc[0] == 0x400300);
    cr_expect(who[1].parent_goid == 0);
}
Test(light, thread_locals_are_used_in_turn, .init = begin, .fini = end)
{
    det_strand_thread_locals(thread[0], memory, memory + 64);
    struct det_strand *a = make(7), *b = make(8);
    det_strand_carry(thread[0], a);
    write_at(a, memory + 4096); // before it, so ordered as well
    write_at(a, memory + 8);
    write_at(a, memory + 8192); // after it
    det_strand_carry(thread[0], b);
    write_at(b, memory + 8);
    write_at(b, memory + 4096);
    cr_expect_eq(races, 0u);
    write_at(b, memory + 8192);
    cr_expect_eq(races, 1u);
    det_strand_carry(thread[0], thread[0]);
    det_strand_carry(thread[1], a); // elsewhere they are anybody's
    write_at(a, memory + 8);
    cr_expect_eq(races, 2u);
}
Test(light, a_stack_is_fresh_after_its_owner, .init = begin, .fini = end)
{
    struct det_strand *s[2];
    for (uint64_t i = 0; i < 2; i++) {
        s[i] = det_strand_create_light(maker, 0x400001, i + 1);
        det_strand_carry(thread[i], s[i]);
        det_strand_start(s[i], 0, memory, memory + 65536);
        for (uintptr_t a = memory + 60000; a < memory + 65536; a += 8) write_at(s[i], a);
        det_strand_finish(s[i]);
    }
    cr_expect_eq(races, 0u);
}
Test(light, many_live_and_each_race_is_found, .init = begin, .fini = end)
{
    static struct det_strand *s[LIVE];
    const uint64_t before = bytes();
    for (unsigned i = 0; i < LIVE; i++) {
        s[i] = make(i + 1);
        det_strand_carry(thread[i % 2], s[i]);
        write_at(s[i], memory + 8 * i);
        det_strand_carry(thread[i % 2], thread[i % 2]);
    }
    cr_log_info("%lu bytes each, without the strand's own page", (unsigned long)((bytes() - before) / LIVE));
    for (unsigned i = 0; i < LIVE; i++) {
        det_strand_carry(thread[0], s[i]);
        write_at(s[i], memory + 8 * ((i + LIVE / 2) % LIVE));
        det_strand_carry(thread[0], thread[0]);
    }
    cr_expect_eq(races, (unsigned)LIVE);
}
Test(light, many_one_after_the_other_leave_nothing, .init = begin, .fini = end)
{
    uint64_t half = 0;
    for (unsigned i = 0; i < MANY; i++) {
        struct det_strand *s = make(i + 1);
        det_strand_carry(thread[i % 2], s);
        det_acquire(s, 0x400200, lock, DET_MUST);
        write_at(s, memory + 8 * (i % 100));
        det_release(s, 0x400201, lock, DET_MUST);
        det_strand_finish(s);
        if (i % 8 == 0) det_acquire(maker, 0x400300, lock, DET_MUST);
        if (i == MANY / 2) half = bytes();
    }
    cr_expect_eq(races, 0u);
    cr_expect_lt(bytes(), half + half / 8 + (1u << 20), "%lu bytes, and %lu at half time", (unsigned long)bytes(),
                 (unsigned long)half);
}

// Stacks lie one after the other, of several sizes, in places that are used again; beside a naive search.
Test(light, an_address_finds_its_stack, .init = begin, .fini = end)
{
    enum { PLACES = 64, ROOM = 1 << 20 };
    struct place {
        struct det_strand *s;
        uintptr_t lo, hi;
    } places[PLACES] = {{NULL, 0, 0}};
    uint64_t random = 88172645463325252u;
    for (unsigned i = 0; i < 20000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        struct place *p = &places[random % PLACES];
        if (p->s) {
            det_strand_carry(thread[0], p->s);
            det_strand_finish(p->s);
            p->s = NULL;
        } else {
            p->lo = memory + (random % PLACES) * ROOM + (random >> 20) % 4 * 4096;
            p->hi = p->lo + (4096ul << (random >> 24) % 8);
            p->s = det_strand_create_light(maker, 0x400001, i + 1);
            det_strand_start(p->s, 0, p->lo, p->hi);
        }
        const uintptr_t addr = memory + (random >> 30) % ((uintptr_t)PLACES * ROOM);
        const struct place *q = &places[(addr - memory) / ROOM];
        const bool inside = q->s && addr >= q->lo && addr < q->hi;
        uint32_t id = 0;
        uintptr_t lo = 0, hi = 0;
        cr_assert_eq(det_strand_at(addr, &id, &lo, &hi), inside, "step %u, address %lx", i, (unsigned long)addr);
        if (inside) cr_assert(id == det_strand_id(q->s) && lo == q->lo && hi == q->hi, "step %u", i);
    }
}
