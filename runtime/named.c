// named.c: locks with names, who has them, and who waits for them.
//
// A lock without a name knows neither. One with a name writes down each step, in a table under one lock; so whoever looks sees all named locks
// at one moment. It costs some 50 ns for each operation on such a lock, and one branch on others.
//   (1) A row is made by who wants or takes the lock, and freed by who lets go of it; it stands for one goroutine or thread in one lock.
//   (2) Rows of a lock are in the order in which they came.
// Who has the lock is written down after it has it, and let go before it lets go: between two holders there may be none, never two. A row says of a
// goroutine that it waits though it has the lock already only for the moment that it needs to write that down.
#include "base/print.h"
#include "base/sys.h"
#include "runtime/feed.h"
#include "runtime/locks.h"
#include "runtime/sched.h"
#include "runtime/small.h"

enum { BUCKETS = 64 };
struct row {
    struct row *next;
    enum rv_lock_role role;
    rv_gid goroutine;
    int thread;
    int64_t since;
};
struct named {
    struct named *next;  // in the bucket
    struct named *after; // in the order of numbers
    const void *lock;    // a name: nothing is read there
    uint32_t number;
    char name[RV_LOCK_NAME_ROOM];
    struct row *rows;
};
static struct {
    struct rv__lock lock; // guards all of it
    struct named *buckets[BUCKETS], *first;
} table;

static struct named **place_locked(const void *lock)
{
    struct named **at = &table.buckets[((uintptr_t)lock >> 4) * 0x9e3779b1u % BUCKETS];
    while (*at && (*at)->lock != lock) at = &(*at)->next;
    return at;
}
static void *get(size_t bytes)
{
    void *const p = rv__small_get(rv__small_here(), bytes);
    if (!p) rv__fatal("out of memory: no room for a lock's name");
    return p;
}
static void put(void *p, size_t bytes) { rv__small_put(rv__small_here(), p, bytes); }

// ---- what locks tell -----------------------------------------------------------------------------------------------------

static struct row who(const struct rv__g *g, enum rv_lock_role role)
{
    const bool thread = g->kind == RV__THREAD;
    return (struct row){
        .role = role, .goroutine = thread ? 0 : g->id, .thread = thread ? rv__m()->tid : 0, .since = rv__now()};
}
static bool same(const struct row *a, const struct row *b)
{
    return a->goroutine == b->goroutine && a->thread == b->thread;
}
static void add_locked(struct named *l, const struct row *r)
{
    struct row **end = &l->rows, *const made = get(sizeof *made);
    while (*end) end = &(*end)->next;
    *made = *r;
    *end = made;
}
// The caller's row of this role; of somebody else's if it has none, and `any`: who unlocks need not be who locked.
static struct row **row_locked(struct named *l, const struct row *me, enum rv_lock_role role, bool any)
{
    struct row **found = NULL;
    for (struct row **at = &l->rows; *at; at = &(*at)->next) {
        if ((*at)->role != role) continue;
        if (same(*at, me)) return at;
        if (any && !found) found = at;
    }
    return found;
}
static enum rv_lock_role waiting_for(enum rv_lock_role role)
{
    return role == RV_LOCK_READS ? RV_LOCK_WAITS_TO_READ : RV_LOCK_WAITS;
}

enum step { WANTS, HAS, LETS_GO, GIVES_UP };
static void step_locked(struct named *l, const struct row *me, enum step step)
{
    struct row **at = row_locked(l, me, step == LETS_GO ? me->role : waiting_for(me->role), step == LETS_GO);
    if (step != WANTS && at) { // in HAS: it comes after those who have it
        struct row *const r = *at;
        *at = r->next;
        put(r, sizeof *r);
    }
    if (step == LETS_GO || step == GIVES_UP) return;
    struct row r = *me;
    if (step == WANTS) r.role = waiting_for(me->role);
    add_locked(l, &r);
}
static void tell(const void *lock, enum rv_lock_role role, enum step step)
{
    struct rv__g *const g = rv__enter();
    const struct row me = who(g, role);
    rv__lock(&table.lock);
    struct named *const l = *place_locked(lock);
    if (l) step_locked(l, &me, step);
    rv__unlock(&table.lock);
    rv__leave(g);
}
void rv__named_wants(const void *lock, enum rv_lock_role role) { tell(lock, role, WANTS); }
void rv__named_has(const void *lock, enum rv_lock_role role) { tell(lock, role, HAS); }
void rv__named_lets_go(const void *lock, enum rv_lock_role role) { tell(lock, role, LETS_GO); }
void rv__named_gives_up(const void *lock, enum rv_lock_role role) { tell(lock, role, GIVES_UP); }

// ---- names ---------------------------------------------------------------------------------------------------------------

// Where a lock of this number is, or would be, in the order of numbers.
static struct named **turn_locked(uint32_t number)
{
    struct named **at = &table.first;
    while (*at && (*at)->number < number) at = &(*at)->after;
    return at;
}
static void forget_locked(struct named **at)
{
    struct named *const l = *at;
    struct named **turn = turn_locked(l->number);
    while (*turn != l) turn = &(*turn)->after; // numbers may come again
    *turn = l->after;
    *at = l->next;
    for (struct row *r = l->rows, *next; r; r = next) {
        next = r->next;
        put(r, sizeof *r);
    }
    put(l, sizeof *l);
}
static struct named *add_name_locked(const void *lock, uint32_t number)
{
    struct named **const at = place_locked(lock), **const turn = turn_locked(number), *const l = get(sizeof *l);
    *l = (struct named){.lock = lock, .number = number, .after = *turn};
    *at = *turn = l;
    return l;
}
static void rename_locked(const void *lock, uint32_t number, const char *name)
{
    struct named **const at = place_locked(lock);
    if (!name) {
        if (*at) forget_locked(at);
        return;
    }
    struct named *const l = *at ? *at : add_name_locked(lock, number);
    struct base_buf b = {l->name, 0, sizeof l->name, false};
    base_puts(&b, name);
}
static void name_lock(const void *lock, uint32_t *number, const char *name)
{
    const uint32_t n = rv__lock_number(number);
    struct rv__g *const g = rv__enter();
    rv__lock(&table.lock);
    rename_locked(lock, n, name);
    rv__unlock(&table.lock);
    rv__leave(g);
    if (name)
        base_or_relaxed(number, RV__NAMED); // relaxed, both: nobody uses it now
    else
        base_and_relaxed(number, ~RV__NAMED);
}
void rv_mutex_name(rv_mutex *m, const char *name) { name_lock(m, &m->number, name); }
void rv_rwmutex_name(rv_rwmutex *m, const char *name) { name_lock(m, &m->number, name); }

// ---- the look ------------------------------------------------------------------------------------------------------------

struct out {
    rv_lock_row *rows;
    int n, room;
};
static void show(struct out *o, const struct named *l, const struct row *r)
{
    if (o->n++ >= o->room) return;
    rv_lock_row *const row = &o->rows[o->n - 1];
    *row = (rv_lock_row){
        .lock = l->lock, .role = r->role, .goroutine = r->goroutine, .thread = r->thread, .since = r->since};
    struct base_buf b = {row->name, 0, sizeof row->name, false};
    base_puts(&b, l->name);
}
static bool has(const struct row *r) { return r->role == RV_LOCK_HOLDS || r->role == RV_LOCK_READS; }
static void show_lock(struct out *o, const struct named *l)
{
    static const struct row nobody = {.role = RV_LOCK_FREE};
    const int n = o->n;
    for (const struct row *r = l->rows; r; r = r->next)
        if (has(r)) show(o, l, r);
    if (o->n == n) show(o, l, &nobody);
    for (const struct row *r = l->rows; r; r = r->next)
        if (!has(r)) show(o, l, r);
}
int rv_locks_snapshot(rv_lock_row *rows, int n)
{
    struct out o = {.rows = rows, .room = n};
    struct rv__g *const g = rv__enter();
    rv__lock(&table.lock);
    for (const struct named *l = table.first; l; l = l->after) show_lock(&o, l);
    rv__unlock(&table.lock);
    rv__leave(g);
    return o.n;
}
