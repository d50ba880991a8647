// stages.c: goroutines that take elements from one stream, and send what becomes of them to others.
//
// A stage has some workers, each with a loop: take an element, do the stage's step with it. The loop ends with a reason, the way a
// stream does: -EPIPE, there is no more or nobody wants more; or an error. The worker tells it to the input at once (close, or cancel, which also ends
// everything below), and the last worker closes the outputs. So an end spreads upwards from stage to stage, and downwards by contexts and closes.
//   (1) Who waits for an element also waits for the end of an output, and who waits to send is told by the output itself: so no end of
//       either side leaves a worker behind.
//   (2) An element in a worker's hands is the step's; `holds` says that it is still to be destroyed if a function of the program never returns.
//   (3) Where order is kept, taking is under a lock, and gives a ticket. Of the tickets from the one whose turn it is to the last that was given each is a
//       worker's; so they are no more than the workers, and as many semaphores, one permit among them, say whose turn it is.
//       Every ticket passes the turn on, also one at whose element the worker ended; that one closes the output first.
#include <errno.h>

#include "runtime/feed.h"
#include "runtime/object.h"
#include "runtime/stream.h"

struct worker;
struct stage {
    int (*step)(struct worker *w); // constant, as what follows
    union {
        rv_stream_map_fn *map;
        rv_stream_keep_fn *keep;
        rv_stream_each_fn *each;
        void (*copy)(void *to, const void *from);
    } fn;
    void *arg;
    rv_stream *in, *root; // a reference to each
    size_t out_size;      // of a worker's room for what it sends
    int workers, n_outs;
    rv_sem *turns; // one for each worker, or NULL: order is not kept
    rv_mutex taking;
    uint64_t tickets;  // guarded by taking: that were given
    uint32_t left;     // atomic: workers that have not ended
    rv_stream *outs[]; // constant; a reference to each
};
struct worker {
    struct stage *stage;
    int err; // why it ended
    bool holds;
    enum { NO_TICKET, TICKET, TURN } place;
    uint64_t ticket;
    char *in, *out; // room for an element each
};
static size_t rounded(size_t size) { return (size + 16) & ~(size_t)15; } // not 0
static size_t room_of(const struct stage *st) { return rounded(st->in->size) + rounded(st->out_size); }
static size_t bytes_of(int n_outs) { return sizeof(struct stage) + (size_t)n_outs * sizeof(rv_stream *); }

// ---- order -----------------------------------------------------------------------------------------------------------------

static rv_sem *turn_of(const struct stage *st, uint64_t ticket) { return &st->turns[ticket % (uint64_t)st->workers]; }
static void wait_turn(struct worker *w)
{
    if (w->place == TICKET) {
        rv_sem_acquire(NULL, turn_of(w->stage, w->ticket), 1);
        w->place = TURN;
    }
}
static void pass_turn(struct worker *w)
{
    wait_turn(w);
    if (w->place == TURN) rv_sem_release(turn_of(w->stage, w->ticket + 1), 1);
    w->place = NO_TICKET;
}

// ---- the loop --------------------------------------------------------------------------------------------------------------

// Until the first output that still takes elements takes none. When none does any more: why the last does not.
static int take_one(struct worker *w)
{
    const struct stage *const st = w->stage;
    if (!st->n_outs) return rv__stream_recv(NULL, st->in, w->in);
    for (int i = 0; i < st->n_outs; i++) {
        if (rv__stream_state(st->outs[i])) continue;
        const int err = rv__stream_recv(st->outs[i]->open, st->in, w->in);
        if (!err || !rv__stream_state(st->outs[i])) return err;
    }
    return rv__stream_state(st->outs[st->n_outs - 1]);
}
static int take(struct worker *w)
{
    struct stage *const st = w->stage;
    if (!st->turns) return take_one(w);
    rv_mutex_lock(&st->taking);
    const int err = take_one(w);
    if (!err) w->ticket = st->tickets++, w->place = TICKET;
    rv_mutex_unlock(&st->taking);
    return err;
}
static void end_stage(struct stage *st)
{
    rv_stream *const root = st->root;
    for (int i = 0; i < st->n_outs; i++) {
        rv_stream_close(st->outs[i]);
        rv_stream_release(st->outs[i]);
    }
    rv_stream_release(st->in);
    if (st->turns) rv__object_free(st->turns, (size_t)st->workers * sizeof *st->turns);
    rv__object_free(st, bytes_of(st->n_outs));
    rv_wg_done(&root->stages);
    rv_stream_release(root);
}
// By rv_goexit, too.
static void end_worker(void *p)
{
    struct worker *const w = p;
    struct stage *const st = w->stage;
    if (w->holds) rv__stream_drop(st->in, w->in);
    if (w->err == -EPIPE)
        rv_stream_close(st->in);
    else
        rv_stream_cancel(st->in, w->err < 0 ? w->err : -ECANCELED);
    wait_turn(w);
    if (w->place == TURN) rv_stream_close(st->outs[0]); // elements behind this one are not wanted
    pass_turn(w);
    rv__object_free(w->in, room_of(st));
    rv__feed_put((uintptr_t)end_worker, st);
    if (base_sub_acq_rel(&st->left, 1u) != 1) return; // acq_rel: what they all did, before the end of the stage
    rv__feed_get((uintptr_t)end_worker, st);
    end_stage(st);
}
static int run(struct stage *st)
{
    struct worker w = {.stage = st, .err = -ECANCELED, .in = rv__object_make(room_of(st), "a stage's elements")};
    w.out = w.in + rounded(st->in->size);
    RV_DEFER(end_worker, &w);
    for (;;) {
        int err = take(&w);
        if (!err) err = st->step(&w);
        if (err) return w.err = err;
    }
}
// Their names say to reports that they are ours.
static void rv__run_stage(void *st) { run(st); }
static int rv__run_subscriber(void *st, void *out)
{
    (void)out;
    const int err = run(st);
    return err == -EPIPE ? 0 : err;
}

// ---- steps -----------------------------------------------------------------------------------------------------------------

static int map(struct worker *w)
{
    int err = w->stage->fn.map(w->stage->arg, w->in, w->out);
    if (err) return err;
    wait_turn(w);
    err = rv__stream_send(NULL, w->stage->outs[0], w->out);
    if (!err) pass_turn(w);
    return err;
}
static int filter(struct worker *w)
{
    const struct stage *const st = w->stage;
    w->holds = true;
    const bool keep = st->fn.keep(st->arg, w->in);
    w->holds = false;
    if (keep) return rv__stream_send(NULL, st->outs[0], w->in);
    rv__stream_drop(st->in, w->in);
    return 0;
}
static int each(struct worker *w) { return w->stage->fn.each(w->stage->arg, w->in); }
static void copy(const struct stage *st, void *to, const void *from)
{
    if (st->fn.copy)
        st->fn.copy(to, from);
    else
        __builtin_memcpy(to, from, st->in->size);
}
static int tee(struct worker *w)
{
    const struct stage *const st = w->stage;
    for (int i = st->n_outs - 1; i > 0; i--) {
        if (rv__stream_state(st->outs[i])) continue;
        w->holds = true;
        copy(st, w->out, w->in);
        w->holds = false;
        rv__stream_send(NULL, st->outs[i], w->out); // one that has ended is take's affair
    }
    rv__stream_send(NULL, st->outs[0], w->in);
    return 0;
}

// ---- making ----------------------------------------------------------------------------------------------------------------

static struct stage *make(rv_stream *in, int (*step)(struct worker *), void *arg, int workers, int n_outs)
{
    struct stage *const st = rv__object_make(bytes_of(n_outs), "a stage");
    *st = (struct stage){.step = step, .arg = arg, .in = in, .workers = workers, .left = (uint32_t)workers};
    st->n_outs = n_outs;
    st->root = rv_stream_ref(in->root);
    rv_wg_add(&st->root->stages, 1);
    return st;
}
static rv_stream *add_out(struct stage *st, int i, size_t size, rv_fn *drop, uintptr_t pc)
{
    rv_stream *const out = rv__stream_from(st->in, size, drop, pc);
    st->outs[i] = rv_stream_ref(out);
    st->out_size = size;
    return out;
}
static void start(struct stage *st)
{
    for (int i = 0, n = st->workers; i < n; i++) rv_go(rv__run_stage, st); // the last may be the end of st
}
static void need(bool fn)
{
    if (!fn) rv__fatal("a stage of a NULL function");
}
static void keep_order(struct stage *st)
{
    st->turns = rv__object_make((size_t)st->workers * sizeof *st->turns, "a stage's order");
    for (int i = 0; i < st->workers; i++) st->turns[i] = (rv_sem)RV_SEM_INIT(i == 0);
}
static rv_stream *start_map(rv_stream *in, rv_stream_map_fn *fn, void *arg, size_t out_size, rv_fn *drop, int workers,
                            int flags, uintptr_t pc)
{
    need(fn != NULL);
    struct stage *const st = make(in, map, arg, workers > 1 ? workers : 1, 1);
    st->fn.map = fn;
    if (workers > 1 && (flags & RV_STREAM_ORDERED)) keep_order(st);
    rv_stream *const out = add_out(st, 0, out_size, drop, pc);
    start(st);
    return out;
}
rv_stream *rv_stream_map(rv_stream *in, rv_stream_map_fn *fn, void *arg, size_t out_size, rv_fn *drop)
{
    return start_map(in, fn, arg, out_size, drop, 1, 0, RV__CALLER);
}
rv_stream *rv_stream_parallel_map(rv_stream *in, rv_stream_map_fn *fn, void *arg, size_t out_size, rv_fn *drop,
                                  int workers, int flags)
{
    return start_map(in, fn, arg, out_size, drop, workers, flags, RV__CALLER);
}
rv_stream *rv_stream_filter(rv_stream *in, rv_stream_keep_fn *fn, void *arg)
{
    need(fn != NULL);
    struct stage *const st = make(in, filter, arg, 1, 1);
    st->fn.keep = fn;
    rv_stream *const out = add_out(st, 0, in->size, in->drop, RV__CALLER);
    start(st);
    return out;
}
rv_future *rv_stream_subscribe(rv_stream *in, rv_stream_each_fn *fn, void *arg)
{
    need(fn != NULL);
    struct stage *const st = make(in, each, arg, 1, 0);
    st->fn.each = fn;
    return rv_async(rv__run_subscriber, st, 0);
}
void rv_stream_tee(rv_stream *in, rv_stream **outs, int n, void (*copy_fn)(void *to, const void *from))
{
    if (n < 1) rv__fatal("rv_stream_tee into %d streams", n);
    if (in->drop && !copy_fn) rv__fatal("rv_stream_tee of elements that are destroyed, without a function that copies");
    struct stage *const st = make(in, tee, NULL, 1, n);
    st->fn.copy = copy_fn;
    for (int i = 0; i < n; i++) outs[i] = add_out(st, i, in->size, in->drop, RV__CALLER);
    start(st);
}
