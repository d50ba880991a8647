// stream.c: elements on their way from who makes them to who wants them, with an end that both may bring about at any time.
//
// A channel for the elements, and two contexts for the end: `life`, and below it `open`. Close cancels open: no more elements, and
// those that are there are still received. Cancel cancels life, and thereby open: it is all over. Who waits, waits for his operation or
// for the end of open, whichever comes first.
//   (1) The channel is never closed, so no send can meet a closed one. A send that races with the end may leave its element in the
//       buffer when nobody receives any more. That is where the last reference finds it.
//   (2) An element that was given to send is received once, or destroyed once: by the send that could not place it, or by who drops
//       the last reference.
//   (3) Who receives takes what is in the buffer before he believes a close: so what was sent before the close arrives.
// A stream that a stage makes (stages.c) has its life below that of the one it comes from: a cancellation goes down by itself. Up it
// goes by the stages.
//
// For the detectors an element takes its order with it through the channel, close and cancel through the contexts.
#include "runtime/stream.h"

#include <errno.h>

#include "runtime/feed.h"
#include "runtime/object.h"
#include "runtime/waits.h"
#include "runtime/chan.h"

static rv_stream *make(rv_ctx *above, size_t elem_size, size_t capacity, rv_fn *drop, uintptr_t pc)
{
    rv_stream *const s = rv__object_make(sizeof *s, "a stream");
    *s = (rv_stream){.refs = 1, .size = (uint32_t)elem_size, .drop = drop, .root = s};
    s->items = rv_chan_make(elem_size, capacity);
    s->life = rv_ctx_with_cancel(above);
    s->open = s->life ? rv_ctx_with_cancel(s->life) : NULL;
    if (!s->items || !s->open) rv__fatal("out of memory for a stream");
    s->items->site = rv__site_of(pc);
    return s;
}
rv_stream *rv_stream_make(rv_ctx *ctx, size_t elem_size, size_t capacity, rv_fn *drop)
{
    return make(ctx, elem_size, capacity, drop, RV__CALLER);
}
rv_stream *rv__stream_from(rv_stream *from, size_t elem_size, rv_fn *drop, uintptr_t pc)
{
    rv_stream *const s = make(from->life, elem_size, rv_chan_cap(from->items), drop, pc);
    s->root = rv_stream_ref(from->root);
    return s;
}
rv_stream *rv_stream_ref(rv_stream *s)
{
    base_add_relaxed(&s->refs, 1u); // relaxed: the caller has one already
    return s;
}
static void drop_rest(rv_stream *s)
{
    if (!s->drop || rv_chan_len(s->items) == 0) return; // nobody else knows it any more: what len says is so
    void *const elem = rv__object_make(s->size ? s->size : 1, "the rest of a stream");
    while (rv_chan_try_recv(s->items, elem) == 0) rv__stream_drop(s, elem);
    rv__object_free(elem, s->size ? s->size : 1);
}
static void destroy(rv_stream *s)
{
    rv_stream *const root = s->root;
    drop_rest(s);
    rv_chan_unref(s->items);
    rv_ctx_release(s->open);
    rv_ctx_release(s->life);
    rv__object_free(s, sizeof *s);
    if (root != s) rv_stream_release(root); // which has none
}
void rv_stream_release(rv_stream *s)
{
    if (!s) return;
    rv__feed_put(RV__CALLER, s);
    if (base_sub_acq_rel(&s->refs, 1u) != 1) return; // acq_rel: pairs with the others' drops, both sides
    rv__feed_get(RV__CALLER, s);
    destroy(s);
}

// ---- the end ---------------------------------------------------------------------------------------------------------------

int rv__stream_state(rv_stream *s)
{
    const int open = rv_ctx_cause(s->open);
    const int life = open ? rv_ctx_cause(s->life) : 0;
    return life ? life : open;
}
int rv_stream_err(rv_stream *s) { return rv__stream_state(s); }
rv_ctx *rv_stream_ctx(rv_stream *s) { return s->life; }
void rv_stream_close(rv_stream *s) { rv_ctx_cancel(s->open, -EPIPE); }
void rv_stream_cancel(rv_stream *s, int err) { rv_ctx_cancel(s->life, err); }
void rv_stream_wait(rv_stream *s) { rv_wg_wait(&s->root->stages); }

// ---- elements --------------------------------------------------------------------------------------------------------------

// Until the first of the cases is done: true; or there is an end of some kind to be looked at: false.
static bool wait_for(rv_case first, rv_stream *s, rv_ctx *until)
{
    rv_case cases[] = {first, RV_DONE(s->open), RV_DONE(until)};
    return rv_select(cases, 3, 0) == 0;
}
int rv__stream_send(rv_ctx *until, rv_stream *s, const void *elem)
{
    for (;;) {
        int err = rv__stream_state(s);
        if (!err && until) err = rv_ctx_cause(until);
        if (err) {
            rv__stream_drop(s, elem);
            return err;
        }
        if (rv_chan_try_send(s->items, elem) == 0 || wait_for(RV_SEND(s->items, elem), s, until)) return 0;
    }
}
int rv__stream_recv(rv_ctx *until, rv_stream *s, void *elem)
{
    for (bool closed = false;;) {
        int err = rv_ctx_cause(s->life);
        if (!err && until) err = rv_ctx_cause(until);
        if (err) return err;
        if (rv_chan_try_recv(s->items, elem) == 0) return 0;
        if (closed) return -EPIPE;
        closed = rv_ctx_err(s->open) != 0; // then one more look into the buffer: (3)
        if (!closed && wait_for(RV_RECV(s->items, elem), s, until)) return 0;
    }
}
int rv_stream_send(rv_stream *s, const void *elem) { return rv__stream_send(NULL, s, elem); }
int rv_stream_send_ctx(rv_ctx *ctx, rv_stream *s, const void *elem) { return rv__stream_send(ctx, s, elem); }
int rv_stream_recv(rv_stream *s, void *elem) { return rv__stream_recv(NULL, s, elem); }
int rv_stream_recv_ctx(rv_ctx *ctx, rv_stream *s, void *elem) { return rv__stream_recv(ctx, s, elem); }
