// pool.c: objects that were used and may be used again.
//
// Each P has a magazine of up to 14 objects, on which its holder works by plain loads and stores; behind it a list of full ones, under a
// lock. A full magazine goes onto the list, an empty one is exchanged for one of it, and who finds none takes a whole one from
// another P's list. So a lock is taken once for 14 objects, and thieves take what the owner would not use soon.
//
// Age. Now and then sysmon moves everything to the victims, and frees what was there: what nobody has taken for one to two
// such whiles. Gets look at victims last. For that it must have a magazine that its owner works on without a lock:
//     sysmon: claimed = 1; membarrier; is the owner out of the section that it may have been in? then lock
//     owner:  in a section; claimed? then lock
// An owner whose section began after the barrier sees the claim, and one whose section began before has left it (rv__runq_owner_passed; runq.c
// has the argument). One that stays in its section is passed over this time. Plain threads share one local, which is claimed for good.
//   (1) An object is in one place of one magazine; a magazine is some local's `now`, or on one list.
//   (2) `now` of a local is touched by its P's holder inside a section, or, while claimed, by who has the lock.
// free runs on a goroutine of its own, since sysmon may not block; a drain waits for it, and then nothing knows the pool any more.
//
// For the detectors the place in the magazine is what carries the order from put to get: it is not used anew before the
// get has read it. And under them a put has a strand of its own write to the object, once the putter has let go of it: whoever touches it
// after that without having got it is in a race with that write, the putter too, and though nobody else ever gets the object.
#include "runtime/pool.h"

#include "base/sys.h"
#include "runtime/feed.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"

enum { LOCALS = RV__MAX_P + 1, OUTSIDE = RV__MAX_P };
#define SECOND ((int64_t)1000000000)

int64_t rv__pool_age_ns = 10 * SECOND;
static struct {
    struct rv__lock lock;
    rv_pool *first; // guarded by lock: those in use, linked by next
    int64_t next;   // sysmon's: when to age them
    uint64_t aged;  // atomic: how often
} pools;

static struct rv__pool_local *locals_of(rv_pool *pool)
{
    return base_load_acquire(&pool->locals); // acquire: pairs with the release in begin_use
}
static size_t bytes_of_locals(void) { return (LOCALS * sizeof(struct rv__pool_local) + 4095) & ~(size_t)4095; }

static COLD struct rv__pool_local *make_locals(void)
{
    struct rv__pool_local *const l = sys_alloc(bytes_of_locals());
    if (!l) rv__fatal("out of memory: no pool");
    l[OUTSIDE].claimed = RV__CLAIMED_FOR_GOOD;
    const bool by_lock = rv__feed || !sys_membarrier(); // !: an old kernel
    for (int i = 0; by_lock && i < LOCALS; i++) l[i].claimed = RV__CLAIMED_FOR_GOOD;
    return l;
}
// The first use of a pool.
static COLD struct rv__pool_local *begin_use(rv_pool *pool, uintptr_t pc)
{
    const uint64_t origin = rv__feed_origin(pc);
    rv__lock(&pools.lock);
    if (!pool->locals) {
        pool->origin = origin;
        pool->next = pools.first;
        pools.first = pool;
        base_store_release(&pool->locals, make_locals()); // release: what is in them; pairs with locals_of
    }
    rv__unlock(&pools.lock);
    return pool->locals;
}
static struct rv__pool_local *here(rv_pool *pool, uintptr_t pc)
{
    struct rv__pool_local *l = locals_of(pool);
    const struct rv__p *const p = rv__p();
    if (unlikely(!l)) l = begin_use(pool, pc);
    return &l[p ? p->index : (uint32_t)OUTSIDE];
}

// ---- magazines -----------------------------------------------------------------------------------------------------------

static void push(struct rv__magazine **list, struct rv__magazine *mag)
{
    mag->next = *list;
    base_store_relaxed(list, mag); // relaxed: for who looks before he locks
}
static struct rv__magazine *pop(struct rv__magazine **list)
{
    struct rv__magazine *const mag = *list;
    if (mag) base_store_relaxed(list, mag->next);
    return mag;
}
static struct rv__magazine *new_magazine(void)
{
    struct rv__magazine *const mag = rv__small_get(rv__small_here(), sizeof *mag);
    if (mag) mag->n = 0;
    return mag;
}
static void free_magazine(struct rv__magazine *mag)
{
    if (!mag) return;
    rv__feed_forget(mag, sizeof *mag);
    rv__small_put(rv__small_here(), mag, sizeof *mag);
}
static bool is_empty(const struct rv__magazine *mag) { return !mag || mag->n == 0; }
static bool is_full(const struct rv__magazine *mag) { return mag && mag->n == RV__MAGAZINE; }

// ---- get -----------------------------------------------------------------------------------------------------------------

static void *take(struct rv__magazine *mag, uintptr_t pc)
{
    void **const place = &mag->at[--mag->n];
    rv__feed_get(pc, place);
    return *place;
}
static void *take_own(struct rv__pool_local *l, uintptr_t pc)
{
    void *object = NULL;
    rv__lock(&l->lock);
    if (is_empty(l->now) && l->full) {
        free_magazine(l->now);
        l->now = pop(&l->full);
    }
    if (!is_empty(l->now)) object = take(l->now, pc);
    rv__unlock(&l->lock);
    return object;
}
// A full magazine of another local's becomes l's.
static void *take_others(struct rv__pool_local *l, struct rv__pool_local *from, uintptr_t pc)
{
    if (!base_load_relaxed(&from->full)) return NULL; // relaxed: a hint
    rv__lock(&from->lock);
    struct rv__magazine *const mag = pop(&from->full);
    rv__unlock(&from->lock);
    if (!mag) return NULL;
    rv__lock(&l->lock);
    push(&l->full, mag);
    rv__unlock(&l->lock);
    return take_own(l, pc);
}
// One object of a victim; the others stay victims.
static void *take_victim(struct rv__pool_local *from, uintptr_t pc)
{
    if (!base_load_relaxed(&from->victim)) return NULL; // relaxed: a hint
    rv__lock(&from->lock);
    void *const object = from->victim ? take(from->victim, pc) : NULL;
    if (object && is_empty(from->victim)) free_magazine(pop(&from->victim));
    rv__unlock(&from->lock);
    return object;
}
// Of all locals, l first and the others in a ring.
static void *take_anywhere(struct rv__pool_local *all, struct rv__pool_local *l, bool victims, uintptr_t pc)
{
    const uint32_t n = base_load_acquire(&rv__sched.n_ps), at = (uint32_t)(l - all); // acquire: the Ps
    void *object = victims ? take_victim(l, pc) : take_own(l, pc);
    for (uint32_t i = 1; !object && i <= n + 1; i++) {
        const uint32_t k = (at == OUTSIDE ? i : at + i) % (n + 1);
        struct rv__pool_local *const from = &all[k == n ? (uint32_t)OUTSIDE : k];
        if (from != l) object = victims ? take_victim(from, pc) : take_others(l, from, pc);
    }
    return object;
}
static NOINLINE void *get_slow(rv_pool *pool, uintptr_t pc)
{
    rv__begin();
    struct rv__pool_local *const l = here(pool, pc), *const all = locals_of(pool);
    void *object = take_anywhere(all, l, false, pc);
    if (!object) object = take_anywhere(all, l, true, pc);
    rv__end();
    return object || !pool->make ? object : pool->make(pool->arg);
}
// The magazine that the caller, inside a section, may work on without a lock; or NULL: not now.
ALWAYS_INLINE struct rv__magazine *my_magazine(rv_pool *pool, const struct rv__m *m)
{
    const struct rv__p *const p = base_load_relaxed(&m->p);
    struct rv__pool_local *const all = locals_of(pool);
    if (unlikely(!p || !all || base_load_relaxed(&m->attention))) return NULL; // relaxed: as in rv__begin
    struct rv__pool_local *const l = &all[p->index];
    // acquire: what others did with it under a claim; pairs with the release in unclaim
    return likely(base_load_acquire(&l->claimed) == RV__UNCLAIMED) ? l->now : NULL;
}
// The end of a section that has gone well: 0.8 ns less for the pair than rv__end, which looks for its M anew and keeps registers.
static COLD void *end_slow(void *object)
{
    rv__end();
    return object;
}
ALWAYS_INLINE void *end(struct rv__m *m, void *object)
{
    if (unlikely(base_load_relaxed(&m->preempt))) return end_slow(object); // relaxed: as in rv__end
    rv__section_end(m);
    return object;
}
// Without a call but for the last one, so that nothing is saved.
void *rv_pool_get(rv_pool *pool)
{
    struct rv__m *const m = rv__m();
    if (likely(m != NULL)) {
        rv__section_begin(m);
        struct rv__magazine *const mag = my_magazine(pool, m);
        if (likely(mag && mag->n)) return end(m, mag->at[--mag->n]);
        rv__section_end(m);
    }
    return get_slow(pool, RV__CALLER);
}

// ---- put -----------------------------------------------------------------------------------------------------------------

// A strand whose creator is the putter writes to the object, and the place gets what that strand knows: so a get comes after the write, and
// nothing else does, not even the putter.
static COLD void poison(rv_pool *pool, void *object, const void *place, uintptr_t pc)
{
    struct det_strand *const putter = rv__feed->current();
    if (!putter) return;
    const struct rv__g *const g = rv__m()->g;
    struct det_strand *const s = rv__feed->create(pc, g->id ? g->id : rv__g_id(NULL));
    rv__feed->carry(s);
    rv__feed->start(s, 0, 0);
    rv__feed->name(s, "put into a pool");
    rv__feed->access(s, pc, object, pool->size ? pool->size : 1, true);
    rv__feed->release(s, pc, place, BASE_MUST | BASE_REPLACE);
    rv__feed->finish(s);
    rv__feed->carry(g->kind == RV__THREAD ? NULL : putter);
}
// False: there is no memory for a magazine.
static bool add_locked(rv_pool *pool, struct rv__pool_local *l, void *object, uintptr_t pc)
{
    if (!l->now || is_full(l->now)) {
        struct rv__magazine *const mag = new_magazine();
        if (!mag) return false;
        if (l->now) push(&l->full, l->now);
        l->now = mag;
    }
    if (unlikely(rv__feed != NULL)) poison(pool, object, &l->now->at[l->now->n], pc);
    l->now->at[l->now->n++] = object;
    return true;
}
static NOINLINE void put_slow(rv_pool *pool, void *object, uintptr_t pc)
{
    rv__begin();
    struct rv__pool_local *const l = here(pool, pc);
    rv__lock(&l->lock);
    const bool kept = add_locked(pool, l, object, pc);
    rv__unlock(&l->lock);
    rv__end();
    if (!kept && pool->drop) pool->drop(object, pool->arg);
}
void rv_pool_put(rv_pool *pool, void *object)
{
    struct rv__m *const m = rv__m();
    if (unlikely(!object)) return;
    if (likely(m != NULL)) {
        rv__section_begin(m);
        struct rv__magazine *const mag = my_magazine(pool, m);
        if (likely(mag && mag->n < RV__MAGAZINE)) {
            mag->at[mag->n++] = object;
            end(m, NULL);
            return;
        }
        rv__section_end(m);
    }
    put_slow(pool, object, RV__CALLER);
}

// ---- freeing -------------------------------------------------------------------------------------------------------------

struct garbage {
    void (*drop)(void *object, void *arg);
    void *arg;
    rv_waitgroup *freeing; // of the pool
    struct rv__magazine *list;
};
// Outside of sections: `drop` is the program's.
static void free_all(const struct garbage *q, uintptr_t pc)
{
    for (struct rv__magazine *mag = q->list, *next; mag; mag = next) {
        next = mag->next;
        while (mag->n) {
            void **const place = &mag->at[--mag->n];
            rv__feed_get(pc, place);
            if (q->drop) q->drop(*place, q->arg);
        }
        struct rv__g *const g = rv__enter();
        free_magazine(mag);
        rv__leave(g);
    }
}
// Its name says to reports that it is ours.
static void rv__free_pooled(void *p)
{
    const struct garbage q = *(struct garbage *)p;
    struct rv__g *const g = rv__enter();
    rv__small_put(rv__small_here(), p, sizeof q);
    rv__leave(g);
    free_all(&q, (uintptr_t)rv__free_pooled);
    rv_wg_done(q.freeing); // from here on the pool may be gone
}
static void append(struct rv__magazine **list, struct rv__magazine *more)
{
    struct rv__magazine **end = list;
    while (*end) end = &(*end)->next;
    *end = more;
}
// Inside a section. The pool keeps them if there is no memory: they will be garbage again.
static bool free_later(rv_pool *pool, struct rv__magazine *list)
{
    struct garbage *const q = rv__small_get(rv__small_here(), sizeof *q);
    if (!q) return false;
    *q = (struct garbage){pool->drop, pool->arg, &pool->freeing, list};
    rv_wg_add(&pool->freeing, 1);
    struct rv__p *const p = rv__p();
    struct rv__g *const g = rv__g_make(NULL, p, rv__free_pooled, q, 0, (uintptr_t)rv__free_pooled);
    rv__feed_created_by(g->strand, pool->origin);
    rv__g_launch(p, g);
    return true;
}

// ---- age -----------------------------------------------------------------------------------------------------------------

// Everything in l becomes a victim; what was one before is returned. The caller has the lock, and l is claimed.
static struct rv__magazine *age_locked(struct rv__pool_local *l)
{
    struct rv__magazine *const garbage = l->victim;
    if (is_empty(l->now)) {
        free_magazine(l->now);
    } else {
        push(&l->full, l->now);
    }
    l->now = NULL;
    base_store_relaxed(&l->victim, l->full); // relaxed, both: as in push
    base_store_relaxed(&l->full, NULL);
    return garbage;
}
static void unclaim(struct rv__pool_local *l)
{
    if (l->claimed == RV__CLAIMED)
        base_store_release(&l->claimed, (uint32_t)RV__UNCLAIMED); // release: what was done; pairs with my_magazine
}
static void claim(rv_pool *pool, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct rv__pool_local *const l = &pool->locals[i];
        if (l->claimed == RV__UNCLAIMED)
            base_store_relaxed(&l->claimed, (uint32_t)RV__CLAIMED); // relaxed: a barrier follows
    }
}
static void age_local(struct rv__pool_local *l, bool mine, struct rv__magazine **garbage)
{
    if (!mine) {
        unclaim(l);
        return;
    }
    rv__lock(&l->lock);
    append(garbage, age_locked(l));
    unclaim(l);
    rv__unlock(&l->lock);
}
static void age_pool(rv_pool *pool, uint32_t n, const bool *passed)
{
    struct rv__magazine *garbage = NULL;
    for (uint32_t i = 0; i < n; i++)
        age_local(&pool->locals[i], passed[i] || pool->locals[i].claimed == RV__CLAIMED_FOR_GOOD, &garbage);
    struct rv__pool_local *const outside = &pool->locals[OUTSIDE];
    age_local(outside, true, &garbage);
    if (!garbage || free_later(pool, garbage)) return;
    rv__lock(&outside->lock);
    append(&outside->victim, garbage);
    rv__unlock(&outside->lock);
}
void rv__pools_age(void)
{
    bool passed[RV__MAX_P];
    const uint32_t n = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps
    rv__lock(&pools.lock);
    for (rv_pool *pool = pools.first; pool; pool = pool->next)
        if (pool->drop) claim(pool, n);
    base_store_relaxed(&pools.aged, pools.aged + 1); // relaxed: a figure
    sys_membarrier();
    for (uint32_t i = 0; i < n; i++)
        passed[i] = rv__sched.ps[i] == rv__p() || rv__runq_owner_passed(&rv__sched.ps[i]->runq);
    for (rv_pool *pool = pools.first; pool; pool = pool->next)
        if (pool->drop) age_pool(pool, n, passed);
    rv__unlock(&pools.lock);
}
uint64_t rv__pools_aged(void) { return base_load_relaxed(&pools.aged); } // relaxed: a figure
void rv__pools_watch(int64_t now)
{
    if (now < pools.next) return;
    const bool first = pools.next == 0;
    pools.next = now + rv__pool_age_ns;
    if (first || !base_load_relaxed(&pools.first) || rv__seeded_on()) return; // no seed chooses when; relaxed: a hint
    struct rv__g *const g = rv__enter();
    rv__pools_age();
    rv__leave(g);
}
static bool holds(const rv_pool *pool)
{
    const uint32_t n = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps
    for (uint32_t i = 0; i <= n; i++) {
        const struct rv__pool_local *const l = &pool->locals[i == n ? (uint32_t)OUTSIDE : i];
        // relaxed: hints
        if (base_load_relaxed(&l->now) || base_load_relaxed(&l->full) || base_load_relaxed(&l->victim)) return true;
    }
    return false;
}
bool rv__pools_hold(void)
{
    bool any = false;
    if (!base_load_relaxed(&pools.first) || rv__seeded_on()) return false; // relaxed: a hint
    struct rv__g *const g = rv__enter();
    rv__lock(&pools.lock);
    for (const rv_pool *pool = pools.first; pool && !any; pool = pool->next) any = pool->drop && holds(pool);
    rv__unlock(&pools.lock);
    rv__leave(g);
    return any;
}
// Goroutines that freed something go no further: no drain shall wait for them.
void rv__pools_forget(void)
{
    pools.next = 0;
    for (rv_pool *pool = pools.first; pool; pool = pool->next) pool->freeing = (rv_waitgroup){0};
}

// ---- the end -------------------------------------------------------------------------------------------------------------

static void unlist(rv_pool *pool)
{
    struct rv__g *const g = rv__enter();
    rv__lock(&pools.lock);
    rv_pool **at = &pools.first;
    while (*at != pool) at = &(*at)->next;
    base_store_relaxed(at, pool->next); // relaxed: for who looks before he locks
    rv__unlock(&pools.lock);
    rv__leave(g);
}
void rv_pool_drain(rv_pool *pool)
{
    struct rv__pool_local *const all = locals_of(pool);
    struct garbage q = {pool->drop, pool->arg, NULL, NULL};
    if (!all) return;
    unlist(pool); // from here on nobody but the caller knows it, or those who free
    for (int i = 0; i < LOCALS; i++) {
        append(&q.list, all[i].victim);
        append(&q.list, all[i].full);
        if (all[i].now) all[i].now->next = NULL, append(&q.list, all[i].now);
    }
    pool->locals = NULL;
    sys_unmap(all, bytes_of_locals());
    free_all(&q, RV__CALLER);
    rv_wg_wait(&pool->freeing);
}
