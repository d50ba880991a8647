// test_history.c: the last synchronisation before each side of a race, against what was fed.
// Each synchronisation has a pc of its own, so that a report's tells which it was.
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "detector/history.h"
#include "detector/stamp.h"
#include "detector/sweep.h"

enum { X = 0x7f000000, SEM = 0x7e000000, LOCK_A = 0x7d000000, LOCK_B = 0x7d000040 };
static struct det_strand *mother, *a, *b;
static struct det_report seen;
static struct det_strand_info seen_strands[5];
static uint32_t seen_locks[70];
static unsigned races;

static void sink(struct det_report *r, void *ctx)
{
    (void)ctx;
    seen = *r;
    for (uint32_t i = 0; i < r->nstrands; i++) seen_strands[i] = r->strands[i];
    for (uint32_t i = 0; i < r->nlocks; i++) seen_locks[i] = r->locks[i].id;
    races++;
}
static struct det_strand *child(uintptr_t pc)
{
    struct det_strand *s = det_strand_create(mother, pc);
    det_strand_start(s, 2, 0, 0);
    return s;
}
static void begin_with(const struct det_config *cfg)
{
    races = 0;
    det_init(cfg, sink, NULL);
    mother = det_strand_create(NULL, 0);
    det_strand_start(mother, 1, 0, 0);
    a = child(0x10);
    b = child(0x11);
}
static void begin(void) { begin_with(&(struct det_config){.report_races = true, .report_atomic_races = true}); }
static void end(void) { det_reset(); }

static void lock(struct det_strand *s, uintptr_t l, uintptr_t pc)
{
    det_lock_request(s, pc, l, 0);
    det_lock_acquired(s, pc, l, 0);
}
static void unlock(struct det_strand *s, uintptr_t l, uintptr_t pc) { det_lock_release(s, pc, l, 0); }
static void touch(struct det_strand *s, uintptr_t addr) { det_access_slow(s, 0x1000, addr, 4, DET_WRITE); }
// The earlier side of the race that b makes of X.
static const struct det_last_sync *earlier(void)
{
    const unsigned before = races;
    touch(b, X);
    cr_assert_eq(races, before + 1);
    return &seen.side[1].last_sync;
}
#define expect_sync(l, kind, at)                                                                                       \
    do {                                                                                                               \
        const struct det_last_sync *l_ = (l);                                                                          \
        cr_expect_eq(l_->what, kind, "kind %d", (int)l_->what);                                                        \
        cr_expect_eq(l_->stack.n ? l_->stack.pc[0] : 0, (uintptr_t)(at), "at %lx", (unsigned long)l_->stack.pc[0]);    \
    } while (0)
// Asks for a sweep and lets s make it.
static void sweep(struct det_strand *s)
{
    const uint64_t before = det_sweeps();
    det_sweep_ask();
    det_sync_destroy(s, 1, SEM + 8);
    cr_assert_eq(det_sweeps(), before + 1);
}

// ---- the access just made ------------------------------------------------------------------------------------

Test(history, the_newest_is_the_current_sides, .init = begin, .fini = end)
{
    touch(a, X);
    lock(b, LOCK_A, 0x20);
    expect_sync((earlier(), &seen.side[0].last_sync), DET_SYNC_LOCK, 0x20);
    cr_expect_eq(seen.side[0].last_sync.of, DET_SYNC_OF_LOCK);
    cr_expect_eq(seen_locks[seen.side[0].last_sync.index], 0u);
    cr_expect_not(seen.side[0].last_sync.or_later);
    touch(a, X + 8);
    unlock(b, LOCK_A, 0x21);
    touch(b, X + 8);
    expect_sync(&seen.side[0].last_sync, DET_SYNC_UNLOCK, 0x21);
}
Test(history, an_atomic_is_not_before_itself, .init = begin, .fini = end)
{
    struct det_atomic op;
    touch(a, X);
    det_release(b, 0x20, SEM, 0);
    for (unsigned i = 0; i < 2; i++) {
        touch(a, X + 16 * i);
        det_atomic_begin(b, 0x21 + i, X + 16 * i, 4, &op);
        det_atomic_end(b, &op, DET_OP_RMW, __ATOMIC_RELEASE);
        expect_sync(&seen.side[0].last_sync, i ? DET_SYNC_ATOMIC_RELEASE : DET_SYNC_RELEASE, i ? 0x21 : 0x20);
    }
    cr_expect_eq(races, 2u);
}

// ---- the earlier access --------------------------------------------------------------------------------------

Test(history, none_since_the_start, .init = begin, .fini = end)
{
    touch(a, X);
    expect_sync(earlier(), DET_SYNC_START, 0);
    cr_expect_eq(seen.side[1].last_sync.of, DET_SYNC_OF_NOTHING);
}
Test(history, what_began_the_epoch, .init = begin, .fini = end)
{
    lock(a, LOCK_A, 0x20);
    touch(a, X + 64);
    unlock(a, LOCK_A, 0x21);
    touch(a, X);
    lock(a, LOCK_A, 0x22);
    unlock(a, LOCK_A, 0x23);
    expect_sync(earlier(), DET_SYNC_UNLOCK, 0x21);
    cr_expect_not(seen.side[1].last_sync.or_later);
}
Test(history, before_something_is_acquired_in_the_epoch, .init = begin, .fini = end)
{
    det_release(mother, 1, SEM, 0);
    touch(a, X);
    det_acquire(a, 0x20, SEM, 0);
    expect_sync(earlier(), DET_SYNC_START, 0);
    cr_expect(seen.side[1].last_sync.or_later, "the stamp is good for a later access of this site, too");
}
Test(history, after_something_is_acquired_in_the_epoch, .init = begin, .fini = end)
{
    det_release(mother, 1, SEM, 0);
    touch(a, X + 64);
    det_acquire(a, 0x20, SEM, 0);
    det_access_slow(a, 0x1001, X, 4, DET_WRITE);
    expect_sync(earlier(), DET_SYNC_ACQUIRE, 0x20);
    cr_expect_eq(seen.side[1].last_sync.of, DET_SYNC_OF_ADDRESS);
    cr_expect_eq(seen.side[1].last_sync.addr, SEM);
    cr_expect_not(seen.side[1].last_sync.or_later);
}
Test(history, after_a_lock_in_the_epoch, .init = begin, .fini = end)
{
    lock(a, LOCK_A, 0x20);
    touch(a, X);
    expect_sync(earlier(), DET_SYNC_LOCK, 0x20);
    cr_expect_not(seen.side[1].last_sync.or_later);
}
Test(history, free_is_stamped_by_other_numbers, .init = begin, .fini = end)
{
    det_release(mother, 1, SEM, 0);
    det_alloc(a, 0x1002, X, 64);
    det_acquire(a, 0x20, SEM, 0);
    cr_assert(det_free(a, 0x1003, X));
    expect_sync(earlier(), DET_SYNC_ACQUIRE, 0x20);
    cr_expect_not(seen.side[1].last_sync.or_later);
}
Test(history, creations_and_joins, .init = begin, .fini = end)
{
    det_strand_finish(a);
    det_strand_join(mother, 0x20, a);
    touch(mother, X);
    expect_sync(earlier(), DET_SYNC_JOIN, 0x20);
    cr_expect_eq(seen_strands[seen.side[1].last_sync.index].id, 1u);
    child(0x21);
    touch(mother, X + 8);
    touch(b, X + 8);
    expect_sync(&seen.side[1].last_sync, DET_SYNC_CREATE, 0x21);
    cr_expect_eq(seen_strands[seen.side[1].last_sync.index].id, 3u);
}
Test(history, the_other_kinds, .init = begin, .fini = end)
{
    struct det_atomic op;
    const struct det_last_sync *l = &seen.side[0].last_sync;
    uintptr_t x = X;
#define NOW(kind, at)                                                                                                  \
    do {                                                                                                               \
        touch(a, x);                                                                                                   \
        touch(b, x);                                                                                                   \
        x += 16;                                                                                                       \
        expect_sync(l, kind, at);                                                                                      \
    } while (0)
    det_lock_create(b, 1, LOCK_A, DET_LOCK_RW);
    det_lock_acquired(b, 0x20, LOCK_A, DET_LOCK_READ);
    NOW(DET_SYNC_READ_LOCK, 0x20);
    det_lock_release(b, 0x21, LOCK_A, 0);
    NOW(DET_SYNC_READ_UNLOCK, 0x21);
    det_cond_signal(b, 0x22, SEM, false);
    NOW(DET_SYNC_READ_UNLOCK, 0x21); // nobody waits
    det_cond_wait_begin(mother, 1, SEM);
    det_cond_signal(b, 0x23, SEM, false);
    NOW(DET_SYNC_SIGNAL, 0x23);
    det_cond_signal(b, 0x24, SEM, true);
    NOW(DET_SYNC_BROADCAST, 0x24);
    det_cond_wait_begin(b, 1, SEM);
    det_cond_wait_end(b, 0x25, SEM, true);
    NOW(DET_SYNC_WAIT, 0x25);
    det_lock_acquired(b, 0x26, LOCK_B, DET_LOCK_COND);
    NOW(DET_SYNC_RELOCK, 0x26);
    det_barrier_init(b, 1, SEM, 1);
    det_barrier_leave(b, 0x28, SEM, det_barrier_enter(b, 0x27, SEM));
    NOW(DET_SYNC_BARRIER, 0x28);
    det_fence(b, 0x29, __ATOMIC_RELEASE);
    NOW(DET_SYNC_FENCE, 0x29);
    det_fence(b, 0x2a, __ATOMIC_ACQUIRE); // of nothing
    NOW(DET_SYNC_FENCE, 0x29);
    det_atomic_begin(b, 0x2b, SEM + 64, 4, &op);
    det_atomic_end(b, &op, DET_OP_STORE, __ATOMIC_RELEASE);
    NOW(DET_SYNC_ATOMIC_RELEASE, 0x2b);
    det_atomic_begin(b, 0x2c, SEM + 64, 4, &op);
    det_atomic_end(b, &op, DET_OP_LOAD, __ATOMIC_ACQUIRE);
    NOW(DET_SYNC_ATOMIC_RELEASE, 0x2b); // it learned nothing
    det_atomic_begin(mother, 1, SEM + 64, 4, &op);
    det_atomic_end(mother, &op, DET_OP_STORE, __ATOMIC_RELEASE);
    det_atomic_begin(b, 0x2d, SEM + 64, 4, &op);
    det_atomic_end(b, &op, DET_OP_LOAD, __ATOMIC_ACQUIRE);
    NOW(DET_SYNC_ATOMIC_ACQUIRE, 0x2d);
    det_lock_release(mother, 0x2e, LOCK_B, 0); // somebody else's
    touch(mother, x);
    touch(a, x);
    expect_sync(&seen.side[1].last_sync, DET_SYNC_UNLOCK, 0x2e);
}

// ---- what is forgotten ---------------------------------------------------------------------------------------

Test(history, unknown_once_the_ring_is_full, .init = begin, .fini = end)
{
    touch(a, X);
    for (int i = 0; i < DET_HISTORY / 2; i++) {
        lock(a, LOCK_A, 0x20);
        unlock(a, LOCK_A, 0x21);
    }
    cr_expect_eq(earlier()->what, DET_SYNC_UNKNOWN);
    expect_sync(&seen.side[0].last_sync, DET_SYNC_START, 0);
}
// Acquisitions alone: the epoch's beginning is lost, but the stamp's number tells after which of those left it was made.
Test(history, known_by_number_in_a_full_ring, .init = begin, .fini = end)
{
    for (int i = 0; i < 2 * DET_HISTORY; i++) {
        det_release(mother, 1, SEM, 0);
        det_acquire(a, (uintptr_t)(0x100 + i), SEM, 0);
    }
    touch(a, X);
    expect_sync(earlier(), DET_SYNC_ACQUIRE, 0x100 + 2 * DET_HISTORY - 1);
}
Test(history, after_a_sweep_the_held_set_tells, .init = begin, .fini = end)
{
    lock(a, LOCK_A, 0x20);
    touch(a, X);
    sweep(mother);
    expect_sync(earlier(), DET_SYNC_LOCK, 0x20);
    cr_expect_not(seen.side[1].last_sync.or_later);
}
Test(history, after_a_sweep_the_first_of_the_epoch, .init = begin, .fini = end)
{
    det_release(mother, 1, SEM, 0);
    touch(a, X + 64);
    det_acquire(a, 0x20, SEM, 0);
    det_access_slow(a, 0x1001, X, 4, DET_WRITE);
    sweep(mother);
    expect_sync(earlier(), DET_SYNC_START, 0);
    cr_expect(seen.side[1].last_sync.or_later);
}
Test(history, a_stamp_from_before_a_sweep_is_not_after_what_came_since, .init = begin, .fini = end)
{
    det_release(mother, 1, SEM, 0);
    touch(a, X);
    sweep(mother);
    det_acquire(a, 0x20, SEM, 0);
    det_access_slow(a, 0x1001, X + 64, 4, DET_WRITE);
    expect_sync(earlier(), DET_SYNC_START, 0);
}
Test(history, a_finished_strand_is_answered_for, .init = begin, .fini = end)
{
    lock(a, LOCK_A, 0x20);
    touch(a, X);
    unlock(a, LOCK_A, 0x21);
    det_strand_finish(a);
    det_strand_join(mother, 0x22, a);
    expect_sync(earlier(), DET_SYNC_LOCK, 0x20);
}
Test(history, a_finished_strand_with_a_full_ring, .init = begin, .fini = end)
{
    touch(a, X + 64);
    for (uintptr_t i = 0; i < 5 * DET_HISTORY; i++) {
        lock(a, LOCK_A, 0x100 + 2 * i);
        if (i == 5 * DET_HISTORY - 1) touch(a, X);
        if (i < 5 * DET_HISTORY - 1) unlock(a, LOCK_A, 0x101 + 2 * i);
    }
    det_strand_finish(a);
    det_strand_join(mother, 0x22, a);
    expect_sync(earlier(), DET_SYNC_LOCK, 0x100 + 2 * (5 * DET_HISTORY - 1));
    touch(b, X + 64);
    cr_expect_eq(seen.side[1].last_sync.what, DET_SYNC_UNKNOWN);
}
// Strands that finished longest ago go first, and the whole is bounded.
Test(history, the_oldest_of_the_finished_are_forgotten, .init = begin, .fini = end)
{
    touch(a, X);
    det_strand_finish(a);
    det_strand_join(mother, 1, a);
    struct det_strand *last = NULL;
    for (int i = 0; i < 20000; i++) {
        last = child(1);
        if (i == 19999) touch(last, X + 8);
        det_strand_finish(last);
        det_strand_detach(mother, last);
    }
    cr_expect_eq(earlier()->what, DET_SYNC_UNKNOWN);
    touch(b, X + 8);
    expect_sync(&seen.side[1].last_sync, DET_SYNC_START, 0);
}
Test(history, a_reused_slot_keeps_its_owners_apart, .init = begin, .fini = end)
{
    lock(a, LOCK_A, 0x20);
    touch(a, X);
    const uint32_t slot = a->slot;
    det_strand_finish(a);
    det_strand_join(mother, 1, a);
    struct det_strand *c = child(1);
    cr_assert_eq(c->slot, slot);
    lock(c, LOCK_B, 0x30);
    touch(c, X + 8);
    expect_sync(earlier(), DET_SYNC_LOCK, 0x20);
    touch(b, X + 8);
    expect_sync(&seen.side[1].last_sync, DET_SYNC_LOCK, 0x30);
}
// Times go on from those of the new slot, so what was noted under the old one must not be taken for it.
Test(history, a_strand_that_moves_to_another_slot)
{
    begin_with(&(struct det_config){.report_races = true, .max_time = 7});
    const uint32_t slot = a->slot;
    uintptr_t pc = 0x20;
    for (uintptr_t x = X; x < X + 64 * 16; x += 16, pc++) {
        touch(a, x);
        touch(b, x);
        expect_sync(&seen.side[1].last_sync, pc == 0x20 ? DET_SYNC_START : DET_SYNC_RELEASE, pc == 0x20 ? 0 : pc);
        det_release(a, pc + 1, SEM, 0);
    }
    cr_expect_neq(a->slot, slot);
    for (const uint32_t last = a->slot; a->slot == last; det_release(a, ++pc, SEM, 0)) touch(a, X - 128);
    touch(a, X - 64); // in the first epoch of the slot, while older entries have such times, too
    sweep(mother);    // no number tells any more
    touch(b, X - 64);
    expect_sync(&seen.side[1].last_sync, DET_SYNC_RELEASE, pc);
    cr_expect_not(seen.side[1].last_sync.or_later);
    end();
}
// A lock's name is given back when nothing but a history knows it.
Test(history, a_lock_that_is_gone, .init = begin, .fini = end)
{
    lock(a, LOCK_A, 0x20);
    unlock(a, LOCK_A, 0x21);
    det_lock_destroy(a, 1, LOCK_A);
    touch(a, X);
    for (int i = 0; i < 1100; i++) {
        det_lock_create(mother, 1, LOCK_B, 0);
        det_lock_destroy(mother, 1, LOCK_B);
    }
    sweep(mother);
    expect_sync(earlier(), DET_SYNC_UNLOCK, 0x21);
    cr_expect_eq(seen.side[1].last_sync.of, DET_SYNC_OF_NOTHING);
}

// ---- against a naive model -----------------------------------------------------------------------------------
// Each strand touches each place once, so its report is about that access, and the model knows after how many
// synchronisations of that strand it came. The pc of a synchronisation is 0x100000 + its strand's number of it.

enum { STRANDS = 5, PLACES = 6000, SITES = 3 };
static struct model {
    struct det_strand *s;
    uint32_t synced; // how often it has; the start is 0
    bool held[2];
} models[STRANDS];
static struct {
    uint32_t id, synced;
} truth[PLACES][STRANDS]; // id: of the strand that has this place in models
static unsigned known, exact, asked;

static uintptr_t sync_pc(struct model *m) { return 0x100000 + ++m->synced; }
static void check_side(const struct det_report *r, int i)
{
    const struct det_side *side = &r->side[i];
    const struct det_last_sync *l = &side->last_sync;
    const uint32_t id = r->strands[side->strand].id;
    uint32_t want = UINT32_MAX;
    for (int k = 0; k < STRANDS; k++)
        if (truth[(r->addr - X) / 16][k].id == id) want = truth[(r->addr - X) / 16][k].synced;
    cr_assert_neq(want, UINT32_MAX);
    asked++;
    if (l->what == DET_SYNC_UNKNOWN) return;
    known++;
    exact += !l->or_later;
    const uint32_t got = l->stack.n ? (uint32_t)(l->stack.pc[0] - 0x100000) : 0;
    cr_assert(l->or_later ? got <= want : got == want, "side %d of strand %u: %u, not %u%s", i, id, got, want,
              l->or_later ? " or later" : "");
    cr_assert_eq(l->what == DET_SYNC_START, got == 0);
}
static void check_both(struct det_report *r, void *ctx)
{
    (void)ctx;
    check_side(r, 0);
    check_side(r, 1);
}
static void model_lock(struct model *m, int l)
{
    const uintptr_t at = l ? LOCK_B : LOCK_A;
    for (struct model *o = models; o < models + STRANDS; o++)
        if (o != m && o->held[l]) return;
    m->held[l] = !m->held[l];
    if (m->held[l])
        lock(m->s, at, sync_pc(m));
    else
        unlock(m->s, at, sync_pc(m));
}
static void model_renew(struct model *m)
{
    for (int l = 0; l < 2; l++)
        if (m->held[l]) model_lock(m, l);
    det_strand_finish(m->s);
    det_strand_join(models[0].s, sync_pc(&models[0]), m->s);
    *m = (struct model){.s = det_strand_create(models[0].s, sync_pc(&models[0]))};
}
static void model_touch(struct model *m, uint32_t place, uintptr_t pc)
{
    truth[place][m - models].id = det_strand_id(m->s);
    truth[place][m - models].synced = m->synced;
    det_access_slow(m->s, pc, X + 16 * (uintptr_t)place, 4, DET_WRITE);
}
static void model_run(unsigned seed, const struct det_config *cfg)
{
    srandom(seed);
    memset(truth, 255, sizeof truth);
    det_init(cfg, check_both, NULL);
    models[0] = (struct model){.s = det_strand_create(NULL, 0)};
    for (int i = 1; i < STRANDS; i++)
        models[i] = (struct model){.s = det_strand_create(models[0].s, sync_pc(&models[0]))};
    det_release(models[0].s, sync_pc(&models[0]), SEM, 0);
    for (uint32_t first = 0; first + 8 < PLACES;) {
        struct model *m = &models[random() % STRANDS];
        switch (random() % 16) {
        case 0: det_release(m->s, sync_pc(m), SEM, 0); break;
        case 1: det_acquire(m->s, sync_pc(m), SEM, 0); break;
        case 2 ... 4: model_lock(m, random() % 2); break;
        case 5:
            if (random() % 8 == 0 && m != models) model_renew(m);
            break;
        case 6: first++; break;
        case 7:
            if (random() % 64 == 0) det_sweep_ask();
            break;
        default: {
            const uint32_t place = first + (uint32_t)random() % 8;
            if (truth[place][m - models].id == UINT32_MAX)
                model_touch(m, place, 0x1000 + (uintptr_t)(random() % SITES));
        }
        }
    }
    det_reset();
    for (int i = 0; i < STRANDS; i++) models[i] = (struct model){0};
}
Test(history, random_streams)
{
    const char *given = getenv("RAVEL_TEST_SEED");
    unsigned seed = given ? (unsigned)atoi(given) : 1;
    for (const unsigned stop = given ? seed + 1 : 13; seed < stop; seed++) {
        cr_log_info("seed %u", seed);
        model_run(seed, &(struct det_config){.report_races = true, .max_time = seed % 4 == 3 ? 7 : 0});
    }
    cr_log_info("%u sides, of which %u known, %u exactly", asked, known, exact);
    cr_expect_gt(asked, 1000u * (given == NULL));
    cr_expect_gt(known, asked / 4 * 3);
    cr_expect_gt(exact, known / 2);
}

// ---- a ring that is read while it is written -----------------------------------------------------------------

static struct det_synced ring[DET_HISTORY];
static struct det_history busy = {.entries = ring, .size = DET_HISTORY};
static uint32_t stop;

static struct det_synced entry(uint32_t k) { return (struct det_synced){k, k, k, k, k, k, k, k}; }
static void *write_entries(void *arg)
{
    for (uint32_t k = 0; !base_load_relaxed(&stop); k++) {
        const struct det_synced e = entry(k);
        det_history_add(&busy, &e);
    }
    return arg;
}
// Every entry that det_history_read vouches for is whole, and the one that was asked for.
Test(history, no_torn_entry)
{
    pthread_t writer;
    cr_assert_eq(pthread_create(&writer, NULL, write_entries, NULL), 0);
    uint64_t read = 0, refused = 0;
    while (read < 200000) {
        const uint64_t n = base_load_acquire(&busy.n);
        for (uint64_t back = 1; back <= DET_HISTORY && back <= n; back++) {
            struct det_synced got;
            if (!det_history_read(&busy, n - back, &got)) {
                refused++;
                break;
            }
            const struct det_synced want = entry((uint32_t)(n - back));
            cr_assert_eq(memcmp(&got, &want, sizeof got), 0, "entry %lu has time %u, what %u, object %lu", n - back,
                         got.time, got.what, got.object);
            read++;
        }
    }
    base_store_relaxed(&stop, 1u);
    pthread_join(writer, NULL);
    cr_log_info("%lu read, %lu refused", read, refused);
}
