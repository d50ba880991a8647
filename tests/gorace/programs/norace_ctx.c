// norace_ctx.c: a cancellation orders what was done before it with all that see it: an error, its cause, a receive from done, RV_DONE, a
// call that it ends, a function that runs afterwards, below the context as well as at it; and what came before rv_ctx_after_func.
#include "gorace.h"

enum { N = 9 };
static rv_ctx *top, *ctxs[N];
static rv_sem never, runs;
static rv_chan *empty;
static int before, registered;

static void see(void *arg)
{
    const int i = (int)(intptr_t)arg;
    rv_ctx *const ctx = ctxs[i];
    switch (i) {
    case 0:
        while (rv_ctx_err(ctx) == 0) rv_gosched();
        break;
    case 1:
        while (rv_ctx_cause(ctx) == 0) rv_gosched();
        break;
    case 2: rv_chan_recv(rv_ctx_done(ctx), NULL); break;
    case 3: rv_select((rv_case[]){RV_RECV(empty, NULL), RV_DONE(ctx)}, 2, 0); break;
    case 4: rv_sem_acquire(ctx, &never, 1); break;
    case 5: rv_chan_recv_ctx(ctx, empty, NULL); break;
    case 6: rv_sleep_ctx(ctx, 3600000000000); break;
    default: // made, and asked for done, when all is over already
        while (rv_ctx_err(top) == 0) rv_gosched();
        rv_chan_recv(rv_ctx_done(ctx), NULL);
    }
    if (before != 1) abort();
    rv_sem_release(&runs, 1);
}
static void afterwards(void *arg)
{
    (void)arg;
    if (before != 1 || registered != 1) abort();
    rv_sem_release(&runs, 1);
}
static void late(void *arg)
{
    rv_ctx *const ctx = rv_ctx_with_cancel(top);
    (void)arg;
    rv_chan *const done = rv_ctx_done(ctx);
    rv_chan_recv(done, NULL);
    if (before != 1) abort();
    static rv_ctx_func f;
    rv_ctx_after_func(ctx, &f, afterwards, NULL);
    rv_ctx_release(ctx);
    rv_sem_release(&runs, 1);
}
static void body(void *arg)
{
    static rv_ctx_func f;
    (void)arg;
    empty = RV_CHAN(int, 0);
    top = rv_ctx_with_cancel(NULL);
    for (int i = 0; i < N; i++)
        ctxs[i] = i % 2 ? rv_ctx_with_cancel(top) : rv_ctx_with_timeout(i ? ctxs[i - 1] : top, 3600000000000);
    for (int i = 0; i < N; i++) rv_go(see, (void *)(intptr_t)i);
    registered = 1;
    rv_ctx_after_func(ctxs[3], &f, afterwards, NULL);
    rv_go(late, NULL);
    for (int i = 0; i < 50; i++) rv_gosched();
    before = 1;
    rv_ctx_cancel(top, -EPIPE);
    rv_sem_acquire(NULL, &runs, N + 3);
    for (int i = 0; i < N; i++) rv_ctx_release(ctxs[i]);
    rv_ctx_release(top);
    rv_chan_free(empty);
}
