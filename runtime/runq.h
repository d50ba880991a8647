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
    uint32_t turns;                // gets from the stack; owner only
    struct rv__g *ring[RUNQ_SIZE]; // atomic
    struct rv__g *fresh[RUNQ_SIZE]; // atomic
};

void rv__runq_init(struct rv__runq *q);

// The owner's, inside a section.
// At the end; false: full.
bool rv__runq_put(struct rv__runq *q, struct rv__g *g);
// On the stack of those that have not begun; false: full.
bool rv__runq_push(struct rv__runq *q, struct rv__g *g);
// g runs next. Returns who was to, and NULL when that was nobody.
struct rv__g *rv__runq_put_next(struct rv__runq *q, struct rv__g *g);
// next, then the ring, then the stack; NULL: all are empty.
struct rv__g *rv__runq_get(struct rv__runq *q);
// Takes the first n of the ring, or the lowest n of the stack, into out, and returns n; 0: there are fewer.
uint32_t rv__runq_spill(struct rv__runq *q, struct rv__g **out, uint32_t n);
uint32_t rv__runq_spill_fresh(struct rv__runq *q, struct rv__g **out, uint32_t n);

// Anybody's, inside a section: takes half of the victim's ring, rounded up, into out (RUNQ_SIZE / 2 places); if that is empty,
// the lower half of the stack; with_next: if that is empty too, the goroutine in next. Returns how many; 0 also when the owner was busy for too long.
uint32_t rv__runq_steal(struct rv__runq *victim, struct rv__g **out, bool with_next);

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

#endif
