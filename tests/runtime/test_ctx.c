// test_ctx.c: contexts against a naive model, the calls that they end, and that a wait which a wake and a cancellation both want goes to one of them.
#include <errno.h>
#include <pthread.h>

#include "base/arena.h"
#include "tests/runtime/rig.h"

enum { MANY = 10000, HOUR_S = 3600 };
static const int64_t HOUR = HOUR_S * 1000000000LL;

// ---- the tree against its model ----------------------------------------------------------------------------------------

enum { NODES = 48, KEYS = 4 };
static const char keys[KEYS];
struct node {
    rv_ctx *ctx; // NULL: free
    int parent;  // -1: the background
    bool detached, has_value, released;
    int key, err, cause;
    int64_t deadline;
    _Atomic int ran;
    rv_ctx_func func;
    bool func_set, func_done;
};
static void count_run(void *p) { (*(_Atomic int *)p)++; }
static void end_model(struct node *nodes, int at, int err, int cause)
{
    if (nodes[at].err) return;
    nodes[at].err = err;
    nodes[at].cause = cause;
    for (int i = 0; i < NODES; i++)
        if (nodes[i].ctx && nodes[i].parent == at && !nodes[i].detached) end_model(nodes, i, err, cause);
}
static void *value_of(struct node *nodes, int at, int key)
{
    for (; at >= 0; at = nodes[at].parent)
        if (nodes[at].has_value && nodes[at].key == key) return &nodes[at];
    return NULL;
}
static void add_node(struct node *nodes, int at, uint64_t *random)
{
    int parent = (int)(rig_random(random) % (NODES + 1)) - 1;
    if (parent >= 0 && (!nodes[parent].ctx || nodes[parent].released)) parent = -1;
    struct node *const n = &nodes[at];
    rv_ctx *const above = parent < 0 ? NULL : nodes[parent].ctx;
    const int64_t inherited = parent < 0 ? INT64_MAX : nodes[parent].deadline;
    *n = (struct node){.parent = parent, .deadline = inherited, .key = (int)(rig_random(random) % KEYS)};
    if (parent >= 0) n->err = nodes[parent].err, n->cause = nodes[parent].cause;
    const int64_t when = rv_now() + HOUR + (int64_t)(rig_random(random) % 1000);
    switch (rig_random(random) % 5) {
    case 0:
        n->ctx = rv_ctx_with_value(above, &keys[n->key], n);
        n->has_value = true;
        break;
    case 1:
        n->ctx = rv_ctx_without_cancel(above);
        n->detached = true, n->err = n->cause = 0, n->deadline = INT64_MAX;
        break;
    case 2:
        n->ctx = rv_ctx_with_deadline(above, when);
        if (when < n->deadline) n->deadline = when;
        break;
    case 3:
        n->ctx = rv_ctx_with_timeout(above, -1);
        n->deadline = rv_ctx_deadline(n->ctx);
        if (!n->err) n->err = n->cause = -ETIMEDOUT;
        break;
    default: n->ctx = rv_ctx_with_cancel(above);
    }
}
// Its owner's reference goes; it stays in the model while it has children.
static void release_node(struct node *nodes, int at)
{
    if (nodes[at].func_set && !nodes[at].func_done) {
        rv_ctx_func_stop(nodes[at].ctx, &nodes[at].func);
        if (nodes[at].err) RIG_UNTIL(nodes[at].ran);
    }
    rv_ctx_release(nodes[at].ctx);
    nodes[at].released = true;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < NODES; i++) {
            if (!nodes[i].ctx || !nodes[i].released) continue;
            bool held = false;
            for (int k = 0; k < NODES; k++) held |= nodes[k].ctx && nodes[k].parent == i;
            if (held) continue;
            nodes[i].ctx = NULL;
            more = true;
        }
    }
}
static void check_node(struct node *nodes, int at)
{
    struct node *const n = &nodes[at];
    if (!n->ctx || n->released) return;
    cr_assert_eq(rv_ctx_err(n->ctx), n->err, "%d: %d, not %d", at, rv_ctx_err(n->ctx), n->err);
    cr_assert_eq(rv_ctx_cause(n->ctx), n->cause);
    cr_assert_eq(rv_ctx_deadline(n->ctx), n->deadline);
    for (int k = 0; k < KEYS; k++) cr_assert_eq(rv_ctx_value(n->ctx, &keys[k]), value_of(nodes, at, k));
    if (n->func_set && !n->func_done && n->err) {
        RIG_UNTIL(n->ran);
        n->func_done = true;
    }
    cr_assert_eq(n->ran, n->func_set && n->func_done && n->err ? 1 : 0);
    if (at % 3) return; // of the others done is not made at once
    rv_chan *const done = rv_ctx_done(n->ctx);
    cr_assert_eq(rv_chan_try_recv(done, NULL), n->err ? -EPIPE : -EAGAIN);
}
static void step(struct node *nodes, uint64_t *random)
{
    const int at = (int)(rig_random(random) % NODES);
    struct node *const n = &nodes[at];
    if (!n->ctx) {
        add_node(nodes, at, random);
        return;
    }
    if (n->released) return;
    switch (rig_random(random) % 8) {
    case 0: {
        const int cause = rig_random(random) % 2 ? -EIO : 0;
        rv_ctx_cancel(n->ctx, cause);
        end_model(nodes, at, -ECANCELED, cause ? cause : -ECANCELED);
        break;
    }
    case 1:
    case 2: release_node(nodes, at); break;
    case 3:
        if (n->func_set) break;
        rv_ctx_after_func(n->ctx, &n->func, count_run, &n->ran);
        n->func_set = true, n->func_done = false;
        break;
    case 4:
        if (!n->func_set || n->func_done) break;
        cr_assert_eq(rv_ctx_func_stop(n->ctx, &n->func), !n->err);
        n->func_done = !n->err;
        if (n->func_done) n->func_set = false;
        break;
    default: break;
    }
}
static void model(void *random)
{
    static struct node nodes[NODES];
    for (int round = 0; round < 20; round++) {
        memset(nodes, 0, sizeof nodes);
        for (int k = 0; k < 400; k++) {
            step(nodes, random);
            for (int i = 0; i < NODES; i++) check_node(nodes, i);
        }
        for (int i = 0; i < NODES; i++)
            if (nodes[i].ctx && !nodes[i].released) release_node(nodes, i);
        for (int i = 0; i < NODES; i++) cr_assert_null(nodes[i].ctx);
    }
}
Test(ctx, as_its_model, .timeout = 60)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(model, &random), 0);
}

static void of_the_background(void *arg)
{
    (void)arg;
    rv_ctx *const all[] = {NULL, rv_ctx_background()};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(rv_ctx_ref(all[i]), all[i]);
        rv_ctx_release(all[i]);
        cr_assert(rv_ctx_err(all[i]) == 0 && rv_ctx_cause(all[i]) == 0 && rv_ctx_deadline(all[i]) == INT64_MAX);
        cr_assert(!rv_ctx_value(all[i], &keys[0]) && !rv_ctx_done(all[i]));
        rv_ctx_func f;
        rv_ctx_after_func(all[i], &f, count_run, NULL);
        cr_assert(rv_ctx_func_stop(all[i], &f));
        cr_assert_eq(rv_sleep_ctx(all[i], 1), 0);
    }
}
Test(ctx, background) { cr_assert_eq(rv_run(of_the_background, NULL), 0); }

// ---- many --------------------------------------------------------------------------------------------------------------

static void wait_done(void *p)
{
    void **const a = p;
    rv_chan_recv(rv_ctx_done(a[0]), NULL);
    cr_assert_eq(rv_ctx_cause(a[0]), -EPIPE);
    rv_wg_done(a[1]);
}
static void many_once(rv_ctx **c, void *(*args)[2], int fan)
{
    rv_waitgroup wg = {0};
    rv_ctx *const top = rv_ctx_with_cancel(NULL);
    rv_wg_add(&wg, MANY);
    for (int i = 0; i < MANY; i++) {
        rv_ctx *const above = i == 0 || fan == MANY ? top : c[(i - 1) / fan];
        c[i] = i % 10 ? rv_ctx_with_cancel(above) : rv_ctx_with_timeout(above, HOUR);
        args[i][0] = c[i], args[i][1] = &wg;
        rv_go(wait_done, args[i]);
    }
    rv_ctx_cancel(top, -EPIPE);
    for (int i = 0; i < MANY; i++) cr_assert_eq(rv_ctx_err(c[i]), -ECANCELED);
    rv_wg_wait(&wg);
    for (int i = 0; i < MANY; i++) rv_ctx_release(c[fan == 1 ? MANY - 1 - i : i]);
    rv_ctx_release(top);
}
// Three shapes, twice: the second time takes no memory that the first did not give back.
static void many(void *arg)
{
    rv_ctx **const c = calloc(MANY, sizeof *c);
    void *(*const args)[2] = calloc(MANY, sizeof *args);
    size_t bytes = 0;
    (void)arg;
    for (int round = 0; round < 2; round++) {
        many_once(c, args, MANY); // children of one
        many_once(c, args, 10);   // a tree
        many_once(c, args, 1);    // a line
        if (round == 1) bytes = base_arena_bytes();
        if (round == 2)
            cr_assert_leq(base_arena_bytes(), bytes + (1 << 20)); // a round that leaked them would take 10 MiB
    }
    free(c);
    free(args);
}
Test(ctx, many_children, .timeout = 60) { cr_assert_eq(rv_run(many, NULL), 0); }

// Nobody cancels: released contexts leave their parent, which lives on.
static void come_and_go(void *arg)
{
    (void)arg;
    rv_ctx *const top = rv_ctx_with_cancel(NULL);
    size_t bytes = 0;
    for (int i = 0; i < 100000; i++) {
        rv_ctx *const a = rv_ctx_with_timeout(top, HOUR), *const b = rv_ctx_with_value(a, &keys[0], a);
        rv_ctx_release(a);
        cr_assert_eq(rv_ctx_value(b, &keys[0]), a);
        rv_ctx_release(b);
        if (i == 1000) bytes = base_arena_bytes();
    }
    cr_assert_leq(base_arena_bytes(), bytes + (1 << 16));
    rv_ctx_cancel(top, 0);
    rv_ctx_release(top);
}
Test(ctx, none_is_left_behind, .timeout = 60) { cr_assert_eq(rv_run(come_and_go, NULL), 0); }

// Several cancel overlapping parts of a line at once: by the return of each, all below is done.
struct line {
    rv_ctx *c[64];
    rv_waitgroup done;
    _Atomic uint64_t random;
};
static void cancel_some(void *p)
{
    struct line *const l = p;
    uint64_t random = (l->random += 0x9e3779b97f4a7c15u);
    const int at = (int)(rig_random(&random) % 64);
    rv_ctx_cancel(l->c[at], 0);
    for (int i = at; i < 64; i++) cr_assert_eq(rv_ctx_err(l->c[i]), -ECANCELED);
    rv_wg_done(&l->done);
}
static void *cancel_some_in_thread(void *p)
{
    cancel_some(p);
    return NULL;
}
static void overlapping(void *random)
{
    for (int round = 0; round < 100; round++) {
        struct line l = {.random = rig_random(random)};
        pthread_t t;
        rv_gomaxprocs(1 + round % 2);
        for (int i = 0; i < 64; i++) l.c[i] = rv_ctx_with_cancel(i ? l.c[i - 1] : NULL);
        rv_wg_add(&l.done, 5);
        for (int i = 0; i < 4; i++) rv_go(cancel_some, &l);
        cr_assert_eq(pthread_create(&t, NULL, cancel_some_in_thread, &l), 0);
        rv_wg_wait(&l.done);
        pthread_join(t, NULL);
        for (int i = 0; i < 64; i++) rv_ctx_release(l.c[i]);
    }
}
Test(ctx, who_cancels_does_what_is_left_of_anothers_work, .timeout = 60)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(overlapping, &random), 0);
}

// ---- deadlines -----------------------------------------------------------------------------------------------------------

static void deadlines(void *arg)
{
    (void)arg;
    rv_ctx *const a = rv_ctx_with_timeout(NULL, 2000000), *const b = rv_ctx_with_timeout(a, HOUR);
    rv_ctx *const c = rv_ctx_with_cancel(b);
    cr_assert(rv_ctx_deadline(b) == rv_ctx_deadline(a) && rv_ctx_deadline(c) == rv_ctx_deadline(a));
    cr_assert_eq(rv_ctx_err(c), 0);
    cr_assert_not(rv_chan_recv(rv_ctx_done(c), NULL));
    cr_assert_geq(rv_now(), rv_ctx_deadline(a));
    cr_assert(rv_ctx_err(c) == -ETIMEDOUT && rv_ctx_cause(c) == -ETIMEDOUT);
    RIG_UNTIL(rv_ctx_err(a) == -ETIMEDOUT);
    rv_ctx_cancel(a, -EIO); // changes nothing
    cr_assert_eq(rv_ctx_cause(a), -ETIMEDOUT);
    rv_ctx_release(a), rv_ctx_release(b), rv_ctx_release(c);
    // Freed while they fire, or just before, or just after.
    for (int i = 0; i < 2000; i++) {
        rv_ctx *const d = rv_ctx_with_timeout(NULL, i % 100 * 100);
        if (i % 3 == 0) rv_gosched();
        if (i % 7 == 0) rv_sleep(1000);
        if (i % 5 == 0) rv_ctx_cancel(d, 0);
        rv_ctx_release(d);
    }
}
Test(ctx, deadlines, .timeout = 60) { cr_assert_eq(rv_run(deadlines, NULL), 0); }
static rv_ctx *kept;
static void keep(void *arg)
{
    (void)arg;
    kept = rv_ctx_with_timeout(NULL, HOUR);
}
static void let_go(void *arg)
{
    (void)arg;
    cr_assert_eq(rv_ctx_err(kept), 0);
    rv_ctx_release(kept);
}
Test(ctx, of_a_run_that_is_over)
{
    cr_assert_eq(rv_run(keep, NULL), 0);
    cr_assert_eq(rv_run(let_go, NULL), 0);
}

// ---- what a context ends -------------------------------------------------------------------------------------------------

enum kind { SEND, RECV, SLEEP, WG, SEM, MUTEX, RLOCK, WLOCK, COND, SELECT, KINDS };
struct objects {
    rv_chan *full, *empty;
    rv_waitgroup wg;
    rv_sem sem;
    rv_mutex mutex, cond_mutex;
    rv_rwmutex read_locked, write_locked;
    rv_cond cond;
};
static void set_up(struct objects *o)
{
    const int one = 1;
    *o = (struct objects){.full = RV_CHAN(int, 1), .empty = RV_CHAN(int, 1)};
    rv_chan_send(o->full, &one);
    rv_wg_add(&o->wg, 1);
    rv_mutex_lock(&o->mutex);
    rv_rwmutex_rlock(&o->read_locked);
    rv_rwmutex_lock(&o->write_locked);
}
static int wait_at(struct objects *o, enum kind kind, rv_ctx *ctx)
{
    int v = 2;
    switch (kind) {
    case SEND: return rv_chan_send_ctx(ctx, o->full, &v);
    case RECV: return rv_chan_recv_ctx(ctx, o->empty, &v);
    case SLEEP: return rv_sleep_ctx(ctx, HOUR);
    case WG: return rv_wg_wait_ctx(ctx, &o->wg);
    case SEM: return rv_sem_acquire(ctx, &o->sem, 1);
    case MUTEX: return rv_mutex_lock_ctx(ctx, &o->mutex);
    case RLOCK: return rv_rwmutex_rlock_ctx(ctx, &o->write_locked);
    case WLOCK: return rv_rwmutex_lock_ctx(ctx, &o->read_locked);
    case COND: {
        rv_mutex_lock(&o->cond_mutex);
        const int r = rv_cond_wait_ctx(ctx, &o->cond, &o->cond_mutex);
        rv_mutex_unlock(&o->cond_mutex);
        return r;
    }
    default:
        return rv_select((rv_case[]){RV_RECV(o->empty, &v), RV_DONE(NULL), RV_DONE(ctx)}, 3, 0) == 2 ? rv_ctx_err(ctx)
                                                                                                     : 0;
    }
}
static bool waits(struct objects *o, enum kind kind)
{
    switch (kind) {
    case SEND: return rig_waiters(o->full, true) == 1;
    case RECV:
    case SELECT: return rig_waiters(o->empty, false) == 1;
    case WG: return __atomic_load_n((uint32_t *)&o->wg.state, __ATOMIC_ACQUIRE) == 1;
    case SEM: return __atomic_load_n(&o->sem.waiters, __ATOMIC_ACQUIRE) != NULL;
    case MUTEX: return __atomic_load_n(&o->mutex.state, __ATOMIC_ACQUIRE) & RV__WAITERS;
    case RLOCK: return __atomic_load_n(&o->write_locked.state, __ATOMIC_ACQUIRE) & RV__WAITERS;
    case WLOCK: return __atomic_load_n(&o->read_locked.state, __ATOMIC_ACQUIRE) & RV__WAITERS;
    case COND: return __atomic_load_n(&o->cond.waiters, __ATOMIC_ACQUIRE) != NULL;
    default: return true;
    }
}
// As if nobody had ever waited there; then it does what it is for.
static void nobody_was_there(struct objects *o)
{
    int v = 0;
    cr_assert(!rig_waiters(o->full, true) && !rig_waiters(o->empty, false));
    cr_assert(rv_chan_recv(o->full, &v) && v == 1 && rv_chan_len(o->full) == 0);
    cr_assert_eq((uint32_t)o->wg.state, 0);
    rv_wg_done(&o->wg);
    rv_wg_wait(&o->wg);
    cr_assert_null(o->sem.waiters);
    rv_sem_release(&o->sem, 1);
    cr_assert_eq(rv_sem_acquire(NULL, &o->sem, 1), 0);
    cr_assert(o->mutex.state == 1 && !o->mutex.waiters);
    rv_mutex_unlock(&o->mutex);
    cr_assert_eq(o->mutex.state, 0);
    cr_assert_eq(rv_rwmutex_tryrlock(&o->read_locked), 0); // no writer waits any more
    rv_rwmutex_runlock(&o->read_locked);
    rv_rwmutex_runlock(&o->read_locked);
    rv_rwmutex_unlock(&o->write_locked);
    cr_assert(o->read_locked.state == 0 && o->write_locked.state == 0);
    cr_assert_null(o->cond.waiters);
    cr_assert_eq(rv_mutex_trylock(&o->cond_mutex), 0);
    rv_chan_free(o->full);
    rv_chan_free(o->empty);
}
struct ended {
    struct objects *o;
    enum kind kind;
    rv_ctx *ctx;
    int result;
    _Atomic bool over;
};
static void wait_until_ended(void *p)
{
    struct ended *const e = p;
    e->result = wait_at(e->o, e->kind, e->ctx);
    e->over = true;
}
static void *wait_in_thread(void *p)
{
    wait_until_ended(p);
    return NULL;
}
static void end_each(bool thread)
{
    for (int kind = 0; kind < KINDS; kind++) {
        // The objects are gone with the wait: a page that is unmapped at once.
        struct objects *const o = rig_page();
        set_up(o);
        rv_ctx *const parent = rv_ctx_with_cancel(NULL);
        struct ended e = {.o = o, .kind = kind, .ctx = rv_ctx_with_value(parent, &keys[0], o)};
        pthread_t t;
        if (thread)
            cr_assert_eq(pthread_create(&t, NULL, wait_in_thread, &e), 0);
        else
            rv_go(wait_until_ended, &e);
        RIG_UNTIL(waits(o, kind));
        cr_assert_not(e.over);
        rv_ctx_cancel(parent, -EDOM);
        rv_ctx_release(parent);
        RIG_UNTIL(e.over);
        cr_assert_eq(e.result, -ECANCELED, "kind %d: %d", kind, e.result);
        cr_assert_eq(rv_ctx_cause(e.ctx), -EDOM);
        // Done already: said at once, whatever else it could do.
        rv_sem_release(&o->sem, 1);
        cr_assert_eq(wait_at(o, SEM, e.ctx), -ECANCELED);
        cr_assert_eq(rv_sem_try(&o->sem, 1), 0);
        cr_assert_eq(wait_at(o, kind, e.ctx), -ECANCELED);
        if (thread) pthread_join(t, NULL);
        rv_ctx_release(e.ctx);
        nobody_was_there(o);
        munmap(o, 4096);
    }
}
static void end_goroutines(void *arg)
{
    (void)arg;
    end_each(false);
}
static void end_threads(void *arg)
{
    (void)arg;
    end_each(true);
}
Test(ctx, ends_what_waits, .timeout = 60)
{
    cr_assert_eq(rv_run(end_goroutines, NULL), 0);
    cr_assert_eq(rv_run(end_threads, NULL), 0);
}
static void by_deadline(void *arg)
{
    struct objects o;
    (void)arg;
    set_up(&o);
    for (int kind = 0; kind < KINDS; kind++) {
        rv_ctx *const ctx = rv_ctx_with_timeout(NULL, 200000);
        cr_assert_eq(wait_at(&o, kind, ctx), -ETIMEDOUT, "kind %d", kind);
        rv_ctx_release(ctx);
    }
    nobody_was_there(&o);
}
Test(ctx, a_deadline_ends_what_waits, .timeout = 60) { cr_assert_eq(rv_run(by_deadline, NULL), 0); }
// With a context that is not done they do what they do without.
static void not_done(void *arg)
{
    rv_ctx *const ctx = arg ? rv_ctx_with_cancel(NULL) : NULL;
    struct objects o;
    set_up(&o);
    int v = 0;
    cr_assert(rv_chan_recv_ctx(ctx, o.full, &v) == 0 && v == 1);
    cr_assert_eq(rv_chan_send_ctx(ctx, o.full, &v), 0);
    rv_chan_close(o.empty);
    cr_assert_eq(rv_chan_recv_ctx(ctx, o.empty, &v), -EPIPE);
    rv_wg_done(&o.wg);
    cr_assert_eq(rv_wg_wait_ctx(ctx, &o.wg), 0);
    rv_wg_add(&o.wg, 1);
    rv_sem_release(&o.sem, 1);
    cr_assert_eq(rv_sem_acquire(ctx, &o.sem, 1), 0);
    rv_mutex_unlock(&o.mutex);
    cr_assert_eq(rv_mutex_lock_ctx(ctx, &o.mutex), 0);
    rv_rwmutex_unlock(&o.write_locked);
    cr_assert_eq(rv_rwmutex_rlock_ctx(ctx, &o.write_locked), 0);
    rv_rwmutex_runlock(&o.write_locked);
    cr_assert_eq(rv_rwmutex_lock_ctx(ctx, &o.write_locked), 0);
    cr_assert_eq(rv_sleep_ctx(ctx, 1000), 0);
    rv_ctx_release(ctx);
    nobody_was_there(&o);
}
Test(ctx, otherwise_nothing_changes)
{
    cr_assert_eq(rv_run(not_done, ""), 0);
    cr_assert_eq(rv_run(not_done, NULL), 0);
}

// ---- both at once ----------------------------------------------------------------------------------------------------------

// Workers want one of a few things, each with a context that somebody cancels at a random moment. What they got is counted against what
// was given, and what is shared is used by one at a time.
struct crowd {
    rv_sem sem;
    rv_mutex mutex, cond_mutex;
    rv_rwmutex rw;
    rv_cond cond;
    rv_chan *ch;
    uint64_t guarded, signals, taken; // signals, taken: under cond_mutex
    _Atomic int writers, readers, given_up;
    _Atomic uint64_t got, sent, received, random;
    rv_waitgroup done, canceller;
    rv_ctx *now; // what the workers wait with; under which
    rv_mutex which;
    _Atomic bool over;
};
static rv_ctx *current(struct crowd *c)
{
    rv_mutex_lock(&c->which);
    rv_ctx *const ctx = rv_ctx_ref(c->now);
    rv_mutex_unlock(&c->which);
    return ctx;
}
static void want_mutex(struct crowd *c, rv_ctx *ctx, bool own)
{
    if (own ? rv_mutex_lock_ctx(ctx, &c->mutex) : (rv_mutex_lock(&c->mutex), 0)) {
        c->given_up++;
        return;
    }
    c->guarded++;
    if (c->guarded % 4 == 0) rv_gosched();
    rv_mutex_unlock(&c->mutex);
    c->got++;
}
static void want_rw(struct crowd *c, rv_ctx *ctx, bool write)
{
    if ((write ? rv_rwmutex_lock_ctx : rv_rwmutex_rlock_ctx)(ctx, &c->rw)) {
        c->given_up++;
        return;
    }
    _Atomic int *const mine = write ? &c->writers : &c->readers;
    const int before = (*mine)++;
    cr_assert(!(write && before) && *(write ? &c->readers : &c->writers) == 0);
    rv_gosched();
    --*mine;
    (write ? rv_rwmutex_unlock : rv_rwmutex_runlock)(&c->rw);
}
static void want_permits(struct crowd *c, rv_ctx *ctx, int64_t n)
{
    if (rv_sem_acquire(ctx, &c->sem, n)) {
        c->given_up++;
        return;
    }
    rv_gosched();
    rv_sem_release(&c->sem, n);
}
static void want_signal(struct crowd *c, rv_ctx *ctx, bool give)
{
    rv_mutex_lock(&c->cond_mutex);
    if (give) {
        c->signals++;
        rv_cond_signal(&c->cond);
    } else {
        int err = 0;
        while (!err && c->signals == c->taken) err = rv_cond_wait_ctx(ctx, &c->cond, &c->cond_mutex);
        if (c->signals != c->taken) c->taken++; // also of one that was ended: a signal is nobody's in particular
    }
    rv_mutex_unlock(&c->cond_mutex);
}
static void want_element(struct crowd *c, rv_ctx *ctx, bool send)
{
    uint64_t v = 1;
    if (send)
        c->sent += rv_chan_send_ctx(ctx, c->ch, &v) == 0;
    else
        c->received += rv_chan_recv_ctx(ctx, c->ch, &v) == 0;
}
static void work(void *p)
{
    struct crowd *const c = p;
    uint64_t random = (c->random += 0x9e3779b97f4a7c15u);
    for (int k = 0; k < 60; k++) {
        rv_ctx *const ctx = current(c);
        const uint64_t r = rig_random(&random);
        switch (r % 5) {
        case 0: want_mutex(c, ctx, r / 8 % 4); break;
        case 1: want_rw(c, ctx, r / 8 % 2); break;
        case 2: want_permits(c, ctx, 1 + (int64_t)(r / 8 % 3)); break;
        case 3: want_signal(c, ctx, r / 8 % 2); break;
        default: want_element(c, ctx, r / 8 % 2);
        }
        rv_ctx_release(ctx);
    }
    rv_wg_done(&c->done);
}
static void *work_in_thread(void *p)
{
    work(p);
    return NULL;
}
static void cancel_on_and_on(void *p)
{
    struct crowd *const c = p;
    while (!c->over) {
        rv_mutex_lock(&c->which);
        rv_ctx *const ctx = c->now;
        c->now = rv_ctx_with_cancel(NULL);
        rv_mutex_unlock(&c->which);
        for (int i = 0; i < 3; i++) rv_gosched();
        rv_ctx_cancel(ctx, 0);
        rv_ctx_release(ctx);
    }
}
static void crowds(void *random)
{
    for (int round = 0; round < 12; round++) {
        struct crowd *const c = rig_page();
        pthread_t t;
        *c = (struct crowd){.sem = RV_SEM_INIT(3), .ch = RV_CHAN(uint64_t, round % 3), .random = rig_random(random)};
        c->now = rv_ctx_with_cancel(NULL);
        rv_gomaxprocs(1 + round % 2);
        rv_wg_add(&c->done, 9);
        for (int i = 0; i < 8; i++) rv_go(work, c);
        cr_assert_eq(pthread_create(&t, NULL, work_in_thread, c), 0);
        rv_wg_go(&c->canceller, cancel_on_and_on, c);
        rv_wg_wait(&c->done);
        c->over = true;
        rv_wg_wait(&c->canceller);
        pthread_join(t, NULL);
        cr_assert_eq(c->guarded, c->got);
        cr_assert(c->mutex.state == 0 && !c->mutex.waiters && c->rw.state == 0 && !c->rw.writers && !c->rw.readers);
        cr_assert(c->sem.permits == 3 && !c->sem.waiters && !c->cond.waiters);
        cr_assert_eq(c->sent, c->received + rv_chan_len(c->ch));
        rv_chan_free(c->ch);
        rv_ctx_release(c->now);
        munmap(c, 4096);
    }
}
Test(ctx, a_wait_that_both_want_goes_to_one, .timeout = 120)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(crowds, &random), 0);
}

// ---- functions that run afterwards -----------------------------------------------------------------------------------------

struct after {
    rv_ctx_func func;
    _Atomic int *runs;
};
static void free_itself(void *p)
{
    struct after *const a = p;
    _Atomic int *const runs = a->runs;
    memset(a, 0xa5, sizeof *a);
    munmap(a, 4096);
    ++*runs;
}
static void functions(void *arg)
{
    (void)arg;
    _Atomic int runs = 0;
    int want = 0;
    for (int k = 0; k < 200; k++) {
        rv_ctx *const ctx = rv_ctx_with_cancel(NULL);
        struct after *const a = rig_page(), *const b = rig_page();
        a->runs = b->runs = &runs;
        if (k % 4 == 3) rv_ctx_cancel(ctx, 0);
        rv_ctx_after_func(ctx, &a->func, free_itself, a);
        rv_ctx_after_func(ctx, &b->func, free_itself, b);
        if (k % 4 == 3) {
            want += 2;
        } else if (k % 4 == 0) {
            cr_assert(rv_ctx_func_stop(ctx, &a->func) && !rv_ctx_func_stop(ctx, &a->func));
            munmap(a, 4096);
            rv_ctx_cancel(ctx, 0);
            want++;
        } else if (k % 4 == 1) {
            rv_ctx_cancel(ctx, 0);
            want += 2;
        }
        rv_ctx_release(ctx); // k % 4 == 2: neither runs, ever
        RIG_UNTIL(runs == want);
        if (k % 4 == 2) munmap(a, 4096), munmap(b, 4096);
    }
    for (int i = 0; i < 100; i++) rv_gosched();
    cr_assert_eq(runs, want);
}
Test(ctx, functions_run_once_or_never, .timeout = 60) { cr_assert_eq(rv_run(functions, NULL), 0); }

// ---- misuse ----------------------------------------------------------------------------------------------------------------

static void cancel_background(void *arg)
{
    (void)arg;
    rv_ctx_cancel(rv_ctx_background(), 0);
}
static void odd_cause(void *arg)
{
    (void)arg;
    rv_ctx_cancel(rv_ctx_with_cancel(NULL), 5);
}
static void close_done(void *arg)
{
    (void)arg;
    rv_ctx *const ctx = rv_ctx_with_cancel(NULL);
    rv_chan_close(rv_ctx_done(ctx));
    rv_ctx_cancel(ctx, 0);
}
Test(ctx, misuse_is_fatal)
{
    rig_dies(cancel_background, NULL, "cancel of the background context");
    rig_dies(odd_cause, NULL, "the cause 5 is no negative errno");
    rig_dies(close_done, NULL, "close of closed channel");
}
