// race_stream.c: a send comes before the receive of its element, not what the sender does afterwards; workers of one stage are not
// ordered; and copies of a tee share what they point to.
#include "gorace.h"

int after_send, shared, pointed_to;

static int worker(void *arg, void *in, void *out)
{
    (void)arg;
    turn(*(int *)in);
    shared = 1; // race: shared
    next_turn();
    turn(2); // both are here
    *(int *)out = 1;
    return 0;
}
static void workers(void)
{
    rv_stream *const s = rv_stream_make(NULL, sizeof(int), 2, NULL);
    rv_stream *const out = rv_stream_parallel_map(rv_stream_ref(s), worker, NULL, sizeof(int), NULL, 2, 0);
    int n;
    for (n = 0; n < 2; n++) rv_stream_send(s, &n);
    rv_stream_close(s);
    while (rv_stream_recv(out, &n) == 0) {}
    rv_stream_wait(out);
    rv_stream_release(out);
    rv_stream_release(s);
}
static void send_one(void *s)
{
    const int n = 3;
    rv_stream_send(s, &n);
    after_send = 1; // race: after_send
    next_turn();
}
static void receive(void)
{
    int n;
    rv_stream *const s = rv_stream_make(NULL, sizeof(int), 1, NULL);
    rv_go(send_one, s);
    turn(3);
    rv_stream_recv(s, &n);
    after_send = 2; // race: after_send
    rv_stream_release(s);
}
static int write_there(void *arg, void *elem)
{
    (void)arg;
    **(int **)elem = 1; // race: pointed_to
    return 0;
}
static void tee(void)
{
    rv_stream *const s = rv_stream_make(NULL, sizeof(int *), 1, NULL), *outs[2];
    rv_stream_tee(rv_stream_ref(s), outs, 2, NULL);
    rv_future *const fs[] = {rv_stream_subscribe(outs[0], write_there, NULL),
                             rv_stream_subscribe(outs[1], write_there, NULL)};
    int *p = &pointed_to;
    rv_stream_send(s, &p);
    rv_stream_close(s);
    rv_future_all(fs, 2);
    for (int i = 0; i < 2; i++) rv_future_release(fs[i]);
    rv_stream_release(s);
}
static void body(void *arg)
{
    (void)arg;
    workers();
    receive();
    tee();
}
