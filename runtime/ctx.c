// ctx.c: contexts: a tree of what may be cancelled.
//
// A context holds its parent by a reference; the parent knows its children by a list without references, from which each
// takes itself out before it is freed. All are of one kind: each may be cancelled, have a value, a deadline, children.
//   (1) err goes from 0 to an error once, under the lock; then `done` is closed, and everybody in `watches` is told, under the same
//       lock. So who cancels finds nothing half done by another.
//   (2) A context that is done gets no more children: who joins it is done as well.
//   (3) A child leaves the list when it is freed, or when it and everything below it is done. So who cancels, and meets another who
//       is at it already, does what is left of his work: when rv_ctx_cancel returns, everything below is done.
// The walk goes down by first children, and up by parents; it holds a reference to each context between its top and where it
// is, and one lock at a time. A child with no reference left is about to leave the list by itself, and is put out of it.
//
// A deadline has a timer, unless an earlier one is above it. The timer's fire knows the context, but has no reference: `due` says that it is to
// come. Who frees the context stops it; one that is on its way to fire gets what is left, and frees that.
//
// For the detectors a cancellation lies at the context that it was called for, `by`: who sees an error anywhere below takes it from
// there. `by` is above, so it is there. Closed channels are places of their own.
// Locks, outermost first: context, then channels, timer heaps, objects that waits wait at. Of two contexts the parent's; but nobody holds two.
#include "runtime/ctx.h"

#include <errno.h>

#include "runtime/chan.h"
#include "runtime/feed.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"
#include "runtime/time.h"

struct rv_ctx {
    struct rv__lock lock;
    uint32_t refs;             // atomic; 0: being freed
    int32_t err;               // atomic: written once, under lock
    int32_t cause;             // written before err
    rv_ctx *parent;            // constant; NULL: of the background only
    rv_ctx *next, **link;      // in the parent's list, or link is NULL; guarded by the parent's lock
    rv_ctx *children;          // guarded by lock
    rv_chan *done;             // atomic: made under lock, at the first question
    bool due;                  // its timer's fire is still to come; guarded by lock
    bool left;                 // to the fire: it frees this; guarded by lock
    struct rv__watch *watches; // guarded by lock
    rv_ctx *by;                // at which the cancellation was called; written before err
    const void *key;           // constant, as all that follows
    void *value;
    int64_t deadline; // RV__NEVER: none, here or above
    bool timed;       // has the timer
    struct rv__timer timer;
};
static struct rv_ctx background = {.deadline = RV__NEVER};

static rv_ctx *or_background(rv_ctx *ctx) { return ctx ? ctx : &background; }
static bool never_done(const rv_ctx *ctx) { return !ctx || ctx == &background; }
static size_t bytes_of(const rv_ctx *c) { return c->timed ? sizeof *c : offsetof(struct rv_ctx, timer); }

// ---- lists -------------------------------------------------------------------------------------------------------------

static void join_list(rv_ctx *parent, rv_ctx *c)
{
    c->next = parent->children;
    c->link = &parent->children;
    if (c->next) c->next->link = &c->next;
    parent->children = c;
}
static void leave_list(rv_ctx *c)
{
    if (!c->link) return;
    *c->link = c->next;
    if (c->next) c->next->link = c->link;
    c->link = NULL;
}
static void leave_parent(rv_ctx *c)
{
    if (c->parent == &background) return; // it has no list
    rv__lock(&c->parent->lock);
    leave_list(c);
    rv__unlock(&c->parent->lock);
}
static void watch(rv_ctx *c, struct rv__watch *w)
{
    w->next = c->watches;
    w->link = &c->watches;
    if (w->next) w->next->link = &w->next;
    c->watches = w;
}
static bool unwatch(struct rv__watch *w)
{
    if (!w->link) return false;
    *w->link = w->next;
    if (w->next) w->next->link = w->link;
    w->link = NULL;
    return true;
}

// ---- freeing -----------------------------------------------------------------------------------------------------------

static void give_memory_back(rv_ctx *c)
{
    rv__feed_forget(c, bytes_of(c));
    rv__small_put(rv__small_here(), c, bytes_of(c));
}
// The timer will not fire any more. False: it is about to.
static bool stop_timer_locked(rv_ctx *c)
{
    if (c->due && (rv__timer_del(&c->timer) || rv__timer_forgotten(&c->timer))) c->due = false;
    return !c->due;
}
static void destroy(rv_ctx *c)
{
    leave_parent(c);
    if (c->done) rv__chan_unref(c->done);
    rv__seeded_gone(c);
    rv__lock(&c->lock);
    while (c->watches) unwatch(c->watches); // functions that will not run; who waits has a reference
    const bool left = c->left = !stop_timer_locked(c);
    rv__unlock(&c->lock); // from here on the fire may have freed it
    if (!left) give_memory_back(c);
}
static void unref(rv_ctx *c)
{
    // acq_rel: pairs with the release of those who dropped theirs, both sides
    while (c != &background && base_sub_acq_rel(&c->refs, 1u) == 1) {
        rv_ctx *const parent = c->parent;
        destroy(c);
        c = parent;
    }
}
static void ref(rv_ctx *c)
{
    if (c != &background) base_add_relaxed(&c->refs, 1u); // relaxed: the caller has one already
}
static bool ref_unless_freed(rv_ctx *c)
{
    uint32_t seen = base_load_relaxed(&c->refs);
    while (seen)
        if (base_cas_relaxed(&c->refs, &seen, seen + 1)) return true; // relaxed: its parent's lock keeps it there
    return false;
}

// ---- cancelling --------------------------------------------------------------------------------------------------------

static rv_chan *make_done_locked(rv_ctx *c)
{
    rv_chan *const ch = rv__chan_make(0, 0);
    if (unlikely(!ch)) rv__fatal("out of memory for a context's channel");
    base_store_release(&c->done, ch); // release: pairs with the acquire in rv_ctx_done
    return ch;
}
struct news { // what spreads
    int err, cause;
    rv_ctx *by;
};
static void end_locked(rv_ctx *c, const struct news *n, struct rv__ending *e)
{
    if (c == n->by && e->pc) rv__feed_put(e->pc, c);
    c->by = n->by;
    c->cause = n->cause;
    base_store_release(&c->err, n->err); // release: pairs with the acquire in whoever looks
    if (unlikely(rv__feed != NULL) && !c->done)
        make_done_locked(c); // who asks later shall find this cancellation there
    if (c->done && !rv__chan_close(c->done, &e->end, e->pc)) rv__fatal("close of closed channel: a context's own");
    for (struct rv__watch *w; (w = c->watches) != NULL;) {
        unwatch(w);
        w->tell(w, n->err, e);
    }
    stop_timer_locked(c);
}
// With a reference; NULL: there is none.
static rv_ctx *first_child_locked(rv_ctx *c)
{
    while (c->children && !ref_unless_freed(c->children)) leave_list(c->children);
    return c->children;
}
static rv_ctx *enter(rv_ctx *c, const struct news *n, struct rv__ending *e)
{
    rv__lock(&c->lock);
    if (c->err == 0) end_locked(c, n, e);
    rv_ctx *const child = first_child_locked(c);
    rv__unlock(&c->lock);
    rv__chan_drained(e->drained, &e->ready); // now: a channel that a select of theirs has left may be freed on our way
    e->drained = NULL, e->end = &e->drained;
    return child;
}
// c and everything below it is done: it leaves its parent. The next child of that, with a reference, or NULL.
static rv_ctx *leave(rv_ctx *c)
{
    rv_ctx *const parent = c->parent;
    rv__lock(&parent->lock);
    leave_list(c);
    rv_ctx *const next = first_child_locked(parent);
    rv__unlock(&parent->lock);
    unref(c);
    return next;
}
static void finish(struct rv__ending *e)
{
    rv__ready_list(&e->ready);
    for (struct rv__g *g; (g = rv__glist_pop(&e->fresh)) != NULL;) rv__g_launch(rv__p(), g);
}
// Inside a section; the caller has a reference.
static void cancel(rv_ctx *top, int err, int cause, uintptr_t pc)
{
    const struct news news = {err, cause, top};
    struct rv__ending e = {.pc = pc};
    e.end = &e.drained;
    rv_ctx *c = top, *child = enter(top, &news, &e);
    while (child || c != top) {
        if (child) {
            c = child;
            child = enter(c, &news, &e);
        } else {
            rv_ctx *const parent = c->parent;
            child = leave(c);
            c = parent;
        }
    }
    leave_parent(top);
    finish(&e);
}
static void fire(struct rv__timer *t, int64_t now)
{
    rv_ctx *const c = t->arg;
    (void)now;
    rv__lock(&c->lock);
    const bool left = c->left, alive = !left && ref_unless_freed(c);
    c->due = false;
    rv__unlock(&c->lock); // unless it is alive, or left to us, it may be gone
    if (left) give_memory_back(c);
    if (!alive) return;
    cancel(c, -ETIMEDOUT, -ETIMEDOUT, 0);
    unref(c);
}

// ---- making ------------------------------------------------------------------------------------------------------------

// c is done because its parent is.
static void inherit_locked(const rv_ctx *parent, rv_ctx *c)
{
    c->by = parent->by;
    c->cause = parent->cause;
    c->err = parent->err;
    if ((c->done = parent->done) != NULL) rv_chan_ref(c->done);
}
static void join(rv_ctx *parent, rv_ctx *c)
{
    if (parent == &background) return;
    rv__lock(&parent->lock);
    if (parent->err)
        inherit_locked(parent, c);
    else
        join_list(parent, c);
    rv__unlock(&parent->lock);
}
static void start_timer(rv_ctx *c)
{
    rv__lock(&c->lock);
    if (c->err == 0) {
        c->timer = (struct rv__timer){.when = c->deadline, .fire = fire, .arg = c};
        c->due = true;
        rv__timer_begin(&c->timer);
    }
    rv__unlock(&c->lock);
}
static rv_ctx *make(rv_ctx *parent, bool timed)
{
    rv_ctx *const c = rv__small_get(rv__small_here(), timed ? sizeof *c : offsetof(struct rv_ctx, timer));
    if (unlikely(!c)) return NULL;
    c->lock = (struct rv__lock){0};
    c->refs = 1;
    c->err = c->cause = 0;
    c->parent = parent;
    c->next = NULL, c->link = NULL;
    c->children = NULL;
    c->done = NULL;
    c->due = c->left = false;
    c->watches = NULL;
    c->by = c;
    c->key = NULL, c->value = NULL;
    c->deadline = parent->deadline;
    c->timed = timed;
    ref(parent);
    rv__seeded_made(c);
    return c;
}
rv_ctx *rv_ctx_background(void) { return &background; }
rv_ctx *rv_ctx_with_cancel(rv_ctx *parent)
{
    rv__begin();
    rv_ctx *const c = make(or_background(parent), false);
    if (likely(c != NULL)) join(c->parent, c);
    rv__end();
    return c;
}
rv_ctx *rv_ctx_with_value(rv_ctx *parent, const void *key, void *value)
{
    rv__begin();
    rv_ctx *const c = make(or_background(parent), false);
    if (likely(c != NULL)) {
        c->key = key;
        c->value = value;
        join(c->parent, c);
    }
    rv__end();
    return c;
}
rv_ctx *rv_ctx_without_cancel(rv_ctx *parent)
{
    rv__begin();
    rv_ctx *const c = make(or_background(parent), false);
    if (likely(c != NULL)) c->deadline = RV__NEVER;
    rv__end();
    return c;
}
rv_ctx *rv_ctx_with_deadline(rv_ctx *parent, int64_t deadline)
{
    rv__begin();
    parent = or_background(parent);
    const bool earlier = deadline < parent->deadline, passed = deadline <= rv__now();
    rv_ctx *const c = make(parent, earlier && !passed);
    if (likely(c != NULL)) {
        if (earlier) c->deadline = deadline;
        join(parent, c);
        if (c->timed) start_timer(c);
        if (unlikely(passed)) cancel(c, -ETIMEDOUT, -ETIMEDOUT, 0);
    }
    rv__end();
    return c;
}
rv_ctx *rv_ctx_with_timeout(rv_ctx *parent, int64_t ns) { return rv_ctx_with_deadline(parent, rv__after(ns)); }

// ---- the interface -----------------------------------------------------------------------------------------------------

rv_ctx *rv_ctx_ref(rv_ctx *ctx)
{
    if (ctx) ref(ctx);
    return ctx;
}
void rv_ctx_release(rv_ctx *ctx)
{
    if (never_done(ctx)) return;
    rv__begin();
    unref(ctx);
    rv__end();
}
void rv_ctx_cancel(rv_ctx *ctx, int cause)
{
    if (unlikely(never_done(ctx))) rv__fatal("cancel of the background context");
    if (unlikely(cause > 0)) rv__fatal("cancel of a context: the cause %d is no negative errno", cause);
    rv__begin();
    cancel(ctx, -ECANCELED, cause ? cause : -ECANCELED, RV__CALLER);
    rv__end();
}
int rv__ctx_err(const rv_ctx *ctx, uintptr_t pc)
{
    if (!ctx) return 0;
    const int err = base_load_acquire(&ctx->err); // acquire: pairs with the release in end_locked
    if (err) rv__feed_get(pc, ctx->by);
    return err;
}
int rv_ctx_err(rv_ctx *ctx)
{
    rv__seeded_point();
    return rv__ctx_err(ctx, RV__CALLER);
}
int rv_ctx_cause(rv_ctx *ctx)
{
    rv__seeded_point();
    return rv__ctx_err(ctx, RV__CALLER) ? ctx->cause : 0;
}
int64_t rv_ctx_deadline(rv_ctx *ctx) { return ctx ? ctx->deadline : RV__NEVER; }
void *rv_ctx_value(rv_ctx *ctx, const void *key)
{
    for (const rv_ctx *c = key ? ctx : NULL; c; c = c->parent)
        if (c->key == key) return c->value;
    return NULL;
}
rv_chan *rv_ctx_done(rv_ctx *ctx)
{
    if (never_done(ctx)) return NULL;
    rv__seeded_point();
    rv_chan *ch = base_load_acquire(&ctx->done); // acquire: pairs with the release in make_done_locked
    if (ch) return ch;
    rv__begin();
    rv__lock(&ctx->lock);
    ch = ctx->done;
    if (!ch) {
        ch = make_done_locked(ctx);
        if (ctx->err) ch->closed = 1;
    }
    rv__unlock(&ctx->lock);
    rv__end();
    return ch;
}

// ---- functions that run afterwards ---------------------------------------------------------------------------------------

struct func { // in rv_ctx_func
    struct rv__watch watch;
    rv_fn *fn;
    void *arg;
    rv_ctx *by;      // where the cancellation lies that was there before it, held; NULL: it was told of one
    uint64_t origin; // for the detectors
};
_Static_assert(sizeof(struct func) <= sizeof(rv_ctx_func), "an rv_ctx_func has room for what it is");

// Its name says to reports that it is ours. What is in f is read before fn may have freed it.
static void rv__run_after(void *p)
{
    const struct func *const f = p;
    rv__feed_get((uintptr_t)rv__run_after, f);
    if (f->by) {
        rv__feed_get((uintptr_t)rv__run_after, f->by);
        rv_ctx_release(f->by);
    }
    f->fn(f->arg);
}
static struct rv__g *start_func(struct func *f)
{
    struct rv__g *const g = rv__g_make(NULL, rv__p(), rv__run_after, f, 0, (uintptr_t)rv__run_after);
    rv__feed_created_by(g->strand, f->origin);
    return g;
}
static void tell_func(struct rv__watch *w, int err, struct rv__ending *e)
{
    (void)err;
    rv__glist_push(&e->fresh, start_func((struct func *)w)); // the creation orders it: it is the canceller's
}
void rv_ctx_after_func(rv_ctx *ctx, rv_ctx_func *func, rv_fn *fn, void *arg)
{
    struct func *const f = (struct func *)func;
    if (unlikely(!fn)) rv__fatal("rv_ctx_after_func of a NULL function");
    rv__feed_leave(RV__CALLER, f);
    *f = (struct func){.watch = {.tell = tell_func}, .fn = fn, .arg = arg, .origin = rv__feed_origin(RV__CALLER)};
    if (never_done(ctx)) return;
    rv__begin();
    rv__lock(&ctx->lock);
    const bool done = ctx->err != 0;
    if (done)
        ref(f->by = ctx->by);
    else
        watch(ctx, &f->watch);
    rv__unlock(&ctx->lock);
    if (done) rv__g_launch(rv__p(), start_func(f));
    rv__end();
}
bool rv_ctx_func_stop(rv_ctx *ctx, rv_ctx_func *func)
{
    if (never_done(ctx)) return true;
    rv__begin();
    rv__lock(&ctx->lock);
    const bool stopped = unwatch(&((struct func *)func)->watch);
    rv__unlock(&ctx->lock);
    rv__end();
    return stopped;
}

// ---- waits of the runtime's own ------------------------------------------------------------------------------------------

static void tell_wait(struct rv__watch *watch, int err, struct rv__ending *e)
{
    struct rv__wait *const w = (struct rv__wait *)watch;
    if (!rv__wait_claim(w)) return; // its object has woken it, and may be gone
    w->err = err;
    w->leave(w, &e->ready);
}
_Static_assert(offsetof(struct rv__wait, watch) == 0, "as tell_wait has it");
int rv__wait_begin(struct rv__wait *w)
{
    if (never_done(w->ctx)) return 0;
    w->watch.tell = tell_wait;
    rv__lock(&w->ctx->lock);
    const int err = w->ctx->err;
    if (!err) watch(w->ctx, &w->watch);
    rv__unlock(&w->ctx->lock);
    return err;
}
int rv__wait_end(struct rv__wait *w, bool got)
{
    if (never_done(w->ctx)) return 0;
    rv__lock(&w->ctx->lock);
    unwatch(&w->watch);
    rv__unlock(&w->ctx->lock);
    return got ? 0 : w->err;
}
void rv__wait_again(struct rv__wait *w)
{
    if (never_done(w->ctx)) {
        base_store_relaxed(&w->decided, 0u); // relaxed: no context knows it, and it is in no queue
        return;
    }
    rv__lock(&w->ctx->lock);
    if (w->watch.link) {
        w->parked = false;
        base_store_relaxed(&w->decided, 0u); // relaxed: who could claim it has the context's lock
    } else {
        w->err = w->ctx->err;
    }
    rv__unlock(&w->ctx->lock);
}
