// future.h: the future of 5.1, by hand.
//
// The mistakes of the original: `completed` is written by whoever gets the result and read by whoever wants it, with nothing between them; only
// one can get it, the next is told an error, or, if he waits already, nothing, ever; and try_get forgets to look whether it has been taken.
// The mend: the result stays where it is, and a channel is closed when it is there.
#ifndef FUTURE_H
#define FUTURE_H
#include "seed.h"

struct result {
    const char *value, *error; // error: NULL, or what went wrong
};
typedef struct result executor(void *arg);

struct future {
    executor *fn;
    void *arg;
#ifdef MENDED
    rv_chan *done; // closed when `result` is there
    struct result result;
#else
    rv_chan *results, *errors; // one of them gets one text
    bool completed;
#endif
};

static inline void future_run(void *future)
{
    struct future *f = future;
    const struct result r = f->fn(f->arg);
#ifdef MENDED
    f->result = r;
    rv_chan_close(f->done);
#else
    if (r.error)
        rv_send(f->errors, &r.error);
    else
        rv_send(f->results, &r.value);
#endif
}

static inline struct future *async_execute(executor *fn, void *arg)
{
    struct future *f = calloc(1, sizeof *f);
    f->fn = fn;
    f->arg = arg;
#ifdef MENDED
    f->done = rv_chan_make(0, 0);
#else
    f->results = RV_CHAN(const char *, 1);
    f->errors = RV_CHAN(const char *, 1);
#endif
    rv_go(future_run, f);
    return f;
}

#ifdef MENDED
static inline struct result future_get(struct future *f)
{
    rv_chan_recv(f->done, NULL);
    return f->result;
}

static inline bool future_try_get(struct future *f, struct result *r)
{
    if (rv_chan_try_recv(f->done, NULL) != -EPIPE) return false;
    *r = f->result;
    return true;
}

static inline void future_free(struct future *f)
{
    rv_chan_recv(f->done, NULL);
    rv_chan_free(f->done);
    free(f);
}
#else
static inline bool future_select(struct future *f, struct result *r, int flags)
{
    *r = (struct result){0};
    rv_case cases[] = {RV_RECV(f->results, &r->value), RV_RECV(f->errors, &r->error)};
    if (rv_select(cases, 2, flags) < 0) return false;
    f->completed = true; // race
    return true;
}

static inline struct result future_get(struct future *f)
{
    struct result r = {.error = "the result was already taken"};
    if (!f->completed) future_select(f, &r, 0); // race
    return r;
}

static inline bool future_try_get(struct future *f, struct result *r) { return future_select(f, r, RV_SELECT_DEFAULT); }
static inline void future_free(struct future *f) { (void)f; } // the collector's
#endif
#endif
