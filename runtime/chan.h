// chan.h: what a channel is made of. chan.c has the idea and the invariants.
#ifndef RUNTIME_CHAN_H
#define RUNTIME_CHAN_H

#include "runtime/rt.h"

struct rv__select;

// Somebody who waits at a channel: on his own stack. Under the channel's lock while it is in a queue, his own afterwards.
struct rv__waiter {
    struct rv__g *g;
    void *elem;                     // where from, where to; NULL: not wanted
    struct rv__waiter *next, *prev; // in the queue
    struct rv__select *select;      // that it is a case of; NULL: of none
    bool ok;                        // his operation was done by another; false: the channel was closed
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
    uint8_t closed;                      // atomic: 0 -> 1 once, under lock
    uint8_t alarm;                       // constant, enum rv__alarm_kind: what stands behind the buffer
    uint16_t site;                       // constant: where it was made (waits.h)
    struct rv__waitq receivers, senders; // guarded by lock
    char buffer[];                       // guarded by lock: capacity * elem_size bytes
};
_Static_assert(sizeof(struct rv_chan) == 64, "the header is a cache line");

// A channel that time sends on: alarm.c. Its elements are int64_t, its capacity is 1, and behind the buffer lies a struct rv__alarm.
enum rv__alarm_kind {
    RV__NO_ALARM,
    RV__ONCE, // who receives drops the reference
    RV__TICKS
};
struct rv__alarm {
    struct rv__timer timer;
    uint32_t due; // fires that are still to come; guarded by the channel's lock
    bool left;    // to the last of them: it frees the channel; guarded by the lock
};
static inline struct rv__alarm *rv__alarm_of(rv_chan *ch) { return (struct rv__alarm *)(ch->buffer + sizeof(int64_t)); }
// Inside a section; nobody uses ch any more. False: a fire is on its way, which will free it.
bool rv__alarm_end(rv_chan *ch);
rv_chan *rv__chan_make_alarm(enum rv__alarm_kind kind); // stopped
void rv__chan_give_memory_back(rv_chan *ch);

static inline void rv__waitq_remove(struct rv__waitq *q, struct rv__waiter *w)
{
    if (w->next == w) {
        base_store_relaxed(&q->last, NULL); // relaxed: who looks without the lock wants a hint, chan.c says why
        return;
    }
    w->prev->next = w->next;
    w->next->prev = w->prev;
    if (q->last == w) base_store_relaxed(&q->last, w->prev); // relaxed: as above
}
static inline void rv__waitq_push(struct rv__waitq *q, struct rv__waiter *w)
{
    struct rv__waiter *last = q->last;
    if (likely(!last)) {
        w->next = w->prev = w;
    } else {
        w->prev = last;
        w->next = last->next;
        w->next->prev = last->next = w;
    }
    base_store_relaxed(&q->last, w); // relaxed: as in remove
}
struct rv__waiter *rv__waitq_pop_select(struct rv__waitq *q);
// Takes the next whose operation may still be done, or NULL. The caller holds the channel's lock.
static inline struct rv__waiter *rv__waitq_pop(struct rv__waitq *q)
{
    if (!q->last) return NULL;
    struct rv__waiter *w = q->last->next;
    if (unlikely(w->select)) return rv__waitq_pop_select(q);
    rv__waitq_remove(q, w);
    return w;
}
void rv__select_leave(struct rv__select *s);
bool rv__select_decided(const struct rv__select *s);
// For who looks at one that waits: its i-th case (*ch: NULL, it is at no channel); false: there are no more. Whether its time ends.
bool rv__select_at(const struct rv__select *s, int i, rv_chan **ch, bool *send);
bool rv__select_ends(const struct rv__select *s);
// Whoever has popped w makes its goroutine ready, after the channel's lock is released. This says which that is.
static inline struct rv__g *rv__waiter_done(struct rv__waiter *w)
{
    if (unlikely(w->select)) rv__select_leave(w->select);
    return w->g;
}

// The two operations, with the channel's lock held, which their caller releases; then he wakes *wake. Out of line: chan.c.
enum rv__outcome { RV__DONE, RV__CLOSED, RV__WAIT };
enum rv__outcome rv__chan_send_locked(rv_chan *ch, const void *elem, struct rv__waiter **wake, uintptr_t pc);
enum rv__outcome rv__chan_recv_locked(rv_chan *ch, void *elem, struct rv__waiter **wake, uintptr_t pc);
// What the public functions of these names do, inside a section. close: false: it was closed already. Who waited is linked by next at
// *end, for rv__chan_drained once no lock is held; then they are to be made ready. pc 0: nobody of the program's closes it, which orders nothing.
rv_chan *rv__chan_make(size_t elem_size, size_t capacity);
void rv__chan_unref(rv_chan *ch);
bool rv__chan_close(rv_chan *ch, struct rv__waiter ***end, uintptr_t pc);
void rv__chan_drained(struct rv__waiter *drained, struct rv__glist *woken);

_Noreturn COLD void rv__send_on_closed(void);
COLD void rv__check_elem(const rv_chan *ch); // a send of nothing in the hands

// One look says that a send (a receive) would wait, or is worth a try: chan.c's head says for whom that is exact.
static inline bool rv__chan_would_wait(rv_chan *ch, bool send)
{
    const struct rv__waitq *const others = send ? &ch->receivers : &ch->senders;
    // acquire, both: the look at `closed` comes after this one; see the head of chan.c
    const bool waits = ch->capacity ? base_load_acquire(&ch->n) == (send ? ch->capacity : 0)
                                    : base_load_acquire(&others->last) == NULL;
    return waits && base_load_relaxed(&ch->closed) == 0; // relaxed: it guards nothing
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
