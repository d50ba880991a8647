// timer.c: the timers of one P: a 4-ary heap by (when, order of adding).
// Four children of 16 bytes are one cache line, and keys lie beside the pointers, so sifting touches a timer only to
// tell it its new index, and to break ties.
//   (1) heap[i] is not before heap[(i - 1) / 4].          (2) heap[i].timer->index == i, and its home is this heap.
//   (3) next == heap[0].when, or RV__NEVER.               (4) seq is above that of every timer here.
// All four hold whenever the lock is free.
//
// The home of a timer, who changes it, and under which lock:
//   NULL -> ts        add                  ts's                ts -> NULL         del, run (no period)   ts's
//   ts -> FIRING      run (a period)       ts's                FIRING -> ts       again                  ts's, by cas
//   FIRING -> NULL    del                  none, by cas        from -> to         move                   both
// (rv__timers_clear, when rv_run is over, forgets timers that may no longer exist; those that do keep a home that has
// them not.) So a timer that is in a heap changes only under that heap's lock. del reads home, takes the lock of what
// it read, and looks again: if it is still the same the timer stays while the lock is held; otherwise it begins anew.
// Heaps are never freed, so a stale home may be locked. Whoever calls del keeps the timer's memory meanwhile.
//
// Due timers are taken out in batches and fired without the lock. From taking out to firing such a timer is in no heap:
// del says false, and the caller knows that fire has run or will. That is also why fire puts a timer with a period
// back, and not run: run would have to touch the timer after its fire, and nobody could tell when it may be freed.
//
// Anyone inside a section. Rejected: marking stopped timers and sweeping them later (the heap would point to memory
// that its owner may free); a sequence number in each place (24 bytes; ties are rare, and two timers are in cache by
// then).
#include "runtime/timer.h"

#include "base/check.h"
#include "runtime/rt.h"

#ifdef RAVEL_TINY
enum { FIRST_CAPACITY = 4, BATCH = 2 };
#else
enum { FIRST_CAPACITY = 256, BATCH = 16 };
#endif
// The heap begins 3 places into its memory, so that each four siblings are one cache line.
enum { PAD = 3 };

static bool before(const struct rv__timer_place *a, const struct rv__timer_place *b)
{
    return a->when < b->when || (unlikely(a->when == b->when) && a->timer->seq < b->timer->seq);
}
static void put(struct rv__timers *ts, uint32_t i, struct rv__timer_place p)
{
    ts->heap[i] = p;
    p.timer->index = i;
}
static uint32_t sift_up(struct rv__timers *ts, uint32_t i, struct rv__timer_place p)
{
    while (i) {
        const uint32_t parent = (i - 1) / 4;
        if (!before(&p, &ts->heap[parent])) break;
        put(ts, i, ts->heap[parent]);
        i = parent;
    }
    put(ts, i, p);
    return i;
}
static uint32_t first_child(const struct rv__timers *ts, uint32_t i) // the earliest; there is one
{
    const uint32_t end = 4 * i + 5 < ts->n ? 4 * i + 5 : ts->n;
    uint32_t best = 4 * i + 1;
    for (uint32_t c = best + 1; c < end; c++)
        if (before(&ts->heap[c], &ts->heap[best])) best = c;
    return best;
}
static void sift_down(struct rv__timers *ts, uint32_t i, struct rv__timer_place p)
{
    while (4 * i + 1 < ts->n) {
        const uint32_t c = first_child(ts, i);
        if (!before(&ts->heap[c], &p)) break;
        put(ts, i, ts->heap[c]);
        i = c;
    }
    put(ts, i, p);
}

void rv__timers_check(const struct rv__timers *ts)
{
    for (uint32_t i = 0; i < ts->n && i < 1000; i++) { // of large heaps the top: each operation checks
        CHECK(i == 0 || !before(&ts->heap[i], &ts->heap[(i - 1) / 4]));
        CHECK(ts->heap[i].timer->index == i && ts->heap[i].timer->seq < ts->seq);
        CHECK(base_load_relaxed(&ts->heap[i].timer->home) == ts && ts->heap[i].timer->when == ts->heap[i].when);
    }
    CHECK(ts->next == (ts->n ? ts->heap[0].when : RV__NEVER));
}
// Before the lock is dropped: keeps (3).
static void settle_locked(struct rv__timers *ts)
{
    const int64_t next = ts->n ? ts->heap[0].when : RV__NEVER;
    if (next != ts->next) base_store_relaxed(&ts->next, next); // relaxed: see rv__timers_next
    ASSERT_DEEP((rv__timers_check(ts), true));
}

static size_t bytes_for(uint32_t capacity) { return (capacity + PAD) * sizeof(struct rv__timer_place); }
static void grow_locked(struct rv__timers *ts)
{
    const uint32_t capacity = ts->capacity ? 2 * ts->capacity : FIRST_CAPACITY;
    char *old = (char *)(ts->heap ? ts->heap - PAD : NULL);
    char *p = old ? sys_grow(old, bytes_for(ts->capacity), bytes_for(capacity)) : sys_alloc(bytes_for(capacity));
    if (!p) rv__fatal("out of memory for %u timers", capacity);
    ts->heap = (struct rv__timer_place *)p + PAD;
    ts->capacity = capacity;
}
static uint32_t insert_locked(struct rv__timers *ts, struct rv__timer *t)
{
    if (unlikely(ts->n == ts->capacity)) grow_locked(ts);
    return sift_up(ts, ts->n++, (struct rv__timer_place){t->when, t});
}
static void remove_locked(struct rv__timers *ts, uint32_t i)
{
    const struct rv__timer_place last = ts->heap[--ts->n];
    if (i == ts->n) return;
    if (i && before(&last, &ts->heap[(i - 1) / 4]))
        sift_up(ts, i, last);
    else
        sift_down(ts, i, last);
}

void rv__timers_init(struct rv__timers *ts) { *ts = (struct rv__timers){.next = RV__NEVER}; }
// Touches no timer: their memory may be gone. One whose memory stayed still has its home; see holds_locked.
void rv__timers_clear(struct rv__timers *ts)
{
    rv__lock(&ts->lock);
    ts->n = 0;
    settle_locked(ts);
    rv__unlock(&ts->lock);
}
// t's home is ts: is it in the heap? Not if rv__timers_clear came between.
static bool holds_locked(const struct rv__timers *ts, const struct rv__timer *t)
{
    return t->index < ts->n && ts->heap[t->index].timer == t;
}

bool rv__timer_add(struct rv__timers *ts, struct rv__timer *t)
{
    rv__lock(&ts->lock);
    ASSERT(base_load_relaxed(&t->home) == NULL);
    t->seq = ts->seq++;
    base_store_release(&t->home,
                       ts); // release: a del that reads it finds a heap that is whole; pairs with the acquire there
    const bool earliest = insert_locked(ts, t) == 0;
    settle_locked(ts);
    rv__unlock(&ts->lock);
    return earliest;
}

bool rv__timer_del(struct rv__timer *t)
{
    for (;;) {
        struct rv__timers *ts = base_load_acquire(&t->home); // acquire: pairs with the release in add, again and move
        if (!ts) return false;
        if (ts == RV__FIRING) {
            if (base_cas_relaxed(&t->home, &ts, NULL)) return false; // relaxed: again reads nothing else of ours
            continue;
        }
        rv__lock(&ts->lock);
        if (likely(base_load_relaxed(&t->home) == ts)) { // relaxed: it changes from ts only under the lock
            const bool held = holds_locked(ts, t);
            if (likely(held))
                remove_locked(ts, t->index);
            else
                t->index = RV__FORGOTTEN;
            base_store_relaxed(&t->home, NULL); // relaxed: the next who adds it was told by us
            settle_locked(ts);
            rv__unlock(&ts->lock);
            return held;
        }
        rv__unlock(&ts->lock);
    }
}

bool rv__timer_again(struct rv__timers *ts, struct rv__timer *t, int64_t now)
{
    rv__lock(&ts->lock);
    struct rv__timers *seen = RV__FIRING;
    // release: as in add. From here on a del waits for our lock; before it t may be another's already, after a del.
    const bool ok = base_cas_release(&t->home, &seen, ts);
    if (ok) {
        t->when += t->period * (now < t->when ? 1 : 1 + (now - t->when) / t->period);
        t->seq = ts->seq++;
        insert_locked(ts, t);
        settle_locked(ts);
    }
    rv__unlock(&ts->lock);
    return ok;
}

static int take_due(struct rv__timers *ts, int64_t now, struct rv__timer **batch)
{
    int n = 0;
    rv__lock(&ts->lock);
    while (n < BATCH && ts->n && ts->heap[0].when <= now) {
        struct rv__timer *t = ts->heap[0].timer;
        remove_locked(ts, 0);
        // release: our look at period; pairs with the acquire of a del that finds NULL, after which it may be started anew
        base_store_release(&t->home, t->period ? RV__FIRING : NULL);
        batch[n++] = t;
    }
    settle_locked(ts);
    rv__unlock(&ts->lock);
    return n;
}
int rv__timers_run(struct rv__timers *ts, int64_t now)
{
    struct rv__timer *batch[BATCH];
    int n, fired = 0;
    if (rv__timers_next(ts) > now) return 0;
    do {
        n = take_due(ts, now, batch);
        for (int i = 0; i < n; i++) batch[i]->fire(batch[i], now);
        fired += n;
    } while (n == BATCH);
    return fired;
}

void rv__timers_move(struct rv__timers *from, struct rv__timers *to)
{
    struct rv__timers *first = from < to ? from : to; // two moves may meet
    rv__lock(&first->lock);
    rv__lock(first == from ? &to->lock : &from->lock);
    // Those of one heap keep their order among themselves; what is added later comes after them.
    if (to->seq < from->seq) to->seq = from->seq;
    for (uint32_t i = 0; i < from->n; i++) {
        base_store_release(&from->heap[i].timer->home, to); // release: as in add
        insert_locked(to, from->heap[i].timer);
    }
    from->n = 0;
    settle_locked(from);
    settle_locked(to);
    rv__unlock(&from->lock);
    rv__unlock(&to->lock);
}
