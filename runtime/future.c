// future.c: the result of a function that runs in a goroutine of its own, for all who ask for it.
//
//   (1) over goes from 0 to 1 once, under the lock; by then the result and its bytes are written, and nobody writes them again.
//   (2) done is made at the first question for it, and is closed if and only if the future is over, both under the lock: so whoever
//       has seen that it is over finds the channel closed.
// Who waits does so at done; one that is over needs none. The goroutine has a reference, and drops it last: a future that everybody else has
// released goes when its function has ended. Destroy after observe: who has got the result may release at once, since whoever
// wakes him still has the goroutine's reference.
//
// For the detectors the end of the function lies at the future itself, and each get takes it from there, however it has waited.
// Locks, outermost first: future, then channel.
#include <errno.h>

#include "runtime/chan.h"
#include "runtime/ctx.h"
#include "runtime/feed.h"
#include "runtime/object.h"
#include "runtime/seeded.h"
#include "runtime/waits.h"

struct rv_future {
    struct rv__lock lock;
    uint32_t refs;    // atomic
    uint32_t over;    // atomic: 0 -> 1 once, under lock
    int32_t result;   // the goroutine's until it is over, then constant
    rv_chan *done;    // atomic: made under lock
    rv_fetch *fn;     // constant, as all that follows
    void *arg;        //
    size_t size;      // of the result's bytes
    uint16_t site;    // who called rv_async: where reports say that done was made
    uint64_t bytes[]; // the result's; as `result`
};
static size_t bytes_of(size_t size) { return sizeof(rv_future) + (size + 7) / 8 * 8; }

static bool is_over(const rv_future *f)
{
    return base_load_acquire(&f->over) != 0; // acquire: the result; pairs with the release in finish_locked
}
// It is over: its end happens before what the caller does from here on.
static int take(rv_future *f, void *out, uintptr_t pc)
{
    rv__feed_get(pc, f);
    if (!out) return f->result;
    rv__feed_touch(pc, f->bytes, f->size, false);
    rv__copy(out, f->bytes, f->size);
    rv__feed_touch(pc, out, f->size, true);
    return f->result;
}

// ---- the goroutine ---------------------------------------------------------------------------------------------------------

static void finish_locked(rv_future *f, struct rv__waiter ***end)
{
    base_store_release(&f->over, 1u); // release: what fn did; pairs with is_over
    if (f->done) rv__chan_close(f->done, end, (uintptr_t)finish_locked);
}
// fn has ended, by rv_goexit perhaps.
static void finish(void *p)
{
    rv_future *const f = p;
    struct rv__waiter *drained = NULL, **end = &drained;
    struct rv__glist woken = {0};
    rv__feed_put((uintptr_t)finish, f);
    struct rv__g *const g = rv__enter();
    rv__lock(&f->lock);
    finish_locked(f, &end);
    rv__unlock(&f->lock);
    rv__chan_drained(drained, &woken);
    rv__ready_list(&woken);
    rv__leave(g);
    rv_future_release(f);
}
// Its name says to reports that it is ours.
static void rv__run_async(void *p)
{
    rv_future *const f = p;
    RV_DEFER(finish, f);
    f->result = f->fn(f->arg, f->bytes);
}
rv_future *rv_async(rv_fetch *fn, void *arg, size_t out_size)
{
    if (!fn) rv__fatal("rv_async of a NULL function");
    if (out_size > SIZE_MAX / 2) rv__fatal("out of memory for a future");
    rv_future *const f = rv__object_make(bytes_of(out_size), "a future");
    *f = (rv_future){.refs = 2, .result = -ECANCELED, .fn = fn, .arg = arg, .size = out_size};
    f->site = rv__site_of(RV__CALLER);
    __builtin_memset(f->bytes, 0, bytes_of(out_size) - sizeof *f);
    rv_go(rv__run_async, f);
    return f;
}

// ---- asking ----------------------------------------------------------------------------------------------------------------

static rv_chan *make_done_locked(rv_future *f, uintptr_t pc)
{
    struct rv__waiter *nobody = NULL, **end = &nobody;
    rv_chan *const ch = rv__chan_make(0, 0);
    if (unlikely(!ch)) rv__fatal("out of memory for a future's channel");
    ch->site = f->site;
    if (f->over) {
        rv__feed_get(pc, f); // who receives from the channel comes after the end
        rv__chan_close(ch, &end, pc);
    }
    base_store_release(&f->done, ch); // release: what it is; pairs with the acquire in done_of
    return ch;
}
static rv_chan *done_of(rv_future *f, uintptr_t pc)
{
    rv__seeded_point();
    rv_chan *ch = base_load_acquire(&f->done); // acquire: pairs with the release in make_done_locked
    if (ch) return ch;
    struct rv__g *const g = rv__enter();
    rv__lock(&f->lock);
    ch = f->done ? f->done : make_done_locked(f, pc);
    rv__unlock(&f->lock);
    rv__leave(g);
    return ch;
}
static int get(rv_ctx *ctx, rv_future *f, void *out, uintptr_t pc)
{
    const int err = rv__ctx_err(ctx, pc);
    if (err) return err;
    rv__seeded_point();
    if (is_over(f)) return take(f, out, pc);
    if (!ctx) {
        rv_chan_recv(done_of(f, pc), NULL);
        return take(f, out, pc);
    }
    rv_case cases[] = {RV_RECV(done_of(f, pc), NULL), RV_DONE(ctx)};
    return rv_select(cases, 2, 0) == 0 ? take(f, out, pc) : rv__ctx_err(ctx, pc);
}
rv_chan *rv_future_done(rv_future *f) { return done_of(f, RV__CALLER); }
int rv_future_get(rv_future *f, void *out) { return get(NULL, f, out, RV__CALLER); }
int rv_future_get_ctx(rv_ctx *ctx, rv_future *f, void *out) { return get(ctx, f, out, RV__CALLER); }
int rv_future_try_get(rv_future *f, void *out)
{
    rv__seeded_point();
    return is_over(f) ? take(f, out, RV__CALLER) : -EAGAIN;
}

// ---- several ---------------------------------------------------------------------------------------------------------------

static int all(rv_ctx *ctx, rv_future *const *fs, int n, uintptr_t pc)
{
    int first = 0;
    for (int i = 0; i < n; i++) {
        const int result = fs[i] ? get(ctx, fs[i], NULL, pc) : 0;
        if (!first) first = result;
        if (ctx && rv__ctx_err(ctx, pc)) return first;
    }
    return first;
}
int rv_future_all(rv_future *const *fs, int n) { return all(NULL, fs, n, RV__CALLER); }
int rv_future_all_ctx(rv_ctx *ctx, rv_future *const *fs, int n) { return all(ctx, fs, n, RV__CALLER); }

// The first that is over; or -EAGAIN, or, if there is nothing to wait for, -EINVAL.
static int look(rv_future *const *fs, int n)
{
    int err = -EINVAL;
    for (int i = 0; i < n; i++) {
        if (!fs[i]) continue;
        if (is_over(fs[i])) return i;
        err = -EAGAIN;
    }
    return err;
}
static int wait_for_any(rv_ctx *ctx, rv_future *const *fs, int n, uintptr_t pc)
{
    const size_t bytes = ((size_t)n + 1) * sizeof(rv_case);
    rv_case *const cases = rv__object_make(bytes, "the cases of rv_future_any");
    for (int i = 0; i < n; i++) cases[i] = RV_RECV(fs[i] ? done_of(fs[i], pc) : NULL, NULL);
    cases[n] = RV_DONE(ctx);
    const int i = rv_select(cases, n + 1, 0);
    rv__object_free(cases, bytes);
    return i == n ? rv__ctx_err(ctx, pc) : i;
}
static int any(rv_ctx *ctx, rv_future *const *fs, int n, uintptr_t pc)
{
    const int err = rv__ctx_err(ctx, pc);
    if (err) return err;
    rv__seeded_point();
    int i = look(fs, n);
    if (i == -EAGAIN) i = wait_for_any(ctx, fs, n, pc);
    if (i >= 0) rv__feed_get(pc, fs[i]);
    return i;
}
int rv_future_any(rv_future *const *fs, int n) { return any(NULL, fs, n, RV__CALLER); }
int rv_future_any_ctx(rv_ctx *ctx, rv_future *const *fs, int n) { return any(ctx, fs, n, RV__CALLER); }

// ---- references ------------------------------------------------------------------------------------------------------------

rv_future *rv_future_ref(rv_future *f)
{
    base_add_relaxed(&f->refs, 1u); // relaxed: the caller has one already
    return f;
}
void rv_future_release(rv_future *f)
{
    if (!f || base_sub_acq_rel(&f->refs, 1u) != 1) return; // acq_rel: pairs with the others' drops, both sides
    rv_chan_unref(f->done);
    rv__object_free(f, bytes_of(f->size));
}
