// stream.h: what stages (stages.c) need of streams. stream.c has the idea.
#ifndef RUNTIME_STREAM_H
#define RUNTIME_STREAM_H

#include "runtime/rt.h"

struct rv_stream {
    uint32_t refs;       // atomic
    uint32_t size;       // of an element; constant, as all that follows
    rv_fn *drop;         // destroys an element; NULL: there is nothing to do
    rv_chan *items;      // never closed
    rv_ctx *life;        // done: it was cancelled, or what it comes from was
    rv_ctx *open;        // below life. Done with the cause -EPIPE: it was closed
    rv_stream *root;     // that rv_stream_make made, and this comes from; a reference, unless it is this one
    rv_waitgroup stages; // of a root: the stages behind it that have not ended
};

// What a stage makes of `from`.
rv_stream *rv__stream_from(rv_stream *from, size_t elem_size, rv_fn *drop, uintptr_t pc);
// 0: it takes elements; -EPIPE: it was closed; else why it was cancelled. One that was closed and then cancelled was cancelled.
int rv__stream_state(rv_stream *s);
// As the public functions. until, which may be NULL: a context that ends the wait, too: then that one's cause.
int rv__stream_send(rv_ctx *until, rv_stream *s, const void *elem);
int rv__stream_recv(rv_ctx *until, rv_stream *s, void *elem);
static inline void rv__stream_drop(const rv_stream *s, const void *elem)
{
    if (s->drop) s->drop((void *)elem);
}

#endif
