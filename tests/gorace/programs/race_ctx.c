// race_ctx.c: what orders nothing: a context that is not done, a value in it, a deadline, a second cancellation, a function that was stopped.
#include "gorace.h"

static rv_ctx *ctx, *timed;
static rv_sem done;
static const char key;
int looked, valued, late, twice, stopped;

static void first(void *arg)
{
    static rv_ctx_func f;
    (void)arg;
    looked = 1; // race: looked
    rv_ctx *const with = rv_ctx_with_value(ctx, &key, &valued);
    valued = 1; // race: valued
    late = 1;   // race: late
    rv_ctx_after_func(ctx, &f, first, NULL);
    stopped = 1; // race: stopped
    if (!rv_ctx_func_stop(ctx, &f)) abort();
    next_turn();
    turn(2);
    twice = 1;                  // race: twice
    rv_ctx_cancel(ctx, -EPIPE); // it is already
    rv_ctx_release(with);
    next_turn();
    turn(4);
    rv_sem_release(&done, 1);
}
static void body(void *arg)
{
    (void)arg;
    ctx = rv_ctx_with_cancel(NULL);
    timed = rv_ctx_with_timeout(NULL, 1000000);
    rv_go(first, NULL);
    turn(1);
    if (rv_ctx_err(ctx)) abort();
    looked = 2; // race: looked
    if (rv_ctx_value(ctx, &key)) abort();
    valued = 2; // race: valued
    rv_chan_recv(rv_ctx_done(timed), NULL);
    late = 2;    // race: late
    stopped = 2; // race: stopped
    rv_ctx_cancel(ctx, 0);
    next_turn();
    turn(3);
    if (rv_ctx_cause(ctx) != -ECANCELED) abort();
    twice = 2; // race: twice
    next_turn();
    rv_sem_acquire(NULL, &done, 1);
    rv_ctx_release(ctx);
    rv_ctx_release(timed);
}
