// runq.h: the run queue of one P: a ring of RUNQ_SIZE, and `runnext` before it. runq.c has the argument.
#ifndef RUNTIME_RUNQ_H
#define RUNTIME_RUNQ_H

#include <stdbool.h>
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
struct rv__m;
struct rv__p;

// head is (position << 2 | mode). The owner alone works in PRIVATE mode, by plain stores; everybody by compare-and-swap
// in SHARED mode; WANTED asks the owner for it.
enum rv__runq_mode { RV__PRIVATE = 0, RV__WANTED = 1, RV__SHARED = 3, RV__MODE = 3 };

struct rv__runq {
    uint64_t head;        // atomic
    uint64_t tail;        // atomic; owner writes
    uintptr_t next;       // runnext: atomic; pointer | mode, the same three modes
    uint32_t quiet;       // operations of the owner since anybody last stole in SHARED mode; owner only
    uint32_t next_streak; // how often in a row runnext was taken before the ring; owner only
    struct rv__g *ring[RUNQ_SIZE]; // atomic
};

// The owner's, inside a section. put: at the end; false: full. put_next: into runnext; who was there goes to the end, and
// is returned instead when that is full. get: runnext, then the ring; NULL: empty.
bool rv__runq_put(struct rv__runq *q, struct rv__g *g);
struct rv__g *rv__runq_put_next(struct rv__runq *q, struct rv__g *g);
struct rv__g *rv__runq_get(struct rv__runq *q);
// Moves half of the ring to out (for the global queue), when put found it full. Owner.
uint32_t rv__runq_spill(struct rv__runq *q, struct rv__g **out);
// Takes half of the victim's ring, at most RUNQ_SIZE / 2, into out; with_next: runnext if the ring is empty. Returns how many.
// Anybody inside a section. owner: the victim's M, whose seq tells whether it is in the middle of something.
uint32_t rv__runq_steal(struct rv__runq *victim, const uint32_t *owner_seq, struct rv__g **out, bool with_next);
static inline bool rv__runq_empty(const struct rv__runq *q) // a hint to all but the owner
{
    return base_load_relaxed(&q->tail) == base_load_relaxed(&q->head) >> 2 &&
           (base_load_relaxed(&q->next) & ~(uintptr_t)RV__MODE) == 0;
}
static inline uint32_t rv__runq_length(const struct rv__runq *q) // of the ring; a hint
{
    return (uint32_t)(base_load_relaxed(&q->tail) - (base_load_relaxed(&q->head) >> 2));
}

#endif
