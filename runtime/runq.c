// runq.c: the run queue of one P.
//
// A ring of G pointers, first in first out; one more G that runs before them (`next`): who has just been made ready by the
// running one, whose data is still in the cache; and after them a stack of goroutines that have not begun: the last one is
// begun first. So a tree of goroutines that start and await others is walked in depth, with as many stacks alive as it is
// deep, not as it is wide; and thieves, who take the lowest, get whole subtrees. Nobody starves: every 61st get looks at the other
// end of the stack, before the ring. The owner, the M that holds the P, puts at tail and takes at head; thieves take at head,
// half of it at a time.
//   (1) tail is written by the owner only.   (2) 0 <= tail - head <= RUNQ_SIZE, for the ring and for the stack.
//   (3) a G is in at most one queue, once, and RUNNABLE while it is there.
//
// Taking by compare-and-swap costs the owner 7 ns, as much as a whole switch, for thieves that seldom come. So head and
// next carry a mode, and an owner that nobody steals from works by plain loads and stores:
//
//   PRIVATE  the owner alone changes the word, by plain stores.
//   WANTED   a thief asks. The owner, when it next comes by, grants: by compare-and-swap, to SHARED.
//   SHARED   everybody changes the word by compare-and-swap, which expects the mode to be SHARED. The owner takes it back to
//            PRIVATE in the same way, after SHARED_OPS operations of its own.
//
// A thief sets WANTED in both words. A plain store of the owner may wipe that out: then there is no theft this time. Then it
// calls membarrier, and looks at the owner's seq. Claim: if the word says WANTED after that and the owner is seen
// outside of the section that it may have been in, the thief may grant SHARED to itself. For an operation of the owner that
// began after the barrier sees WANTED, and uses compare-and-swap; one that began before it lies in a section that has
// ended. Of which M that is: owner_seq is read after the barrier, and an M sets it before it works on the queue. An M whose
// operation began before the barrier is thus the one that is read, or its successor, whom it handed the P when it was
// done. And a compare-and-swap that expects SHARED fails after the owner took the word back. Nobody waits: a thief
// whose owner stays in a section for long goes elsewhere, and leaves WANTED behind.
//
// In SHARED mode it is as usual: a thief reads slots [head, head+n), then moves head from the value it saw. Had the owner
// put something else into one of those slots meanwhile, head would have moved past it before, by (2).
//
// The stack's two ends are in one word, since owner and thieves may be after the same last G. The owner may take one from a slot and put
// another there while a thief holds the old word; so in SHARED mode, and whenever the mode changes, its version grows.
//
// Where the kernel has no membarrier the words are SHARED for ever.
#include "runtime/runq.h"

#include "base/check.h"
#include "base/sys.h"

enum { SHARED_OPS = 64, PATIENCE = 200 };
#define VERSION ((uint64_t)4)
#define HEAD    ((uint64_t)1 << 32)
#define TAIL    RV__ENDS_TAIL

void rv__runq_init(struct rv__runq *q)
{
#ifdef RAVEL_TSAN
    const uintptr_t mode = RV__SHARED; // ThreadSanitizer knows no membarrier
#else
    const uintptr_t mode = sys_membarrier() ? RV__PRIVATE : RV__SHARED;
#endif
    *q = (struct rv__runq){.head = mode, .next = mode, .ends = mode, .always_shared = mode == RV__SHARED};
}

// ---- the owner -------------------------------------------------------------------------------------------------------

static inline struct rv__g *g_of(uintptr_t word) { return (struct rv__g *)(word & ~(uintptr_t)RV__MODE); }

static inline uint64_t with_mode(uint64_t ends, uint64_t mode) // and the next version
{
    const uint32_t version = ((uint32_t)ends + (uint32_t)VERSION) & ~(uint32_t)RV__MODE;
    return ends >> 32 << 32 | version | mode;
}

// A word is not PRIVATE: makes WANTED SHARED, and after a while SHARED PRIVATE again.
COLD static void attend(struct rv__runq *q)
{
    uint64_t head = base_load_relaxed(&q->head), ends = base_load_relaxed(&q->ends);
    uintptr_t next = base_load_relaxed(&q->next);
    const bool wanted =
        (head & RV__MODE) == RV__WANTED || (next & RV__MODE) == RV__WANTED || (ends & RV__MODE) == RV__WANTED;
    const bool enough = !wanted && !q->always_shared && ++q->shared_ops >= SHARED_OPS;
    if (wanted || enough) q->shared_ops = 0;
    const uintptr_t mode = enough ? RV__PRIVATE : RV__SHARED;
    if ((head & RV__MODE) == mode && (next & RV__MODE) == mode && (ends & RV__MODE) == mode) return;
    // acq_rel: a thief's compare-and-swap on the same word comes before or after, with all it read and took
    while (!base_cas_acq_rel(&q->head, &head, (head & ~(uint64_t)RV__MODE) | mode)) {}
    while (!base_cas_acq_rel(&q->next, &next, (next & ~(uintptr_t)RV__MODE) | mode)) {}
    while (!base_cas_acq_rel(&q->ends, &ends, with_mode(ends, mode))) {}
}
COLD struct rv__g *rv__runq_take_shared(struct rv__runq *q)
{
    attend(q);
    uint64_t head = base_load_relaxed(&q->head);
    for (;;) {
        if (head >> 2 == base_load_relaxed(&q->tail)) return NULL; // relaxed: our own
        struct rv__g *g = base_load_relaxed(&q->ring[(head >> 2) % RUNQ_SIZE]);
        if (base_cas_acq_rel(&q->head, &head, head + 4)) return g; // acq_rel: against the thieves' (see above)
    }
}
COLD struct rv__g *rv__runq_exchange_next(struct rv__runq *q, struct rv__g *g)
{
    attend(q);
    uintptr_t was = base_load_relaxed(&q->next);
    // acq_rel: publishes g to a thief; pairs with the compare-and-swap in take_next
    while (!base_cas_acq_rel(&q->next, &was, (uintptr_t)g | (was & RV__MODE))) {}
    return g_of(was);
}
COLD bool rv__runq_push_shared(struct rv__runq *q, struct rv__g *g)
{
    attend(q);
    uint64_t ends = base_load_acquire(&q->ends);
    do {
        if (rv__ends_height(ends) == RUNQ_SIZE) return false;
        base_store_relaxed(&q->fresh[rv__ends_tail(ends) % RUNQ_SIZE], g);
        // acq_rel: publishes the slot; pairs with the thieves' load
    } while (!base_cas_acq_rel(&q->ends, &ends, with_mode(ends + TAIL, ends & RV__MODE)));
    return true;
}
static inline uint64_t without_lowest(uint64_t ends, uint64_t n) // head + n, which must not carry into tail
{
    return (ends & ~(HEAD * 0xffff)) | ((ends + n * HEAD) & (HEAD * 0xffff));
}
COLD struct rv__g *rv__runq_pop_shared(struct rv__runq *q, bool lowest)
{
    if ((base_load_relaxed(&q->ends) & RV__MODE) != RV__PRIVATE) attend(q);
    uint64_t ends = base_load_relaxed(&q->ends);
    while (rv__ends_height(ends)) {
        struct rv__g *g = base_load_relaxed(&q->fresh[(lowest ? rv__ends_head(ends) : rv__ends_top(ends)) % RUNQ_SIZE]);
        const uint64_t then = lowest ? without_lowest(ends, 1) : ends - TAIL;
        if (base_cas_acq_rel(&q->ends, &ends, with_mode(then, ends & RV__MODE))) return g; // acq_rel: against thieves
    }
    return NULL;
}
uint32_t rv__runq_spill(struct rv__runq *q, struct rv__g **out, uint32_t n)
{
    uint64_t head = base_load_acquire(&q->head); // acquire: as in put
    for (;;) {
        if (base_load_relaxed(&q->tail) - (head >> 2) < n) return 0; // thieves were here
        for (uint32_t i = 0; i < n; i++) out[i] = base_load_relaxed(&q->ring[((head >> 2) + i) % RUNQ_SIZE]);
        // acq_rel: a thief may take the same ones; one of us fails. In PRIVATE mode it is only a store.
        if (base_cas_acq_rel(&q->head, &head, head + 4 * n)) return n;
    }
}

uint32_t rv__runq_spill_fresh(struct rv__runq *q, struct rv__g **out, uint32_t n)
{
    uint64_t ends = base_load_relaxed(&q->ends);
    for (;;) {
        if (rv__ends_height(ends) < n) return 0;
        for (uint32_t i = 0; i < n; i++) out[i] = base_load_relaxed(&q->fresh[(rv__ends_head(ends) + i) % RUNQ_SIZE]);
        if (base_cas_acq_rel(&q->ends, &ends, with_mode(without_lowest(ends, n), ends & RV__MODE)))
            return n; // as above
    }
}

// ---- thieves ---------------------------------------------------------------------------------------------------------

// See above.
bool rv__runq_owner_passed(const struct rv__runq *q)
{
    const uint32_t *seq = base_load_acquire(&q->owner_seq); // acquire: pairs with the release where an M takes the P
    if (!seq) return true;
    const uint32_t was = base_load_acquire(seq); // acquire: what the section that ended did is visible
    for (int i = 0; was % 2 == 1 && base_load_acquire(seq) == was; i++) {
        if (i == PATIENCE) return false;
        base_pause();
    }
    return true;
}
static bool ask(struct rv__runq *q)
{
    __atomic_fetch_or(&q->head, RV__WANTED, __ATOMIC_ACQ_REL); // before the barrier; the owner may wipe it out
    __atomic_fetch_or(&q->next, RV__WANTED, __ATOMIC_ACQ_REL);
    __atomic_fetch_or(&q->ends, RV__WANTED, __ATOMIC_ACQ_REL);
    if (!sys_membarrier() || !rv__runq_owner_passed(q)) return false;
    uint64_t head = base_load_acquire(&q->head);
    while ((head & RV__MODE) == RV__WANTED && !base_cas_acq_rel(&q->head, &head, head | RV__SHARED)) {}
    uintptr_t next = base_load_acquire(&q->next);
    while ((next & RV__MODE) == RV__WANTED && !base_cas_acq_rel(&q->next, &next, next | RV__SHARED)) {}
    uint64_t ends = base_load_acquire(&q->ends);
    while ((ends & RV__MODE) == RV__WANTED && !base_cas_acq_rel(&q->ends, &ends, with_mode(ends, RV__SHARED))) {}
    return true;
}
static uint32_t take_half(struct rv__runq *q, struct rv__g **out)
{
    uint64_t head = base_load_acquire(&q->head); // acquire: tail is read later than head
    for (;;) {
        if ((head & RV__MODE) != RV__SHARED) return 0;
        const uint64_t here = base_load_acquire(&q->tail) - (head >> 2); // acquire: pairs with the release in put
        const uint64_t n = here - here / 2;
        if (n > RUNQ_SIZE / 2) { // head is old
            head = base_load_acquire(&q->head);
            continue;
        }
        if (n == 0) return 0;
        for (uint32_t i = 0; i < n; i++) out[i] = base_load_relaxed(&q->ring[((head >> 2) + i) % RUNQ_SIZE]);
        if (base_cas_acq_rel(&q->head, &head, head + 4 * n)) return (uint32_t)n; // acq_rel: see above
    }
}
static uint32_t take_lowest(struct rv__runq *q, struct rv__g **out)
{
    uint64_t ends = base_load_acquire(&q->ends); // acquire: the slots
    while ((ends & RV__MODE) == RV__SHARED && rv__ends_height(ends)) {
        const uint32_t n = rv__ends_height(ends) - rv__ends_height(ends) / 2;
        for (uint32_t i = 0; i < n; i++) out[i] = base_load_relaxed(&q->fresh[(rv__ends_head(ends) + i) % RUNQ_SIZE]);
        if (base_cas_acq_rel(&q->ends, &ends, with_mode(without_lowest(ends, n), RV__SHARED)))
            return n; // acq_rel: see above
    }
    return 0;
}
static uint32_t take_next(struct rv__runq *q, struct rv__g **out)
{
    uintptr_t next = base_load_acquire(&q->next);
    while ((next & RV__MODE) == RV__SHARED && g_of(next)) {
        out[0] = g_of(next);
        if (base_cas_acq_rel(&q->next, &next, RV__SHARED)) return 1; // acq_rel: pairs with the owner's exchange
    }
    return 0;
}
uint32_t rv__runq_steal(struct rv__runq *q, struct rv__g **out, bool with_next)
{
    if (rv__runq_length(q) == 0 && !(with_next && rv__runq_next(q))) return 0;
    const uint64_t modes = base_load_relaxed(&q->head) & base_load_relaxed(&q->next) & base_load_relaxed(&q->ends);
    if ((modes & RV__MODE) != RV__SHARED && !ask(q)) return 0;
    uint32_t n = take_half(q, out);
    if (n == 0) n = take_lowest(q, out);
    return n || !with_next ? n : take_next(q, out);
}
