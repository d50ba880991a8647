// norace_future.c: what came before rv_async comes before its function, and that before each return that tells of its end, in
// whichever way; two getters share nothing but the result; and one future's memory is another's afterwards.
#include "gorace.h"

enum { WAYS = 7 };
static int input, output;

static int work(void *arg, void *out)
{
    for (int i = 0; i < 4 && arg; i++) rv_gosched();
    output = input + 1;
    *(int *)out = output;
    return 0;
}
static void wait_for(rv_future *f, int way)
{
    rv_case cases[] = {RV_RECV(rv_future_done(f), NULL), RV_RECV(NULL, NULL)};
    switch (way) {
    case 0: rv_future_get(f, NULL); break;
    case 1: rv_future_get_ctx(rv_ctx_background(), f, NULL); break;
    case 2: rv_chan_recv(rv_future_done(f), NULL); break;
    case 3: rv_future_all(&f, 1); break;
    case 4: rv_future_any(&f, 1); break;
    case 5: rv_select(cases, 2, 0); break;
    case 6:
        while (rv_future_try_get(f, NULL) == -EAGAIN) rv_gosched();
        break;
    }
}
static int get(void *f, void *out) { return rv_future_get(f, out) + rv_future_get(f, out); }
static int alone(void *arg, void *out)
{
    (void)arg;
    return *(int *)out = 1;
}
static void body(void *arg)
{
    int result;
    (void)arg;
    for (int way = 0; way < 2 * WAYS; way++) {
        input = way;
        rv_future *const f = rv_async(work, way < WAYS ? NULL : &input, sizeof(int));
        wait_for(f, way % WAYS);
        if (output++ != way + 1) abort();
        rv_future *const getters[] = {rv_async(get, f, sizeof(int)), rv_async(get, f, sizeof(int))};
        rv_future_release(rv_async(alone, NULL, sizeof(int))); // nobody looks at it
        rv_future_all(getters, 2);
        for (int i = 0; i < 2; i++) {
            if (rv_future_get(getters[i], &result) || result != way + 1) abort();
            rv_future_release(getters[i]);
        }
        rv_future_release(f);
    }
}
