// norace_handoff.c: blocks made by one goroutine and freed by another, over channels of every kind, closed at the end.
#include "gorace.h"

enum { N = 300 };
static rv_chan *ch, *done;
static void produce(void *arg)
{
    (void)arg;
    for (int i = 0; i < N; i++) {
        int *p = malloc(sizeof *p);
        *p = i;
        rv_chan_send(ch, &p);
    }
    rv_chan_close(ch);
}
static void consume(void *arg)
{
    (void)arg;
    long sum = 0;
    for (int *p; rv_chan_recv(ch, &p); free(p)) sum += *p;
    rv_chan_send(done, &sum);
}
static void body(void *arg)
{
    (void)arg;
    for (size_t capacity = 0; capacity < 4; capacity++) {
        ch = rv_chan_make(sizeof(int *), capacity), done = rv_chan_make(sizeof(long), 0);
        rv_go(produce, NULL);
        for (int i = 0; i < 3; i++) rv_go(consume, NULL);
        long all = 0;
        for (int i = 0; i < 3; i++) {
            long sum;
            rv_chan_recv(done, &sum);
            all += sum;
        }
        if (all != N * (N - 1) / 2) abort();
        rv_chan_unref(ch), rv_chan_unref(done);
    }
}
