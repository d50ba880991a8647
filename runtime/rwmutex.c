// rwmutex.c: a mutex that one writer has, or any number of readers.
//
// state is one word (syncq.h says why): WRITER, QUEUE, WAITERS, and above them the number of readers.
//   (1) WAITERS implies WRITER or readers: who lets go last gives it to those who wait next, and wakes them; they have it by then.
//   (2) Readers wait while there is a writer or WAITERS: a waiting writer holds back new readers.
// A writer that lets go gives it to all readers that wait, if there are any, else to the next writer; the last reader gives it to
// the next writer. So they take turns, and neither side starves.
// Destroy after observe: as in mutex.c; who was woken does not look at it again before its own unlock.
#include <errno.h>

#include "runtime/feed.h"
#include "runtime/seeded.h"
#include "runtime/syncq.h"

enum { WRITER = 1, READER = 8, FLAGS = READER - 1 };

// ---- locking -----------------------------------------------------------------------------------------------------------

// state is `seen` with QUEUE on top. False: its context has ended the wait.
static bool wait_in(rv_rwmutex *m, void **queue, struct rv__sleeper *me, enum rv__why why, uint32_t seen)
{
    if (unlikely(rv__ended_by_now(me))) {
        base_store_release(&m->state, seen); // release: the queue, for who next has QUEUE
        return false;
    }
    rv__sleepers_push(queue, me);
    if (me->wait) me->wait->parked = true;
    rv__park_begin(me->g, why, m);
    base_store_release(&m->state, seen | RV__WAITERS); // release: as above
    rv__park(me->g);
    return true;
}
// The word becomes seen + more where none of `against` is in it; otherwise the caller waits. False: its context has ended the wait.
ALWAYS_INLINE bool take_or_wait(rv_rwmutex *m, uint32_t against, uint32_t more, void **queue, enum rv__why why,
                                struct rv__sleeper *me)
{
    uint32_t left = rv__looks_before_parking(), looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (!(seen & against)) {
            // acquire: pairs with the release of whoever let go of it
            if (base_cas_acquire(&m->state, &seen, seen + more)) return true;
        } else if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (left && !(seen & RV__WAITERS)) {
            left--;
            seen = rv__look_again(&m->state, &looks);
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            return wait_in(m, queue, me, why, seen);
        }
    }
}
static NOINLINE bool take_to_read_slow(rv_rwmutex *m, struct rv__sleeper *me)
{
    return take_or_wait(m, FLAGS, READER, &m->readers, RV__WHY_RLOCK, me);
}
static NOINLINE bool take_to_write_slow(rv_rwmutex *m, struct rv__sleeper *me)
{
    return take_or_wait(m, ~0u, WRITER, &m->writers, RV__WHY_RWLOCK, me);
}
static void lock_slow(rv_rwmutex *m, bool (*take)(rv_rwmutex *m, struct rv__sleeper *me))
{
    struct rv__g *const g = rv__enter();
    struct rv__sleeper me = {.g = g};
    take(m, &me);
    rv__leave(g);
}
// Without waiting.
static inline bool take_to_read(rv_rwmutex *m)
{
    uint32_t seen = base_load_relaxed(&m->state);
    while (likely(!(seen & FLAGS)))
        if (base_cas_acquire(&m->state, &seen, seen + READER)) return true; // acquire: pairs with a writer's release
    return false;
}
static inline bool take_to_write(rv_rwmutex *m)
{
    uint32_t seen = 0;
    return base_cas_acquire(&m->state, &seen, (uint32_t)WRITER); // acquire: pairs with everybody's release
}
void rv_rwmutex_rlock(rv_rwmutex *m)
{
    rv__seeded_point();
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    rv__feed_lock_request(pc, m, BASE_LOCK_RW | BASE_LOCK_READ);
    if (unlikely(!take_to_read(m))) lock_slow(m, take_to_read_slow);
    rv__feed_lock_acquired(pc, m, BASE_LOCK_RW | BASE_LOCK_READ);
}
void rv_rwmutex_lock(rv_rwmutex *m)
{
    rv__seeded_point();
    const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    rv__feed_lock_request(pc, m, BASE_LOCK_RW);
    if (unlikely(!take_to_write(m))) lock_slow(m, take_to_write_slow);
    rv__feed_lock_acquired(pc, m, BASE_LOCK_RW);
}
int rv_rwmutex_tryrlock(rv_rwmutex *m)
{
    rv__seeded_point();
    // Somebody who is about to queue, or has, is against it as well: he waits for a reason.
    if (!take_to_read(m)) return -EAGAIN;
    rv__feed_lock_acquired((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW | BASE_LOCK_READ | BASE_LOCK_TRY);
    return 0;
}
int rv_rwmutex_trylock(rv_rwmutex *m)
{
    rv__seeded_point();
    if (!take_to_write(m)) return -EAGAIN;
    rv__feed_lock_acquired((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW | BASE_LOCK_TRY);
    return 0;
}

// ---- unlocking ---------------------------------------------------------------------------------------------------------

static uint32_t waiters_left(const rv_rwmutex *m) { return m->writers || m->readers ? RV__WAITERS : 0; }
// The caller has set QUEUE. The store's release pairs with the acquire of whoever has QUEUE next; m may be gone afterwards.
static bool give_to_writer(rv_rwmutex *m)
{
    struct rv__sleeper *const w = rv__sleepers_pop(&m->writers);
    if (unlikely(!w)) return false; // contexts have ended all their waits; of readers likewise
    struct rv__g *const g = w->g;
    base_store_release(&m->state, WRITER | waiters_left(m));
    rv__ready(g);
    return true;
}
static uint32_t pop_readers(rv_rwmutex *m, struct rv__glist *out)
{
    uint32_t n = 0;
    for (struct rv__sleeper *w; (w = rv__sleepers_pop(&m->readers)) != NULL; n++) rv__glist_push(out, w->g);
    return n;
}
static bool give_to_readers(rv_rwmutex *m)
{
    struct rv__glist woken = {0};
    const uint32_t n = pop_readers(m, &woken);
    if (n == 0) return false;
    base_store_release(&m->state, n * READER | waiters_left(m));
    rv__ready_list(&woken);
    return true;
}
static void give(rv_rwmutex *m, bool writer_first)
{
    if (writer_first ? give_to_writer(m) || give_to_readers(m) : give_to_readers(m) || give_to_writer(m)) return;
    base_store_release(&m->state, 0u);
}
static NOINLINE void runlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (unlikely(seen < READER)) rv__fatal("sync: RUnlock of unlocked RWMutex");
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (!(seen & RV__WAITERS) || seen >= 2 * READER) {
            // release: pairs with the acquire of the next writer, or of the last reader. From here on m may be gone
            if (base_cas_release(&m->state, &seen, seen - READER)) break;
        } else if (base_cas_acq_rel(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acq_rel: what all readers did, for the writer
            give(m, true);
            break;
        }
    }
    rv__leave(g);
}
void rv_rwmutex_runlock(rv_rwmutex *m)
{
    rv__feed_lock_release((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW | BASE_LOCK_READ);
    uint32_t seen = base_load_relaxed(&m->state);
    while (likely(seen >= READER && !(seen & FLAGS)))
        if (base_cas_release(&m->state, &seen, seen - READER)) return; // release: as in runlock_slow
    runlock_slow(m);
}
static NOINLINE void unlock_slow(rv_rwmutex *m)
{
    struct rv__g *const g = rv__enter();
    uint32_t looks = 0, seen = base_load_relaxed(&m->state);
    for (;;) {
        if (unlikely(!(seen & WRITER))) rv__fatal("sync: Unlock of unlocked RWMutex");
        if (seen & RV__QUEUE) {
            seen = rv__look_again(&m->state, &looks);
        } else if (!(seen & RV__WAITERS)) {
            if (base_cas_release(&m->state, &seen, 0u)) break; // release: as in rv_rwmutex_unlock
        } else if (base_cas_acquire(&m->state, &seen,
                                    seen | RV__QUEUE)) { // acquire: the queue, from who had QUEUE last
            give(m, false);
            break;
        }
    }
    rv__leave(g);
}
void rv_rwmutex_unlock(rv_rwmutex *m)
{
    rv__feed_lock_release((uintptr_t)__builtin_return_address(0), m, BASE_LOCK_RW);
    uint32_t seen = WRITER;
    // release: pairs with the acquire of whoever takes it next. From here on m may be gone
    if (unlikely(!base_cas_release(&m->state, &seen, 0u))) unlock_slow(m);
}

// ---- with a context ------------------------------------------------------------------------------------------------------

// A wait is taken out. Readers that waited only because a writer did need not any longer.
static void leave(rv_rwmutex *m, void **queue, struct rv__wait *w, struct rv__glist *out)
{
    uint32_t seen;
    const bool queued = rv__leave_begin(&m->state, &seen);
    rv__sleepers_leave(queue, w, out);
    if (!queued) return;
    const uint32_t let_in = seen & WRITER || m->writers ? 0 : pop_readers(m, out);
    // release: pairs with the acquire of whoever has QUEUE next
    base_store_release(&m->state, ((seen & ~(uint32_t)RV__WAITERS) + let_in * READER) | waiters_left(m));
}
static void leave_readers(struct rv__wait *w, struct rv__glist *out)
{
    leave(w->object, &((rv_rwmutex *)w->object)->readers, w, out);
}
static void leave_writers(struct rv__wait *w, struct rv__glist *out)
{
    leave(w->object, &((rv_rwmutex *)w->object)->writers, w, out);
}
static NOINLINE int lock_slow_ctx(rv_ctx *ctx, rv_rwmutex *m, bool read)
{
    struct rv__g *const g = rv__enter();
    struct rv__wait wait = {.ctx = ctx, .g = g, .object = m, .leave = read ? leave_readers : leave_writers};
    struct rv__sleeper me = {.g = g, .wait = &wait};
    wait.place = &me;
    int err = rv__wait_begin(&wait);
    if (!err) {
        const bool not_ended = (read ? take_to_read_slow : take_to_write_slow)(m, &me);
        err = rv__wait_end(&wait, not_ended && !wait.parked);
    }
    rv__leave(g);
    return err;
}
static int lock_ctx(rv_ctx *ctx, rv_rwmutex *m, bool read, uintptr_t pc)
{
    rv__seeded_point();
    int err = rv__ctx_err(ctx, pc);
    if (err) return err;
    if (!(read ? take_to_read : take_to_write)(m)) err = lock_slow_ctx(ctx, m, read);
    if (err) return rv__ctx_err(ctx, pc);
    // It would not have waited for ever: as a try.
    rv__feed_lock_acquired(pc, m, BASE_LOCK_RW | BASE_LOCK_TRY | (read ? BASE_LOCK_READ : 0));
    return 0;
}
int rv_rwmutex_rlock_ctx(rv_ctx *ctx, rv_rwmutex *m)
{
    return lock_ctx(ctx, m, true, (uintptr_t)__builtin_return_address(0));
}
int rv_rwmutex_lock_ctx(rv_ctx *ctx, rv_rwmutex *m)
{
    return lock_ctx(ctx, m, false, (uintptr_t)__builtin_return_address(0));
}
