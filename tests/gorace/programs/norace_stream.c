// norace_stream.c: what an element points to goes with it, through all stages, to who receives it, or to who destroys it; a close and a cancel
// come before what they end; and what stages' functions did, before the return of rv_stream_wait.
#include "gorace.h"

enum { N = 200 };
static int before_end, count[3];
static rv_waitgroup producers;

static void destroy(void *elem) { free(*(int **)elem); }
static void copy(void *to, const void *from)
{
    int *const p = malloc(sizeof *p);
    *p = **(int *const *)from;
    *(int **)to = p;
}
static int add_one(void *arg, void *in, void *out)
{
    int *const p = *(int **)in;
    (void)arg;
    ++*p;
    *(int **)out = p;
    return 0;
}
static bool some(void *arg, const void *elem)
{
    ++*(int *)arg; // one worker's
    return **(int *const *)elem % 3;
}
static int use(void *arg, void *elem)
{
    int *const p = *(int **)elem;
    *(int *)arg += *p;
    free(p);
    return 0;
}
static void produce(void *s)
{
    for (int i = 0; i < N; i++) {
        int *const p = malloc(sizeof *p);
        *p = i;
        if (rv_stream_send(s, &p)) break;
    }
    before_end = 1;
    rv_stream_close(s);
    rv_stream_release(s);
}
// way: how it ends: 0: by the producer; 1: one output is cancelled; 2: all is cancelled.
static void pipeline(int way)
{
    const size_t size = sizeof(int *);
    rv_stream *const s = rv_stream_make(NULL, size, 4, destroy), *outs[2];
    rv_stream *t = rv_stream_map(rv_stream_ref(s), add_one, NULL, size, destroy);
    t = rv_stream_filter(t, some, &count[0]);
    t = rv_stream_parallel_map(t, add_one, NULL, size, destroy, 3, RV_STREAM_ORDERED);
    t = rv_stream_parallel_map(t, add_one, NULL, size, destroy, 2, 0);
    rv_stream_tee(t, outs, 2, copy);
    rv_stream *const end = rv_stream_ref(outs[1]);
    rv_future *const fs[] = {rv_stream_subscribe(outs[0], use, &count[1]),
                             rv_stream_subscribe(outs[1], use, &count[2])};
    rv_wg_go(&producers, produce, rv_stream_ref(s));
    for (int i = 0; i < 20; i++) rv_gosched();
    if (way == 1) rv_stream_cancel(end, -EIO);
    if (way == 2) rv_stream_cancel(s, -EIO);
    rv_future_all(fs, 2);
    rv_stream_wait(s);
    rv_wg_wait(&producers);
    for (int i = 0; i < 3; i++) count[i] = 0;
    for (int i = 0; i < 2; i++) rv_future_release(fs[i]);
    rv_stream_release(end);
    rv_stream_release(s);
}
static void end_by_other(void *s)
{
    before_end = 3;
    rv_stream_cancel(s, -EIO);
    rv_stream_release(s);
}
static void ends(void)
{
    rv_stream *s = rv_stream_make(NULL, sizeof(int *), 0, NULL);
    int *p;
    rv_wg_go(&producers, produce, rv_stream_ref(s));
    while (rv_stream_recv(s, &p) == 0) free(p);
    before_end = 2; // the close has been seen
    rv_stream_release(s);
    s = rv_stream_make(NULL, sizeof(int *), 0, NULL);
    rv_go(end_by_other, rv_stream_ref(s));
    if (rv_stream_recv(s, &p) != -EIO) abort();
    before_end = 4;
    rv_stream_release(s);
}
static void body(void *arg)
{
    (void)arg;
    ends();
    for (int way = 0; way < 3; way++) pipeline(way);
}
