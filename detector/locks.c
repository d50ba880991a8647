// detector/locks.c: the events det_lock_*: who holds what, and what releases leave for acquisitions.
//
// A lock's object knows its owner (or the number of its readers); a strand's held set knows its locks. The held set is
// the strand's own, so when somebody else ends a holding (unlocks, destroys, or takes a lock whose release we did
// not see), he changes the object, flags the owner's set as `lost`, and the owner drops the entry at his next
// event here. An entry is true while the object still has its id and names the strand as the owner, or, for a
// reader, still has its turn.
//   (1) owner != NULL implies that the owner is alive and has an entry: a strand gives up its locks when it finishes.
//   (2) held.chain names the entries [0, named), and named == n whenever an edge may be made.
// Nothing here waits for anything while it holds an object's guard, except for the allocation of clock nodes.
#include "detector/locks.h"
#include <time.h>
#include "base/arena.h"
#include "base/sys.h"
#include "detector/lockgraph.h"

enum { KIND = DET_LOCK_RW | DET_LOCK_RECURSIVE | DET_LOCK_SPIN | DET_LOCK_STATIC };
// A release out of order names what is above it anew, at once if there is no more than this.
enum { RENAME_AT_ONCE = 32 };

// ---- the guard -----------------------------------------------------------------------------------------------
// The program's own lock already keeps apart those who take and release it for themselves, so the guard is wanted by two at
// once only among readers and in broken programs. That is why it gives up its word by a plain store, half the cost of
// base_unlock, and who finds it taken for long sleeps a little.

static COLD void guard_slow(struct det_lock *l)
{
    const struct timespec nap = {0, 50000};
    for (int spins = 0;; spins++) {
        uint32_t seen = 0;
        if (base_load_relaxed(&l->guard) == 0 && base_cas_acquire(&l->guard, &seen, 1u)) return; // as in guard
        if (spins < 200)
            base_pause();
        else
            sys_call2(SYS_nanosleep, &nap, NULL);
    }
}
static inline void guard(struct det_lock *l)
{
    uint32_t seen = 0;
    if (unlikely(!base_cas_acquire(&l->guard, &seen, 1u))) guard_slow(l); // acquire: pairs with unguard
}
static inline void unguard(struct det_lock *l)
{
    base_store_release(&l->guard, 0u);
} // release: what it guards is there

// ---- the held set --------------------------------------------------------------------------------------------

static uint32_t chain_push(struct det_carrier *c, uint32_t below, uint32_t id, bool read)
{
    const uint32_t lock = id << 1 | read;
    struct det_chain_key *k = &c->chains[(lock ^ below * 5u) % DET_CHAIN_CACHE];
    if (likely(k->lock == lock && k->parent == below)) return k->node;
    *k = (struct det_chain_key){below, lock, det_chain_push(below, id, read)};
    return k->node;
}
static void name_all(struct det_strand *s)
{
    struct det_held_set *h = &s->held;
    uint32_t chain = h->named ? h->locks[h->named - 1].chain : 0;
    for (; h->named < h->n; h->named++) {
        struct det_held_lock *e = &h->locks[h->named];
        e->chain = chain = chain_push(s->carrier, chain, e->id, e->read);
        e->sites = 0;
    }
    h->chain = chain;
}
static struct det_held_lock *held_find(struct det_held_set *h, const struct det_lock *l)
{
    for (uint32_t i = h->n; i-- > 0;)
        if (h->locks[i].lock == l && h->locks[i].id == l->id) return &h->locks[i];
    return NULL;
}
static struct det_held_lock *held_at(struct det_held_set *h, uintptr_t addr)
{
    for (uint32_t i = h->n; i-- > 0;)
        if (h->locks[i].addr == addr) return &h->locks[i];
    return NULL;
}
static COLD void held_grow(struct det_held_set *h)
{
    const uint32_t cap = h->cap ? 2 * h->cap : 8;
    struct det_held_lock *grown = base_alloc(cap * sizeof *grown);
    for (uint32_t i = 0; i < h->n; i++) grown[i] = h->locks[i];
    base_free(h->locks, h->cap * sizeof *grown);
    h->locks = grown;
    h->cap = cap;
}
// The next entry, to be filled in by the caller, who then counts it.
static inline struct det_held_lock *held_next(struct det_held_set *h)
{
    if (unlikely(h->n == h->cap)) held_grow(h);
    return &h->locks[h->n];
}
static void held_remove(struct det_strand *s, struct det_held_lock *e)
{
    struct det_held_set *h = &s->held;
    const uint32_t i = (uint32_t)(e - h->locks);
    h->n--;
    if (h->named > i) h->named = i;
    for (uint32_t j = i; j < h->n; j++) h->locks[j] = h->locks[j + 1];
    if (h->n - h->named <= RENAME_AT_ONCE)
        name_all(s);
    else
        h->chain = i ? h->locks[i - 1].chain : 0;
}
// Does the object agree that s holds e? Its guard is held.
static bool still_mine(const struct det_strand *s, const struct det_held_lock *e)
{
    const struct det_lock *l = e->lock;
    return l->id == e->id && (e->read ? l->turn == e->turn : l->owner == s);
}
static COLD void drop_lost(struct det_strand *s)
{
    struct det_held_set *h = &s->held;
    base_store_relaxed(&h->lost, 0u); // relaxed: what is lost from now on is flagged anew
    for (uint32_t i = h->n; i-- > 0;) {
        struct det_held_lock *e = &h->locks[i];
        guard(e->lock);
        const bool mine = still_mine(s, e);
        unguard(e->lock);
        if (!mine) held_remove(s, e);
    }
}
static inline void look_for_lost(struct det_strand *s)
{
    // relaxed: only a hint to look; what is lost is decided under the objects' guards
    if (unlikely(base_load_relaxed(&s->held.lost))) drop_lost(s);
}
void det_locks_strand_finish(struct det_strand *s)
{
    struct det_held_set *h = &s->held;
    while (h->n) {
        struct det_held_lock *e = &h->locks[--h->n];
        struct det_lock *l = e->lock;
        guard(l);
        if (still_mine(s, e)) {
            if (e->read)
                l->readers--;
            else
                l->owner = NULL;
        }
        unguard(l);
    }
    if (h->cap) base_free(h->locks, h->cap * sizeof *h->locks);
    *h = (struct det_held_set){0};
}

// ---- the object ----------------------------------------------------------------------------------------------

// Nobody holds it any more, whoever believed to. The object's guard is held.
static void take_from_all(struct det_lock *l)
{
    if (l->owner) base_store_relaxed(&l->owner->held.lost, 1u); // relaxed: see look_for_lost
    l->owner = NULL;
    l->readers = 0;
    l->turn++;
}
// Ends the lock's generation.
static void retire(struct det_lock *l)
{
    guard(l);
    const uint32_t id = l->id;
    l->id = 0;
    take_from_all(l);
    det_release_drop(&l->writes);
    det_release_drop(&l->reads);
    unguard(l);
    if (id) det_lockgraph_gone(id);
}
static COLD void begin_generation(struct det_strand *s, uintptr_t pc, struct det_lock *l, int flags)
{
    const uint32_t created = det_stack_of(s, pc);
    guard(l);
    if (!l->id) {
        l->flags = flags & KIND;
        l->id = det_lock_name_new(l->object.addr, created, l->flags);
    }
    unguard(l);
}
// The lock at addr, made if it is seen for the first time. NULL when there is no room for it.
static struct det_lock *lock_at(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    struct det_lock *l = det_object_get(addr, DET_OBJ_LOCK, NULL);
    // relaxed: decided again under the object's guard
    if (l && unlikely(base_load_relaxed(&l->id) == 0)) begin_generation(s, pc, l, flags);
    return l;
}

void det_lock_create(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    if (!det_enter(s)) return;
    struct det_lock *l = det_object_find(addr, DET_OBJ_LOCK);
    if (l) retire(l);
    lock_at(s, pc, addr, flags);
    det_leave(s);
}
void det_lock_destroy(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    (void)pc;
    if (!det_enter(s)) return;
    struct det_lock *l = det_object_find(addr, DET_OBJ_LOCK);
    if (l) det_locks_object_gone(&l->object);
    det_leave(s);
}
void det_locks_object_gone(struct det_object *o)
{
    retire((struct det_lock *)o);
    det_object_remove(o);
}

// ---- request -------------------------------------------------------------------------------------------------

// The chain of the stacks where the entries were taken.
static uint32_t sites_of(struct det_held_set *h)
{
    uint32_t i = h->n;
    while (i > 0 && !h->locks[i - 1].sites) i--;
    uint32_t sites = i ? h->locks[i - 1].sites : 0;
    for (; i < h->n; i++) h->locks[i].sites = sites = det_site_chain_push(sites, h->locks[i].stack);
    return sites;
}
// The graph does not know yet that s wants the lock with what it holds, or may have to think about it again.
static NOINLINE void want(struct det_strand *s, uintptr_t pc, uint32_t id, bool read)
{
    struct det_held_set *h = &s->held;
    const struct det_want w = {h->chain, sites_of(h), id, det_stack_of(s, pc), read};
    struct det_cycle *found = det_lockgraph_want(s, &w);
    for (struct det_cycle *c = found; c; c = c->next) det_cycle_describe(c); // all before a sweep can come in between
    while (found) {
        struct det_cycle *c = found;
        found = c->next;
        det_deliver(s, &c->report);
        det_cycle_free(c);
    }
}
static NOINLINE void request(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    struct det_held_set *h = &s->held;
    look_for_lost(s);
    struct det_lock *l = lock_at(s, pc, addr, flags);
    if (!l || h->n == 0) return;
    // Who has it already does not wait for it (or for ever, and for himself). relaxed: s itself makes itself the
    // owner, or a reader, so what it reads here about itself is so.
    if (base_load_relaxed(&l->owner) == s || (base_load_relaxed(&l->readers) && held_find(h, l))) return;
    if (unlikely(h->named < h->n)) name_all(s);
    const bool read = flags & DET_LOCK_READ;
    const uint32_t id = base_load_relaxed(&l->id), lock = id << 1 | read; // relaxed: constant while the program is sane
    if (unlikely(!id)) return;
    struct det_want_key *k = &s->carrier->wants[(lock ^ h->chain * 5u) % DET_WANT_CACHE];
    if (k->lock == lock && k->chain == h->chain && k->published == s->must_published) return;
    *k = (struct det_want_key){h->chain, lock, s->must_published};
    s->carrier->marked = true;
    want(s, pc, id, read);
}
void det_lock_request(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    if (!det_enter(s)) return;
    if (s->held.n && !(flags & DET_LOCK_TRY) && det_cfg.detect_deadlocks) request(s, pc, addr, flags);
    det_leave(s);
}

// ---- acquired ------------------------------------------------------------------------------------------------

// s holds it already: one taking more. The object's guard is held.
static bool taken_again(struct det_strand *s, const struct det_lock *l, bool read)
{
    if (l->owner != s && !(read && l->readers)) return false;
    struct det_held_lock *e = held_find(&s->held, l);
    if (!e || !still_mine(s, e)) return false;
    e->count++;
    return true;
}
// Orders s after who had the lock before. The object's guard is held.
static void take(struct det_strand *s, struct det_lock *l, bool read)
{
    // A holding that excludes this one has ended without our seeing it.
    if (unlikely(l->owner || (l->readers && !read))) take_from_all(l);
    det_release_acquire(s, &l->writes, 0);
    if (read) {
        l->readers++;
        return;
    }
    if (l->reads.slot || l->reads.time || l->reads.clock.root) {
        det_release_acquire(s, &l->reads, 0);
        det_release_drop(&l->reads); // s knows it now, and will leave it in writes
    }
    l->owner = s;
}
static void acquired(struct det_strand *s, uintptr_t pc, struct det_lock *l, int flags)
{
    const bool read = flags & DET_LOCK_READ;
    look_for_lost(s);
    struct det_held_set *h = &s->held;
    struct det_held_lock *e = held_next(h);
    const uint32_t stack = det_stack_of(s, pc);
    guard(l);
    const uint32_t id = l->id;
    const bool again = !id || taken_again(s, l, read); // no id: somebody destroys it at this moment
    if (!again) take(s, l, read);
    e->turn = l->turn;
    unguard(l);
    if (again) return;
    e->lock = l;
    e->addr = l->object.addr;
    e->id = id;
    e->count = 1;
    e->stack = stack;
    e->read = read;
    h->n++;
    name_all(s);
    det_history_note(s, flags & DET_LOCK_COND ? DET_SYNC_RELOCK : DET_SYNC_LOCK + read, id, 0, stack);
}
void det_lock_acquired(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    if (!det_enter(s)) return;
    struct det_lock *l = lock_at(s, pc, addr, flags);
    if (likely(l != NULL)) acquired(s, pc, l, flags);
    det_leave(s);
}
void det_lock_repair(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    if (!det_enter(s)) return;
    look_for_lost(s);
    // The dead owner gave it up when it finished, or lost it to s in `take`; only a repair without a taking is left.
    struct det_lock *l = det_object_find(addr, DET_OBJ_LOCK);
    if (l && !held_find(&s->held, l)) acquired(s, pc, l, 0);
    det_leave(s);
}

// ---- release -------------------------------------------------------------------------------------------------

// Somebody's else. The owner finds out at his next event; whoever takes it next is ordered after both. Which reader's it is nobody
// knows: they are counted as before until a writer comes. (Who unlocks need not know the mode: the object does.)
static void release_of_other(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    struct det_lock *l = det_object_find(addr, DET_OBJ_LOCK);
    if (!l) return;
    guard(l);
    const uint32_t id = l->id;
    const bool owned = l->owner != NULL, shared = l->readers != 0;
    if (owned || shared) det_release_publish(s, owned ? &l->writes : &l->reads, 0);
    if (owned) take_from_all(l);
    unguard(l);
    if (owned || shared) det_history_note_at(s, owned ? DET_SYNC_UNLOCK : DET_SYNC_READ_UNLOCK, id, pc);
}
// The last of the takings of e is undone.
static void release_last(struct det_strand *s, struct det_held_lock *e)
{
    struct det_lock *l = e->lock;
    if (e->read) {
        det_release_publish(s, &l->reads, 0);
        l->readers--;
    } else {
        det_release_publish(s, &l->writes, DET_SET); // s has learnt all that it holds
        l->owner = NULL;
    }
}
static void release(struct det_strand *s, uintptr_t pc, uintptr_t addr)
{
    struct det_held_lock *e = held_at(&s->held, addr);
    if (!e) {
        release_of_other(s, pc, addr);
        return;
    }
    const enum det_sync_what what = DET_SYNC_UNLOCK + e->read;
    const uint32_t id = e->id;
    guard(e->lock);
    const bool mine = still_mine(s, e), last = !mine || --e->count == 0;
    if (mine && last) release_last(s, e);
    unguard(e->lock);
    if (last) held_remove(s, e);
    if (mine && last) det_history_note_at(s, what, id, pc);
}
void det_lock_release(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    if (!det_enter(s)) return;
    (void)flags; // what was taken is known
    look_for_lost(s);
    release(s, pc, addr);
    det_leave(s);
}

void det_locks_reset(void)
{
    det_lockgraph_reset();
    det_lock_names_reset();
}
