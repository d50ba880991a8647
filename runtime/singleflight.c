// singleflight.c: of several who ask for the same thing at once, one fetches it for all.
//
// A call is on the stack of who runs its function; who comes with the same key meanwhile queues there, on his own stack. When the function has
// ended, its runner takes the call out of the table, with all who wait: from then on a new caller starts anew. Then it copies the
// result to each of them and wakes them. So nothing is allocated, and the table's lock is not held for long.
//   (1) A call is in the table, under its key, until its function has ended or the key was forgotten; waiters are added under the lock
//       while it is there, so who has taken it out has all of them.
// Destroy after observe: nothing touches the table once a call is out of it.
#include <errno.h>

#include "base/print.h"
#include "runtime/chan.h"
#include "runtime/feed.h"
#include "runtime/seeded.h"
#include "runtime/syncq.h"

struct waiter {
    struct rv__sleeper s; // first: a ring's member is cast to it
    void *out;
    int result, callers;
};
struct call {
    struct call *next; // in the table; guarded by its lock, as what follows
    const char *key;   // the runner's caller's
    uint64_t hash;
    void *waiters; // a ring
    int n;         // who wait, and the runner
    bool listed;
    // The runner's.
    rv_singleflight *table;
    void *out;
    size_t size;
    int result;
    uintptr_t pc;
};
static struct rv__lock *lock_of(rv_singleflight *t) { return (struct rv__lock *)&t->lock; }
_Static_assert(sizeof(struct rv__lock) == sizeof(uint32_t), "a table holds a lock");

static uint64_t hash_of(const char *key) // FNV-1a
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *key; key++) h = (h ^ (unsigned char)*key) * 0x100000001b3u;
    return h ^ h >> 32;
}
static struct call **bucket(rv_singleflight *t, uint64_t hash)
{
    return (struct call **)&t->calls[hash % (sizeof t->calls / sizeof *t->calls)];
}
static struct call *find_locked(rv_singleflight *t, const char *key, uint64_t hash)
{
    for (struct call *c = *bucket(t, hash); c; c = c->next)
        if (c->hash == hash && base_strcmp(c->key, key) == 0) return c;
    return NULL;
}
static void unlist_locked(struct call *c)
{
    struct call **at = bucket(c->table, c->hash);
    if (!c->listed) return;
    while (*at != c) at = &(*at)->next;
    *at = c->next;
    c->listed = false;
}

// The function has ended, by rv_goexit perhaps.
static void finish(void *p)
{
    struct call *const c = p;
    struct rv__glist woken = {0};
    rv__feed_touch(c->pc, c->out, c->size, false);
    struct rv__g *const g = rv__enter();
    rv__lock(lock_of(c->table));
    unlist_locked(c);
    rv__unlock(lock_of(c->table)); // from here on the table may be gone
    for (struct rv__sleeper *s; (s = rv__sleepers_pop(&c->waiters)) != NULL;) {
        struct waiter *const w = (struct waiter *)s;
        rv__copy(w->out, c->out, c->size);
        w->result = c->result;
        w->callers = c->n;
        rv__feed_leave(c->pc, s->g);
        rv__glist_push(&woken, s->g);
    }
    rv__ready_list(&woken);
    rv__leave(g);
}
// c is in the table: runs the function for all who come.
static int run(struct call *c, rv_fetch *fn, void *arg)
{
    RV_DEFER(finish, c);
    return c->result = fn(arg, c->out);
}
// c is somebody else's. The caller, in a section, has the lock.
static void wait_for(rv_singleflight *t, struct call *c, struct rv__g *g, struct waiter *me)
{
    me->s.g = g;
    rv__sleepers_push(&c->waiters, &me->s);
    c->n++;
    rv__park_begin(g, RV__WHY_FLIGHT, t);
    rv__unlock(lock_of(t));
    rv__park(g);
}
int rv_singleflight_do(rv_singleflight *t, const char *key, rv_fetch *fn, void *arg, void *out, size_t size,
                       int *callers)
{
    struct call mine = {.key = key, .hash = hash_of(key), .n = 1, .table = t, .out = out, .size = size};
    struct waiter me = {.out = out};
    mine.result = -ECANCELED; // what others get if fn never returns
    mine.pc = RV__CALLER;
    rv__seeded_point();
    struct rv__g *const g = rv__enter();
    rv__lock(lock_of(t));
    struct call *const c = find_locked(t, key, mine.hash);
    if (unlikely(c && c->size != size))
        rv__fatal("singleflight: results of %lu and %lu bytes for one key", c->size, size);
    if (!c) {
        mine.next = *bucket(t, mine.hash);
        mine.listed = true;
        *bucket(t, mine.hash) = &mine;
        rv__unlock(lock_of(t));
    } else {
        wait_for(t, c, g, &me);
    }
    rv__leave(g);
    if (!c) {
        me.result = run(&mine, fn, arg);
        me.callers = mine.n; // nobody is added any more
    } else {
        rv__feed_get(mine.pc, g);
        rv__feed_touch(mine.pc, out, size, true);
    }
    if (callers) *callers = me.callers;
    return me.result;
}
void rv_singleflight_forget(rv_singleflight *t, const char *key)
{
    const uint64_t hash = hash_of(key);
    struct rv__g *const g = rv__enter();
    rv__lock(lock_of(t));
    struct call *const c = find_locked(t, key, hash);
    if (c) unlist_locked(c);
    rv__unlock(lock_of(t));
    rv__leave(g);
}
