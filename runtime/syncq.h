// syncq.h: what mutexes, onces and their kin share: a queue of waiters whose lock is a bit of the object's own word.
//
// The object's state and its queue's lock are one word, because an unlock may touch nothing of the object once another
// strand can have it: with two words the one that is written last would be touched too late. While QUEUE is set nobody else
// changes the word; so whoever set it changes the queue, and then puts the object's new state, the queue's unlock and what
// others see of it into one plain store.
//   (1) QUEUE is set only inside a section, by who has the object or is about to wait for it: the object is there.
//   (2) A sleeper lies on its own stack, in the queue from before its G is WAITING until somebody takes it out under QUEUE.
//       He who does wakes it, after the store. A context that ends a wait takes it out in the same way (ctx.h).
#ifndef RUNTIME_SYNCQ_H
#define RUNTIME_SYNCQ_H

#include "runtime/ctx.h"

enum { RV__QUEUE = 2, RV__WAITERS = 4 }; // bits of every such word: the queue's lock; the queue is not empty

struct rv__sleeper {
    struct rv__g *g;
    struct rv__sleeper *next, *prev; // a ring; next NULL: it has been taken out
    int64_t figure;                  // the object's own use: since when it waits (mutex), how many it wants (semaphore)
    bool given;                      // it has the object
    struct rv__wait *wait;           // NULL: no context may end it
};

// A ring of which the last is known, so that a queue is one word.
static inline void rv__sleepers_push_first(void **queue, struct rv__sleeper *w)
{
    struct rv__sleeper *const last = *queue;
    if (!last) {
        *queue = w->next = w->prev = w;
        return;
    }
    w->prev = last;
    w->next = last->next;
    w->prev->next = w->next->prev = w;
}
static inline void rv__sleepers_push(void **queue, struct rv__sleeper *w)
{
    rv__sleepers_push_first(queue, w);
    *queue = w;
}
static inline void rv__sleepers_remove(void **queue, struct rv__sleeper *w)
{
    if (*queue == w) *queue = w->prev == w ? NULL : w->prev;
    w->prev->next = w->next;
    w->next->prev = w->prev;
    w->next = NULL;
}
static inline struct rv__sleeper *rv__sleepers_first(void *const *queue)
{
    struct rv__sleeper *const last = *queue;
    return last ? last->next : NULL;
}
// Takes w, the first, out. False: its context has ended it.
static inline bool rv__sleepers_take(void **queue, struct rv__sleeper *w)
{
    rv__sleepers_remove(queue, w);
    return likely(!w->wait) || rv__wait_claim(w->wait);
}
static inline struct rv__sleeper *rv__sleepers_pop(void **queue)
{
    for (struct rv__sleeper *w; (w = rv__sleepers_first(queue)) != NULL;)
        if (rv__sleepers_take(queue, w)) return w;
    return NULL;
}
// For the leave of a wait, with the queue's lock.
static inline void rv__sleepers_leave(void **queue, const struct rv__wait *wait, struct rv__glist *out)
{
    struct rv__sleeper *const w = wait->place;
    if (!wait->parked) return;
    if (w->next) rv__sleepers_remove(queue, w);
    rv__glist_push(out, w->g);
}

// Somebody else has QUEUE, for some instructions: another look at the word, after a while.
static inline uint32_t rv__look_again(const uint32_t *word, uint32_t *looks)
{
    base_pause();
    if (++*looks % 100 == 0) sys_yield(); // he lost the CPU
    return base_load_relaxed(word);       // relaxed: who acts on it does so by a compare-and-swap
}
// For the leave of a wait: sets QUEUE on top of *seen. False: nobody is in the queue; nor will the wait be, if it has not parked.
static inline bool rv__leave_begin(uint32_t *word, uint32_t *seen)
{
    uint32_t looks = 0;
    base_fence_seq_cst(); // (1) the claim, then the word; who queues: (2) QUEUE, a fence, then whether it is decided
    *seen = base_load_relaxed(word);
    for (;;) {
        if (*seen & RV__QUEUE)
            *seen = rv__look_again(word, &looks);
        else if (!(*seen & RV__WAITERS))
            break;
        else if (base_cas_acquire(word, seen, *seen | RV__QUEUE)) // acquire: the queue, from who had QUEUE last
            return true;
    }
    base_fence_acquire(); // whether it has parked, from who took it out
    return false;
}
// The caller has set QUEUE, and is about to queue: its context has ended the wait.
static inline bool rv__ended_by_now(const struct rv__sleeper *w)
{
    if (likely(!w->wait)) return false;
    base_fence_seq_cst(); // (2) as in rv__leave_begin
    return rv__wait_decided(w->wait);
}
// How often it is worth looking whether the holder lets go, before the caller, in a section, parks: 0 unless others run now.
uint32_t rv__looks_before_parking(void);

// mutex.c, for condition variables: without a word to the detectors.
void rv__mutex_lock(rv_mutex *m);                         // outside of a section
struct rv__g *rv__mutex_unlock(rv_mutex *m, bool *given); // inside: whom to wake, or NULL; given: he has it already

#endif
