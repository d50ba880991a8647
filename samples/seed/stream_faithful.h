// stream_faithful.h: the streams as the original has them, with its mistakes:
//
// (1) Closing a stream closes `done` and then `source`. Who waits for both takes either: values that are still in the source are lost.
// (2) The feeder of parallel_map means to leave its loop when the source is closed, and leaves its switch: it goes round until it draws `done`.
// (3) The feeder closes `results` while the workers still send to it.
// (4) A stage whose output nobody reads fills up, and waits for ever, whatever is closed above it.
// (5) Nobody can wait for the end of a stage, or of a subscriber.
#include "stream.h"

struct stream {
    rv_chan *source, *done;
};

struct stage {
    struct stream *in, *out;
    mapper *map;
    predicate *wanted;
    handler *handle;
    rv_chan *jobs, *results; // parallel_map's
};

static inline struct stream *stream_new(void)
{
    struct stream *s = calloc(1, sizeof *s);
    s->source = RV_CHAN(void *, STREAM_ROOM);
    s->done = rv_chan_make(0, 0);
    return s;
}

static inline void stream_send(struct stream *s, void *value)
{
    rv_case cases[] = {RV_SEND(s->source, &value), RV_RECV(s->done, NULL)};
    rv_select(cases, 2, 0);
}

static inline void stream_close(struct stream *s)
{
    rv_chan_close(s->done);
    rv_chan_close(s->source);
}

enum next { VALUE, CLOSED, DONE };
static inline enum next stream_next(struct stream *s, void **value)
{
    rv_case cases[] = {RV_RECV(s->source, value), RV_RECV(s->done, NULL)};
    if (rv_select(cases, 2, 0) == 1) return DONE;
    return cases[0].ok ? VALUE : CLOSED;
}

static inline struct stream *stage_go(struct stage stage, rv_fn *run)
{
    struct stage *s = malloc(sizeof *s);
    *s = stage;
    rv_go(run, s);
    return s->out;
}

static inline void stage_map(void *stage)
{
    struct stage *s = stage;
    for (void *value; stream_next(s->in, &value) == VALUE;) stream_send(s->out, s->map(value));
    stream_close(s->out);
}

static inline void stage_filter(void *stage)
{
    struct stage *s = stage;
    for (void *value; stream_next(s->in, &value) == VALUE;)
        if (s->wanted(value)) stream_send(s->out, value);
    stream_close(s->out);
}

static inline void stage_subscriber(void *stage)
{
    struct stage *s = stage;
    for (void *value; stream_next(s->in, &value) == VALUE;) s->handle(value);
}

static inline void stage_worker(void *stage)
{
    struct stage *s = stage;
    for (void *job; rv_recv(s->jobs, &job);) {
        void *result = s->map(job);
        rv_send(s->results, &result);
    }
}

static inline void stage_feeder(void *stage)
{
    struct stage *s = stage;
    for (void *value;;) {
        switch (stream_next(s->in, &value)) {
        case VALUE: rv_send(s->jobs, &value); break;
        case CLOSED: break;
        case DONE:
            rv_chan_close(s->jobs);
            rv_chan_close(s->results);
            return;
        }
    }
}

static inline void stage_collector(void *stage)
{
    struct stage *s = stage;
    rv_go(stage_feeder, s);
    for (void *result; rv_recv(s->results, &result);) stream_send(s->out, result);
    stream_close(s->out);
}

static inline struct stream *stream_map(struct stream *s, mapper *map)
{
    return stage_go((struct stage){.in = s, .out = stream_new(), .map = map}, stage_map);
}

static inline struct stream *stream_filter(struct stream *s, predicate *wanted)
{
    return stage_go((struct stage){.in = s, .out = stream_new(), .wanted = wanted}, stage_filter);
}

static inline void stream_subscribe(struct stream *s, handler *handle)
{
    stage_go((struct stage){.in = s, .handle = handle}, stage_subscriber);
}

static inline struct stream *stream_parallel_map(struct stream *in, mapper *map, int concurrency)
{
    struct stage *s = malloc(sizeof *s);
    *s = (struct stage){.in = in,
                        .out = stream_new(),
                        .map = map,
                        .jobs = RV_CHAN(void *, STREAM_ROOM),
                        .results = RV_CHAN(void *, STREAM_ROOM)};
    for (int i = 0; i < concurrency; i++) rv_go(stage_worker, s);
    rv_go(stage_collector, s);
    return s->out;
}

// Nobody can end them, or wait for their end: there is nothing to do it with.
static inline void streams_cancel(void) {}
static inline void streams_end(void) {}
