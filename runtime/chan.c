// chan.c: channels.
//
// One lock, a ring of elements, and two queues of waiters. Whoever finds the other side waiting finishes the other's
// operation too: copies the element straight between the two, takes the waiter out of its queue, and wakes it. So a waiter
// that wakes up has nothing left to do, and never looks at the channel again.
//   (1) Of the two queues at least one is empty.
//   (2) Senders wait only while the ring is full, receivers only while it is empty and nobody sends. A ring without
//       slots is always both.
//   (3) closed goes from 0 to 1 once; afterwards nobody waits.
//   (4) A waiter is in a queue from before its G is WAITING until somebody takes it out under the lock.
//   (5) A case of a select that is decided may be in a queue for a moment more (select.c): all skip it. It counts for
//       none of the above.
// Destroy after observe: an operation that lets another strand see its effect does so by releasing the lock, or by waking
// the waiter after that, and does not touch the channel afterwards. A channel may be freed as soon as the program knows
// that no operation on it is still to come or still waits.
//
// The try operations return "it would wait" without the lock when one look says so and a second look, after it, finds the
// channel open: a channel that is open now was open at the first look too, so at that instant it was open and would
// have made the caller wait. The first look reads one word, which is changed under the lock, and only to values that are
// true for whoever takes the lock next: `n` where the ring has slots (full, so by (2) nobody receives; empty, so nobody
// sends), the other side's queue where it has none.
#include "runtime/chan.h"

#include <errno.h>

#include "runtime/feed.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"
#include "runtime/small.h"
#include "runtime/waits.h"

typedef long long vector __attribute__((vector_size(16), aligned(1), may_alias));

void rv__copy_long(void *to, const void *from, size_t n)
{
    char *t = to;
    const char *f = from;
    for (; n >= sizeof(vector); n -= sizeof(vector), t += sizeof(vector), f += sizeof(vector)) {
        *(vector *)t = *(const vector *)f;
        __asm__ volatile(""); // or a compiler finds a memcpy in it; base/own.c's is slower, for so few bytes
    }
    for (; n; n--) {
        *t++ = *f++;
        __asm__ volatile("");
    }
}
static void zero(void *to, size_t n)
{
    char *t = to;
    for (size_t i = 0; t && i < n; i++) {
        t[i] = 0;
        __asm__ volatile("");
    }
}

static inline char *slot(rv_chan *ch, uint64_t i) { return ch->buffer + i * ch->elem_size; }
// What tells the detectors the i-th slot from the others. Slots of nothing take a byte each for that; of more than
// EMPTY_PLACES some share one, and with it an order too many.
enum { EMPTY_PLACES = 1024 };
static inline const char *place_of(const rv_chan *ch, uint64_t i)
{
    return ch->buffer + (ch->elem_size ? i * ch->elem_size : i % EMPTY_PLACES);
}
static inline uint64_t after(const rv_chan *ch, uint64_t i) { return i + 1 == ch->capacity ? 0 : i + 1; }
static inline void set_n(rv_chan *ch, uint64_t n)
{
    base_store_relaxed(&ch->n, n); // relaxed: who looks without the lock wants a hint; see above
}

// A NULL channel, and what a send with nothing in its hands means.
static COLD _Noreturn void wait_for_ever(struct rv__g *g, enum rv__why why)
{
    for (;;) {
        rv__park_begin(g, why, NULL);
        rv__park(g);
    }
}
COLD void rv__check_elem(const rv_chan *ch)
{
    if (ch->elem_size) rv__fatal("send of a NULL element on a channel of elements of %u bytes", ch->elem_size);
}
COLD _Noreturn void rv__send_on_closed(void) { rv__fatal("send on closed channel"); }

// For the detectors an element that is handed over past an empty ring goes through the ring's next slot, so that it is
// told from which receive a later send learns.
static COLD void tell_handed(rv_chan *ch, const struct rv__waiter *w, uintptr_t pc)
{
    if (ch->capacity) {
        rv__feed_get(pc, w->g);
        rv__feed_pass(pc, place_of(ch, ch->write));
        ch->read = ch->write = after(ch, ch->write);
    }
    rv__feed_pass(pc, w->g);
}
// Both halves are called with the lock held and leave the lock to their caller, with the waiter to wake in *wake.
ALWAYS_INLINE enum rv__outcome send_locked(rv_chan *ch, const void *elem, struct rv__waiter **wake, uintptr_t pc)
{
    if (unlikely(ch->closed)) return RV__CLOSED;
    struct rv__waiter *w = rv__waitq_pop(&ch->receivers);
    if (w) {
        if (unlikely(rv__feed != NULL)) tell_handed(ch, w, pc);
        rv__copy(w->elem, elem, ch->elem_size);
        w->ok = true;
        *wake = w;
        return RV__DONE;
    }
    if (ch->n == ch->capacity) return RV__WAIT;
    rv__feed_pass(pc, place_of(ch, ch->write));
    rv__copy(slot(ch, ch->write), elem, ch->elem_size);
    ch->write = after(ch, ch->write);
    set_n(ch, ch->n + 1);
    return RV__DONE;
}
// The ring has an element: takes it. If somebody waits to send, the ring is full, and his element goes into the slot that
// becomes free: n stays.
ALWAYS_INLINE void take_locked(rv_chan *ch, void *elem, struct rv__waiter **wake, uintptr_t pc)
{
    rv__feed_pass(pc, place_of(ch, ch->read));
    rv__copy(elem, slot(ch, ch->read), ch->elem_size);
    ch->read = after(ch, ch->read);
    struct rv__waiter *w = rv__waitq_pop(&ch->senders);
    if (likely(!w)) {
        set_n(ch, ch->n - 1);
        return;
    }
    rv__feed_pass(pc, w->g);
    rv__feed_pass(pc, place_of(ch, ch->write));
    rv__copy(slot(ch, ch->write), w->elem, ch->elem_size);
    ch->write = after(ch, ch->write);
    w->ok = true;
    *wake = w;
}
ALWAYS_INLINE enum rv__outcome recv_locked(rv_chan *ch, void *elem, struct rv__waiter **wake, uintptr_t pc)
{
    if (ch->n != 0) {
        take_locked(ch, elem, wake, pc);
        return RV__DONE;
    }
    struct rv__waiter *w = rv__waitq_pop(&ch->senders);
    if (w) {
        rv__feed_pass(pc, w->g);
        rv__copy(elem, w->elem, ch->elem_size);
        w->ok = true;
        *wake = w;
        return RV__DONE;
    }
    if (likely(!ch->closed)) return RV__WAIT;
    rv__feed_get(pc, ch);
    zero(elem, ch->elem_size);
    return RV__CLOSED;
}
enum rv__outcome rv__chan_send_locked(rv_chan *ch, const void *elem, struct rv__waiter **wake, uintptr_t pc)
{
    return send_locked(ch, elem, wake, pc);
}
enum rv__outcome rv__chan_recv_locked(rv_chan *ch, void *elem, struct rv__waiter **wake, uintptr_t pc)
{
    return recv_locked(ch, elem, wake, pc);
}
ALWAYS_INLINE void unlock_and_wake(rv_chan *ch, struct rv__waiter *wake)
{
    rv__unlock(&ch->lock); // from here on ch may be gone
    if (wake) rv__ready(rv__waiter_done(wake));
}
// The lock is held; on return it is not, and ch may be gone. False: the channel was closed meanwhile.
ALWAYS_INLINE bool wait_in(struct rv__waitq *q, struct rv__g *g, rv_chan *ch, void *elem, enum rv__why why,
                           uintptr_t pc)
{
    struct rv__waiter w = {.g = g, .elem = elem};
    rv__feed_leave(pc, g);
    rv__waitq_push(q, &w);
    rv__park_begin(g, why, ch);
    rv__unlock(&ch->lock);
    rv__park(g);
    rv__feed_get(pc, g);
    return w.ok; // written before g was made ready
}

void rv_chan_send(rv_chan *ch, const void *elem)
{
    const uintptr_t pc = RV__CALLER;
    if (likely(ch != NULL)) rv__feed_touch(pc, elem, ch->elem_size, false);
    struct rv__g *const g = rv__begin()->g;
    struct rv__waiter *wake = NULL;
    if (unlikely(!ch)) wait_for_ever(g, RV__WHY_CHAN_SEND_NIL);
    if (unlikely(!elem)) rv__check_elem(ch);
    rv__lock(&ch->lock);
    const enum rv__outcome o = send_locked(ch, elem, &wake, pc);
    if (likely(o == RV__DONE)) {
        unlock_and_wake(ch, wake);
    } else if (o == RV__CLOSED) {
        rv__unlock(&ch->lock);
        rv__send_on_closed();
    } else if (!wait_in(&ch->senders, g, ch, (void *)elem, RV__WHY_CHAN_SEND, pc)) {
        rv__send_on_closed();
    }
    rv__end();
}
bool rv_chan_recv(rv_chan *ch, void *elem)
{
    const uintptr_t pc = RV__CALLER;
    const size_t size = ch ? ch->elem_size : 0; // ch may be gone once the element is here
    struct rv__g *const g = rv__begin()->g;
    struct rv__waiter *wake = NULL;
    if (unlikely(!ch)) wait_for_ever(g, RV__WHY_CHAN_RECV_NIL);
    const bool once = ch->alarm == RV__ONCE;
    rv__lock(&ch->lock);
    const enum rv__outcome o = recv_locked(ch, elem, &wake, pc);
    bool ok = o == RV__DONE;
    if (o != RV__WAIT) unlock_and_wake(ch, wake);
    if (unlikely(ok && once)) rv__chan_unref(ch);
    if (o == RV__WAIT) ok = wait_in(&ch->receivers, g, ch, elem, RV__WHY_CHAN_RECV, pc);
    rv__end();
    rv__feed_touch(pc, elem, size, true);
    return ok;
}

int rv_chan_try_send(rv_chan *ch, const void *elem)
{
    rv__seeded_point();
    if (unlikely(!ch)) return -EAGAIN;
    if (rv__chan_would_wait(ch, true)) return -EAGAIN;
    const uintptr_t pc = RV__CALLER;
    rv__feed_touch(pc, elem, ch->elem_size, false);
    rv__begin();
    struct rv__waiter *wake = NULL;
    if (unlikely(!elem)) rv__check_elem(ch);
    rv__lock(&ch->lock);
    const enum rv__outcome o = send_locked(ch, elem, &wake, pc);
    unlock_and_wake(ch, wake);
    if (o == RV__CLOSED) rv__send_on_closed();
    rv__end();
    return o == RV__DONE ? 0 : -EAGAIN;
}
int rv_chan_try_recv(rv_chan *ch, void *elem)
{
    rv__seeded_point();
    if (unlikely(!ch)) return -EAGAIN;
    if (rv__chan_would_wait(ch, false)) return -EAGAIN;
    const uintptr_t pc = RV__CALLER;
    const size_t size = ch->elem_size; // as in rv_chan_recv
    const bool once = ch->alarm == RV__ONCE;
    rv__begin();
    struct rv__waiter *wake = NULL;
    rv__lock(&ch->lock);
    const enum rv__outcome o = recv_locked(ch, elem, &wake, pc);
    unlock_and_wake(ch, wake);
    if (unlikely(o == RV__DONE && once)) rv__chan_unref(ch);
    rv__end();
    if (o != RV__WAIT) rv__feed_touch(pc, elem, size, true);
    return o == RV__DONE ? 0 : o == RV__CLOSED ? -EPIPE : -EAGAIN;
}

// Takes all of q out with the bad news; they are linked by next. What each G does next is its own affair. They learn what the
// closer did, the closer nothing of them.
static void drain_locked(struct rv__waitq *q, size_t zeroed, struct rv__waiter ***end, uintptr_t pc)
{
    for (struct rv__waiter *w; (w = rv__waitq_pop(q)) != NULL;) {
        if (pc) rv__feed_leave(pc, w->g);
        zero(w->elem, zeroed);
        w->ok = false;
        w->next = NULL;
        **end = w;
        *end = &w->next;
    }
}
bool rv__chan_close(rv_chan *ch, struct rv__waiter ***end, uintptr_t pc)
{
    if (pc) rv__feed_put(pc, ch);
    rv__lock(&ch->lock);
    const bool twice = ch->closed;
    base_store_relaxed(&ch->closed, 1u); // relaxed: the lock publishes it; without the lock it is a hint
    drain_locked(&ch->receivers, ch->elem_size, end, pc);
    drain_locked(&ch->senders, 0, end, pc);
    rv__unlock(&ch->lock);
    return !twice;
}
void rv__chan_drained(struct rv__waiter *drained, struct rv__glist *woken)
{
    for (struct rv__waiter *w = drained; w; w = w->next) rv__glist_push(woken, rv__waiter_done(w));
}
void rv_chan_close(rv_chan *ch)
{
    rv__begin();
    if (unlikely(!ch)) rv__fatal("close of nil channel");
    struct rv__waiter *drained = NULL, **end = &drained;
    if (unlikely(!rv__chan_close(ch, &end, RV__CALLER))) rv__fatal("close of closed channel");
    struct rv__glist woken = {0};
    rv__chan_drained(drained, &woken);
    rv__ready_list(&woken);
    rv__end();
}
size_t rv_chan_len(rv_chan *ch)
{
    return ch ? base_load_relaxed(&ch->n) : 0; // relaxed: a figure that may be old at once; orders nothing
}
size_t rv_chan_cap(rv_chan *ch) { return ch ? ch->capacity : 0; }

// ---- making and freeing --------------------------------------------------------------------------------------------

static size_t empty_bytes(size_t capacity) { return capacity < EMPTY_PLACES ? capacity : EMPTY_PLACES; }
static size_t bytes_of(const rv_chan *ch)
{
    const size_t buffer = ch->elem_size ? ch->capacity * ch->elem_size : empty_bytes(ch->capacity);
    return sizeof *ch + buffer + (ch->alarm ? sizeof(struct rv__alarm) : 0);
}

static rv_chan *make(size_t elem_size, size_t capacity, size_t bytes, enum rv__alarm_kind alarm)
{
    rv_chan *const ch = rv__small_get(rv__small_here(), bytes);
    if (unlikely(!ch)) return NULL;
    *ch = (rv_chan){.refs = 1, .capacity = capacity, .elem_size = (uint32_t)elem_size, .alarm = (uint8_t)alarm};
    rv__seeded_made(ch);
    return ch;
}
rv_chan *rv__chan_make(size_t elem_size, size_t capacity)
{
    size_t bytes;
    if (elem_size == 0)
        bytes = empty_bytes(capacity);
    else if (elem_size > UINT32_MAX || __builtin_mul_overflow(elem_size, capacity, &bytes))
        return NULL;
    if (__builtin_add_overflow(bytes, sizeof(rv_chan), &bytes)) return NULL;
    return make(elem_size, capacity, bytes, RV__NO_ALARM);
}
rv_chan *rv__chan_make_alarm(enum rv__alarm_kind kind)
{
    const size_t size = sizeof(int64_t);
    rv_chan *const ch = make(size, 1, sizeof(rv_chan) + size + sizeof(struct rv__alarm), kind);
    if (unlikely(!ch)) rv__fatal("out of memory for a channel of ticks");
    *rv__alarm_of(ch) = (struct rv__alarm){0};
    return ch;
}
rv_chan *rv_chan_make(size_t elem_size, size_t capacity)
{
    rv__begin();
    rv_chan *const ch = rv__chan_make(elem_size, capacity);
    rv__end();
    if (ch) ch->site = rv__site_of(RV__CALLER);
    return ch;
}
rv_chan *rv_chan_check(rv_chan *ch, size_t elem_size)
{
    if (unlikely(ch && ch->elem_size != elem_size))
        rv__fatal("an element of %zu bytes, and a channel of elements of %u bytes", elem_size, ch->elem_size);
    return ch;
}
static unsigned long count(const struct rv__waitq *q)
{
    unsigned long n = 0;
    for (const struct rv__waiter *w = q->last; w; w = w->next == q->last ? NULL : w->next) n++;
    return n;
}
static COLD _Noreturn void freed_with_waiters(const rv_chan *ch)
{
    const unsigned long senders = count(&ch->senders), receivers = count(&ch->receivers);
    rv__fatal("free of a channel at which %lu %s", senders + receivers,
              senders          ? senders == 1 ? "goroutine waits to send" : "goroutines wait to send"
              : receivers == 1 ? "goroutine waits to receive"
                               : "goroutines wait to receive");
}
static bool only_decided(const struct rv__waitq *q)
{
    for (const struct rv__waiter *w = q->last; w; w = w->next == q->last ? NULL : w->next)
        if (!w->select || !rv__select_decided(w->select)) return false;
    return true;
}
// A select that is decided, by another of its channels, is no reason to complain: whoever decided it is about to take it
// out of here. He has not yet, though the program may have seen the effect of it.
static COLD void wait_for_decided(rv_chan *ch)
{
    rv__lock(&ch->lock);
    while (ch->senders.last || ch->receivers.last) {
        if (!only_decided(&ch->senders) || !only_decided(&ch->receivers)) freed_with_waiters(ch);
        rv__unlock(&ch->lock);
        sys_yield();
        rv__lock(&ch->lock);
    }
}
void rv__chan_give_memory_back(rv_chan *ch)
{
    rv__feed_forget(ch, bytes_of(ch));
    rv__small_put(rv__small_here(), ch, bytes_of(ch));
}
static void destroy(rv_chan *ch)
{
    // Whoever saw the effect of an operation by rv_chan_len alone may be here before its unlock. acquire: pairs with that
    if (unlikely(base_load_acquire(&ch->lock.word) != 0)) rv__lock(&ch->lock), rv__unlock(&ch->lock);
    if (unlikely(ch->senders.last || ch->receivers.last)) wait_for_decided(ch);
    rv__seeded_gone(ch);
    if (likely(!ch->alarm) || rv__alarm_end(ch)) rv__chan_give_memory_back(ch);
}
rv_chan *rv_chan_ref(rv_chan *ch)
{
    if (ch) base_add_relaxed(&ch->refs, 1u); // relaxed: the caller has a reference already
    return ch;
}
static bool drop(rv_chan *ch) // true: that was the last
{
    // acquire: pairs with the release of those who dropped theirs. Who has the only reference need not write it back.
    return base_load_acquire(&ch->refs) == 1 || base_sub_acq_rel(&ch->refs, 1u) == 1; // acq_rel: the same, both sides
}
void rv__chan_unref(rv_chan *ch)
{
    if (drop(ch)) destroy(ch);
}
void rv_chan_unref(rv_chan *ch)
{
    if (!ch || !drop(ch)) return;
    rv__begin();
    destroy(ch);
    rv__end();
}
void rv_chan_free(rv_chan *ch)
{
    if (!ch) return;
    const uint32_t refs = base_load_acquire(&ch->refs); // acquire: as in unref
    if (unlikely(refs != 1)) rv__fatal("free of a channel with %u references", refs);
    rv__begin();
    destroy(ch);
    rv__end();
}
