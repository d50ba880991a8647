// stream_mended.h: the streams without their mistakes.
//
// A stream is closed by its only sender, or by the last of them, and has no other sign of its end: who receives takes what is left first. To stop
// everything at once there is a context, with which all that waits waits. All stages are counted, so that one can wait for their end;
// then they are freed.
#include "stream.h"

struct stream {
    rv_chan *source;
    struct stream *older;
};

struct stage {
    struct stream *in, *out;
    mapper *map;
    predicate *wanted;
    handler *handle;
    int workers; // that have not ended
};

static struct {
    rv_ctx *ctx;           // done: all stages end
    struct stream *newest; // main's
    rv_waitgroup running;
} streams;

static inline struct stream *stream_new(void)
{
    if (!streams.ctx) streams.ctx = rv_ctx_with_cancel(NULL);
    struct stream *s = calloc(1, sizeof *s);
    *s = (struct stream){.source = RV_CHAN(void *, STREAM_ROOM), .older = streams.newest};
    streams.newest = s;
    return s;
}

static inline void stream_send(struct stream *s, void *value) { rv_chan_send_ctx(streams.ctx, s->source, &value); }
static inline void stream_close(struct stream *s) { rv_chan_close(s->source); }
static inline bool stream_next(struct stream *s, void **value)
{
    return rv_chan_recv_ctx(streams.ctx, s->source, value) == 0;
}

static inline void stage_run(void *stage)
{
    struct stage *s = stage;
    for (void *value; stream_next(s->in, &value);) {
        if (s->handle)
            s->handle(value);
        else if (s->map)
            stream_send(s->out, s->map(value));
        else if (s->wanted(value))
            stream_send(s->out, value);
    }
    if (__atomic_sub_fetch(&s->workers, 1, __ATOMIC_ACQ_REL) > 0) return;
    if (s->out) stream_close(s->out);
    free(s);
}

static inline struct stream *stage_go(struct stage stage)
{
    struct stage *s = malloc(sizeof *s);
    *s = stage;
    for (int i = 0; i < stage.workers; i++) rv_wg_go(&streams.running, stage_run, s);
    return stage.out;
}

static inline struct stream *stream_map(struct stream *s, mapper *map)
{
    return stage_go((struct stage){.in = s, .out = stream_new(), .map = map, .workers = 1});
}

static inline struct stream *stream_filter(struct stream *s, predicate *wanted)
{
    return stage_go((struct stage){.in = s, .out = stream_new(), .wanted = wanted, .workers = 1});
}

static inline void stream_subscribe(struct stream *s, handler *handle)
{
    stage_go((struct stage){.in = s, .handle = handle, .workers = 1});
}

static inline struct stream *stream_parallel_map(struct stream *s, mapper *map, int concurrency)
{
    return stage_go((struct stage){.in = s, .out = stream_new(), .map = map, .workers = concurrency});
}

// Ends all stages, whatever is left.
static inline void streams_cancel(void) { rv_ctx_cancel(streams.ctx, 0); }

// Waits until all stages have ended. By then nobody else uses a stream.
static inline void streams_end(void)
{
    rv_wg_wait(&streams.running);
    for (struct stream *s; (s = streams.newest);) {
        streams.newest = s->older;
        rv_chan_free(s->source);
        free(s);
    }
    rv_ctx_release(streams.ctx);
    streams.ctx = NULL;
}
