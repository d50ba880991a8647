// test_threads.c: what the oracle, which feeds one event after another, cannot see: events at the same time.
// Threads that obey the rules must never be reported, however their events interleave with one another and with sweeps;
// and of accesses that are made at the same moment, all but the first must be reported.
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "detector/event_inline.h"
#include "detector/report.h"
#include "detector/strand.h"

enum { THREADS = 4, LOCKS = 3, PAGE = 2048 };
static const uintptr_t memory = 0x7f0000000000, shared = 0x7f0100000000, flags = 0x7f0200000000, heap = 0x7f0300000000,
                       owned = 0x7f0400000000;
static struct det_strand *strands[THREADS + 1]; // [THREADS] is main's
static uint64_t reports;                        // atomic
static struct {                                 // atomic: which strands reported a race at that address in this round
    uintptr_t addr;
    size_t size;
    uint32_t reporters;
} watched;

enum { OWNED = 16, MEETINGS = 64 };   // pages, and words of each, see own_or_take
static uint8_t told[OWNED][PAGE / 8]; // atomic: at which words a race was reported in this round

static void sink(struct det_report *r, void *ctx)
{
    (void)ctx;
    if (r->addr - owned < OWNED * PAGE) told[(r->addr - owned) / PAGE][r->addr % PAGE / 8] = 1;
    base_add_relaxed(&reports, 1u);
    if (r->addr >= watched.addr && r->addr - watched.addr < watched.size)
        base_or_relaxed(&watched.reporters, 1u << r->strands[r->side[0].strand].id);
}
static void begin(uint32_t stamp_limit, uint32_t max_time)
{
    const struct det_config cfg = {.stamp_limit = stamp_limit,
                                   .max_time = max_time,
                                   .report_races = true,
                                   .detect_deadlocks = true,
                                   .report_atomic_races = true};
    reports = 0;
    det_init(&cfg, sink, NULL);
    strands[THREADS] = det_strand_create(NULL, 0);
    det_strand_start(strands[THREADS], 1, 0, 0);
}
static void run(void *(*body)(void *))
{
    pthread_t t[THREADS];
    static unsigned me[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        me[i] = i;
        strands[i] = det_strand_create(strands[THREADS], 0x400000);
        cr_assert_eq(pthread_create(&t[i], NULL, body, &me[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        det_strand_join(strands[THREADS], 1, strands[i]);
    }
}
static void end(void)
{
    struct det_stats stats;
    det_stats_read(&stats);
    cr_expect_eq(stats.given_up, 0u);
    cr_expect_eq(stats.dropped_in_handler, 0u);
    det_reset();
}

// ---- threads that obey the rules -------------------------------------------------------------------------------

static struct base_lock locks[LOCKS];
static uint32_t counter, turn; // real atomics, told to the detector as flags + 0 and flags + 64

static void locked_work(struct det_strand *s, unsigned *seed)
{
    const uint32_t i = (uint32_t)rand_r(seed) % LOCKS;
    const uintptr_t at = memory + i * 256;
    det_lock_request(s, 0x400100, flags + 1024 + 64 * i, 0);
    base_lock(&locks[i]);
    det_lock_acquired(s, 0x400101, flags + 1024 + 64 * i, 0);
    for (int k = rand_r(seed) % 8; k >= 0; k--) {
        const uintptr_t pc = 0x400200 + (uintptr_t)(rand_r(seed) % 6);
        const uintptr_t addr = at + (uintptr_t)(rand_r(seed) % 128);
        switch (rand_r(seed) % 6) {
        case 0: det_access(s, pc, addr, 1, DET_WRITE); break;
        case 1: det_access(s, pc, addr & ~7ul, 8, DET_WRITE); break;
        case 2: det_access(s, pc, addr & ~3ul, 4, DET_READ); break;
        case 3: det_access(s, pc, addr, 1, DET_READ); break;
        case 4: det_range(s, pc, addr, 100, rand_r(seed) % 2 ? DET_READ : DET_WRITE); break;
        default: det_access_slow(s, pc, addr, 11, DET_WRITE); break;
        }
    }
    if (rand_r(seed) % 8 == 0) { // a page of its own for each lock, written whole: a summary or cells
        det_range(s, 0x400300, memory + 0x10000 + i * PAGE, PAGE, DET_WRITE);
        det_access(s, 0x400301, memory + 0x10000 + i * PAGE + 64, 8, DET_READ);
    }
    det_lock_release(s, 0x400102, flags + 1024 + 64 * i, 0);
    base_unlock(&locks[i]);
}
// The value that the counter had says whose turn the next cell is: handed on by acquire and release alone.
static void hand_on(struct det_strand *s, unsigned me)
{
    struct det_atomic op;
    det_atomic_begin(s, 0x400400, flags + 64, 4, &op);
    const bool mine = base_load_acquire(&turn) % THREADS == me;
    det_atomic_end(s, &op, DET_OP_LOAD, __ATOMIC_ACQUIRE);
    if (!mine) return;
    det_access(s, 0x400401, shared + 4096, 8, DET_READ);
    det_access(s, 0x400402, shared + 4096, 8, DET_WRITE);
    det_atomic_begin(s, 0x400403, flags + 64, 4, &op);
    base_store_release(&turn, turn + 1);
    det_atomic_end(s, &op, DET_OP_STORE, __ATOMIC_RELEASE);
}
static void count_up(struct det_strand *s)
{
    struct det_atomic op;
    det_atomic_begin(s, 0x400500, flags, 4, &op);
    base_add_acq_rel(&counter, 1u);
    det_atomic_end(s, &op, DET_OP_RMW, __ATOMIC_ACQ_REL);
}
static void *obedient(void *arg)
{
    const unsigned me = *(const unsigned *)arg;
    unsigned seed = me + 1;
    struct det_strand *s = strands[me];
    det_strand_start(s, 100 + (int)me, 0, 0);
    for (int round = 0; round < 3000; round++) {
        det_func_enter(s, 0x500000 + (uintptr_t)(round % 3), 0x7ffff0000000);
        locked_work(s, &seed);
        det_access(s, 0x400600, shared + 8 * (uintptr_t)(rand_r(&seed) % 64), 8, DET_READ); // all read, nobody writes
        hand_on(s, me);
        count_up(s);
        const uintptr_t block = heap + 4096 * me + 64 * (uintptr_t)(rand_r(&seed) % 4);
        det_alloc(s, 0x400700, block, 48);
        det_access(s, 0x400701, block + 16, 8, DET_WRITE);
        cr_assert(det_free(s, 0x400702, block));
        det_func_exit(s);
    }
    det_strand_finish(s);
    return NULL;
}
static void obey(uint32_t stamp_limit, uint32_t max_time)
{
    begin(stamp_limit, max_time);
    det_range(strands[THREADS], 0x400001, shared, 8192, DET_WRITE); // before they are born
    counter = turn = 0;
    run(obedient);
    det_range(strands[THREADS], 0x400002, memory, 0x20000, DET_WRITE); // after they are joined
    det_range(strands[THREADS], 0x400003, shared, 8192, DET_WRITE);
    cr_expect_eq(reports, 0u, "%lu reports about a program that obeys the rules", (unsigned long)reports);
    cr_expect_eq(counter, THREADS * 3000u);
    end();
}
Test(threads, obedient) { obey(0, 0); }
Test(threads, obedient_swept) { obey(64, 0); }
Test(threads, obedient_short_times) { obey(0, 7); }
Test(threads, obedient_swept_short_times) { obey(64, 7); }

// ---- accesses at the same moment -------------------------------------------------------------------------------

enum { ROUNDS = 1500 };
static pthread_barrier_t meet; // of which the detector is told nothing
static void (*at_once)(struct det_strand *s, unsigned me, uintptr_t addr);
static uint32_t expected; // reporters a round, at least
static uint32_t missed;   // rounds with fewer; thread 0 only

static void *racer(void *arg)
{
    const unsigned me = *(const unsigned *)arg;
    struct det_strand *s = strands[me];
    det_strand_start(s, 100 + (int)me, 0, 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uintptr_t addr = memory + (uintptr_t)round * PAGE;
        if (me == 0) {
            watched.addr = addr;
            watched.size = PAGE;
            base_store_release(&watched.reporters, 0u);
        }
        det_release(s, 0x400800, flags + 64 * (uintptr_t)me, DET_SET); // a new epoch; nobody acquires it
        pthread_barrier_wait(&meet);
        at_once(s, me, addr);
        pthread_barrier_wait(&meet);
        if (me == 0) missed += (uint32_t)__builtin_popcount(base_load_acquire(&watched.reporters)) < expected;
    }
    det_strand_finish(s);
    return NULL;
}
static void race(void (*what)(struct det_strand *, unsigned, uintptr_t), uint32_t want, uint32_t stamp_limit)
{
    begin(stamp_limit, 0);
    at_once = what;
    expected = want;
    missed = 0;
    pthread_barrier_init(&meet, NULL, THREADS);
    run(racer);
    cr_expect_eq(missed, 0u, "%u of %u rounds in which a race slipped through", missed, (unsigned)ROUNDS);
    end();
}
static void write_word(struct det_strand *s, unsigned me, uintptr_t addr)
{
    det_access(s, 0x401000 + me, addr, 8, DET_WRITE);
}
static void write_or_read(struct det_strand *s, unsigned me, uintptr_t addr)
{
    det_access(s, 0x401010 + me, addr, 4, me == 0 ? DET_WRITE : DET_READ);
}
static void sizes(struct det_strand *s, unsigned me, uintptr_t addr)
{
    static const size_t size[THREADS] = {1, 2, 11, 16};
    det_access_slow(s, 0x401020 + me, addr, size[me], DET_WRITE);
}
static void atomic_or_plain(struct det_strand *s, unsigned me, uintptr_t addr)
{
    if (me == 0) {
        det_access(s, 0x401030, addr, 4, DET_WRITE);
        return;
    }
    struct det_atomic op;
    det_atomic_begin(s, 0x401030 + me, addr, 4, &op);
    det_atomic_end(s, &op, DET_OP_RMW, __ATOMIC_RELAXED);
}
// One writes the page as a whole, one a word in it.
static void page_or_word(struct det_strand *s, unsigned me, uintptr_t addr)
{
    if (me == 0) det_range(s, 0x401040, addr, PAGE, DET_WRITE);
    if (me == 1) det_access(s, 0x401041, addr + 1024, 8, DET_WRITE);
}
// All but the first of those that write.
Test(threads, writes_at_once) { race(write_word, THREADS - 1, 0); }
Test(threads, writes_at_once_swept) { race(write_word, THREADS - 1, 64); }
Test(threads, sizes_at_once) { race(sizes, THREADS - 1, 64); }
// Readers before the writer make it report, those after it report: one side of each pair, so at least one strand.
Test(threads, reads_and_a_write_at_once) { race(write_or_read, 1, 64); }
Test(threads, atomics_and_a_write_at_once) { race(atomic_or_plain, 1, 64); }
Test(threads, page_and_word_at_once) { race(page_or_word, 1, 0); }
Test(threads, page_and_word_at_once_swept) { race(page_or_word, 1, 64); }

// ---- a page is taken from its owner at the moment when the owner stores ------------------------------------------

// The first thread owns pages, and has made the step that it is about to make, on a neighbour: what it does to the others
// are plain stores. The second, which knows all that the first did in its earlier epochs, takes a page over; from its last
// word it comes towards the first, so they meet in each page once. At every word the later of the two must report.
static void own_or_take(struct det_strand *s, unsigned me)
{
    for (uintptr_t page = owned; page < owned + OWNED * PAGE; page += PAGE)
        for (uintptr_t k = 1; k < MEETINGS; k++)
            det_access(s, 0x402000 + me, page + 8 * (me == 0 ? k : MEETINGS - k), 8, DET_WRITE);
}
static void own(struct det_strand *s, uintptr_t words)
{
    for (uintptr_t page = owned; page < owned + OWNED * PAGE; page += PAGE)
        for (uintptr_t k = 0; k < words; k++) det_access(s, 0x402000, page + 8 * k, 8, DET_WRITE);
}
static void *owner_or_taker(void *arg)
{
    const unsigned me = *(const unsigned *)arg;
    struct det_strand *s = strands[me];
    det_strand_start(s, 100 + (int)me, 0, 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        s->carrier->credit = 1u << 20; // it can pay: pages are taken, not shared
        if (me == 0) {
            memset(told, 0, sizeof told);
            det_unmap(s, owned, OWNED * PAGE);
            own(s, MEETINGS);
        }
        if (me == 0) det_release(s, 0x402800, flags, DET_SET);
        pthread_barrier_wait(&meet);
        if (me == 1) det_acquire(s, 0x402801, flags, 0);
        if (me == 0) own(s, 1); // in a new epoch
        pthread_barrier_wait(&meet);
        if (me < 2) own_or_take(s, me);
        pthread_barrier_wait(&meet);
        for (unsigned i = 0; me == 0 && i < OWNED; i++)
            for (unsigned k = 1; k < MEETINGS; k++) missed += !told[i][k];
    }
    det_strand_finish(s);
    return NULL;
}
Test(threads, owner_and_taker_at_once)
{
    begin(0, 0);
    missed = 0;
    pthread_barrier_init(&meet, NULL, THREADS);
    run(owner_or_taker);
    cr_expect_eq(missed, 0u, "%u words at which a race slipped through", missed);
    end();
}
