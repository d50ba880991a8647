// runq.h: the run queue of one P: who runs next, a ring of RUNQ_SIZE, and a stack of as many that have not begun yet. runq.c has the
// argument.
#ifndef RUNTIME_RUNQ_H
#define RUNTIME_RUNQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

#ifndef RUNQ_SIZE
#ifdef RAVEL_TINY
#define RUNQ_SIZE 4
#else
#define RUNQ_SIZE 256
#endif
#endif

struct rv__g;

enum rv__runq_mode { RV__PRIVATE = 0, RV__WANTED = 1, RV__SHARED = 3, RV__MODE = 3 };

struct rv__runq {
    uint64_t head;             // atomic: position << 2 | mode
    uintptr_t next;            // atomic: G | mode; the goroutine to run before all others
    uint64_t ends;             // atomic: of the stack: tail, head, version, mode: 16, 16, 30 and 2 bits
    uint64_t tail;             // atomic: position; the owner writes
    uint32_t shared_ops;       // of the owner in SHARED mode since it last granted; owner only
    bool always_shared;        // constant
    uint32_t streak;           // how often in a row `next` came before the ring; owner only
    const uint32_t *owner_seq; // atomic: seq of the M that holds the P, or NULL; written before it works on the queue
    uint32_t turns;            // gets from the stack; owner only
    struct rv__g *ring[RUNQ_SIZE];  // atomic
    struct rv__g *fresh[RUNQ_SIZE]; // atomic
};

void rv__runq_init(struct rv__runq *q);

// Takes the first n of the ring, or the lowest n of the stack, into out, and returns n; 0: there are fewer.
uint32_t rv__runq_spill(struct rv__runq *q, struct rv__g **out, uint32_t n);
uint32_t rv__runq_spill_fresh(struct rv__runq *q, struct rv__g **out, uint32_t n);

// Anybody's, inside a section: takes half of the victim's ring, rounded up, into out (RUNQ_SIZE / 2 places); if that is empty,
// the lower half of the stack; with_next: if that is empty too, the goroutine in next. Returns how many; 0 also when the owner was busy for too long.
uint32_t rv__runq_steal(struct rv__runq *victim, struct rv__g **out, bool with_next);
// The owner is not, or no longer, in a section that it was in when the caller's membarrier was made. False: it still is.
bool rv__runq_owner_passed(const struct rv__runq *q);

static inline struct rv__g *rv__runq_next(const struct rv__runq *q) // a hint to all but the owner
{
    return (struct rv__g *)(base_load_relaxed(&q->next) & ~(uintptr_t)RV__MODE);
}
static inline uint32_t rv__runq_length(const struct rv__runq *q) // of ring and stack; a hint to all but the owner
{
    const uint64_t head = base_load_relaxed(&q->head) >> 2; // first: it only grows, and tail is never before it
    base_compiler_barrier();
    const uint64_t ends = base_load_relaxed(&q->ends);
    return (uint32_t)(base_load_relaxed(&q->tail) - head) + (uint16_t)((ends >> 48) - (ends >> 32));
}
static inline bool rv__runq_empty(const struct rv__runq *q)
{
    return rv__runq_length(q) == 0 && rv__runq_next(q) == NULL;
}

// ---- the owner's, inside a section: fast halves here, what meets thieves in runq.c -------------------------------------

#define RV__ENDS_TAIL ((uint64_t)1 << 48)
static inline uint16_t rv__ends_head(uint64_t ends) { return (uint16_t)(ends >> 32); }
static inline uint16_t rv__ends_tail(uint64_t ends) { return (uint16_t)(ends >> 48); }
static inline uint16_t rv__ends_top(uint64_t ends) { return (uint16_t)(rv__ends_tail(ends) - 1); } // it wraps round
static inline uint32_t rv__ends_height(uint64_t ends) { return (uint16_t)(rv__ends_tail(ends) - rv__ends_head(ends)); }

COLD struct rv__g *rv__runq_take_shared(struct rv__runq *q);
COLD struct rv__g *rv__runq_exchange_next(struct rv__runq *q, struct rv__g *g);
COLD bool rv__runq_push_shared(struct rv__runq *q, struct rv__g *g);
COLD struct rv__g *rv__runq_pop_shared(struct rv__runq *q, bool lowest);

// Who was to run next, and g from now on (NULL: nobody).
ALWAYS_INLINE struct rv__g *rv__runq_put_next(struct rv__runq *q, struct rv__g *g)
{
    const uintptr_t was = base_load_relaxed(&q->next);
    if (unlikely((was & RV__MODE) != RV__PRIVATE)) return rv__runq_exchange_next(q, g);
    base_store_release(&q->next, (uintptr_t)g); // release: the thief that makes the word SHARED later may take g
    return (struct rv__g *)was;
}
// At the end of the ring; false: full.
ALWAYS_INLINE bool rv__runq_put(struct rv__runq *q, struct rv__g *g)
{
    const uint64_t tail = base_load_relaxed(&q->tail);
    // acquire: pairs with the thief's move of head; its reads of the slot come before our store
    if (unlikely(tail - (base_load_acquire(&q->head) >> 2) == RUNQ_SIZE)) return false;
    base_store_relaxed(&q->ring[tail % RUNQ_SIZE], g);
    base_store_release(&q->tail, tail + 1); // release: publishes the slot; pairs with the acquire in steal
    return true;
}
// On the stack of those that have not begun; false: full.
ALWAYS_INLINE bool rv__runq_push(struct rv__runq *q, struct rv__g *g)
{
    const uint64_t ends = base_load_relaxed(&q->ends);
    if (unlikely((ends & RV__MODE) != RV__PRIVATE)) return rv__runq_push_shared(q, g);
    if (unlikely(rv__ends_height(ends) == RUNQ_SIZE)) return false;
    base_store_relaxed(&q->fresh[rv__ends_tail(ends) % RUNQ_SIZE], g);
    base_store_release(&q->ends, ends + RV__ENDS_TAIL); // release: publishes the slot
    return true;
}
ALWAYS_INLINE struct rv__g *rv__runq_take(struct rv__runq *q) // of the ring
{
    const uint64_t head = base_load_relaxed(&q->head);
    if (unlikely((head & RV__MODE) != RV__PRIVATE)) return rv__runq_take_shared(q);
    if (head >> 2 == base_load_relaxed(&q->tail)) return NULL;
    struct rv__g *g = base_load_relaxed(&q->ring[(head >> 2) % RUNQ_SIZE]);
    base_store_relaxed(&q->head, head + 4); // relaxed: nobody else acts on it while it is PRIVATE
    return g;
}
ALWAYS_INLINE struct rv__g *rv__runq_pop(struct rv__runq *q) // of the stack
{
    const uint64_t ends = base_load_relaxed(&q->ends);
    if (rv__ends_height(ends) == 0) return NULL;
    if (unlikely((ends & RV__MODE) != RV__PRIVATE)) return rv__runq_pop_shared(q, false);
    struct rv__g *g = base_load_relaxed(&q->fresh[rv__ends_top(ends) % RUNQ_SIZE]);
    base_store_relaxed(&q->ends, ends - RV__ENDS_TAIL); // relaxed: nobody else acts on it while it is PRIVATE
    return g;
}
enum { RV__STREAK = 32, RV__OTHER_END = 61 };
// next, then the ring; NULL: both are empty. A pair that wakes each other does not starve the ring, which goes first every
// RV__STREAK times, nor does the ring the stack.
ALWAYS_INLINE struct rv__g *rv__runq_get_begun(struct rv__runq *q)
{
    struct rv__g *g;
    if (base_load_relaxed(&q->next) & ~(uintptr_t)RV__MODE) {
        if (likely(++q->streak % RV__STREAK != 0) && (g = rv__runq_put_next(q, NULL)) != NULL) return g;
        if ((g = rv__runq_take(q)) != NULL || (g = rv__runq_put_next(q, NULL)) != NULL) return g;
    }
    if (unlikely(++q->turns == RV__OTHER_END)) {
        q->turns = 0;
        if ((g = rv__runq_pop_shared(q, true)) != NULL) return g;
    }
    return rv__runq_take(q);
}
ALWAYS_INLINE struct rv__g *rv__runq_get(struct rv__runq *q) // the stack, too
{
    struct rv__g *g = rv__runq_get_begun(q);
    return g ? g : rv__runq_pop(q);
}

#endif
