// chan.h: what a channel is made of. chan.c has the idea and the invariants.
#ifndef RUNTIME_CHAN_H
#define RUNTIME_CHAN_H

#include "runtime/rt.h"

// Somebody who waits at a channel: on his own stack. Under the channel's lock while it is in a queue, his own afterwards.
struct rv__waiter {
    struct rv__g *g;
    void *elem; // where from, where to; NULL: not wanted
    struct rv__waiter *next;
    bool ok; // his operation was done by another; false: the channel was closed
};
// First in, first out: a ring of which the last is known, so that a queue is one word.
struct rv__waitq {
    struct rv__waiter *last; // atomic: others look whether it is NULL; changed under the lock
};

struct rv_chan {
    struct rv__lock lock;
    uint32_t refs;                       // atomic
    uint64_t n;                          // atomic: elements in the buffer; changed under lock
    uint64_t capacity;                   // constant
    uint64_t read, write;                // guarded by lock: the slot of the oldest element, and of the next
    uint32_t elem_size;                  // constant
    uint32_t closed;                     // atomic: 0 -> 1 once, under lock
    struct rv__waitq receivers, senders; // guarded by lock
    char buffer[];                       // guarded by lock: capacity * elem_size bytes
};
_Static_assert(sizeof(struct rv_chan) == 64, "the header is a cache line");

// Takes the next, or NULL. The caller holds the channel's lock.
static inline struct rv__waiter *rv__waitq_pop(struct rv__waitq *q)
{
    struct rv__waiter *last = q->last;
    if (!last) return NULL;
    struct rv__waiter *w = last->next;
    if (w == last)
        base_store_relaxed(&q->last, NULL); // relaxed: who looks without the lock wants a hint, chan.c says why
    else
        last->next = w->next;
    return w;
}
static inline void rv__waitq_push(struct rv__waitq *q, struct rv__waiter *w)
{
    struct rv__waiter *last = q->last;
    w->next = last ? last->next : w;
    if (last) last->next = w;
    base_store_relaxed(&q->last, w); // relaxed: as in pop
}

COLD void rv__copy_long(void *to, const void *from, size_t n);

// n bytes that do not overlap. to may be NULL: nobody wants them.
static inline void rv__copy(void *to, const void *from, size_t n)
{
    if (unlikely(!to)) return;
    if (likely(n == 8))
        __builtin_memcpy(to, from, 8);
    else if (n == 4)
        __builtin_memcpy(to, from, 4);
    else if (n == 16)
        __builtin_memcpy(to, from, 16);
    else if (n)
        rv__copy_long(to, from, n);
}

#endif
