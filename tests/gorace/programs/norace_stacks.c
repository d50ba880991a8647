// norace_stacks.c: goroutines that nothing orders use the same stacks, one after the other: fresh memory each time. A pointer
// into a stack is given to another goroutine, which writes there; later owners of the stack know nothing of it.
#include "gorace.h"

static rv_chan *ask, *reply;
static void helper(void *arg)
{
    (void)arg;
    for (int *p; rv_chan_recv(ask, &p);) {
        *p = 7;
        rv_chan_send(reply, NULL);
    }
}
static __attribute__((noinline)) void fill(volatile char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) p[i] = (char)i;
}
static void user(void *arg)
{
    volatile char local[600];
    fill(local, sizeof local);
    int shared = 1, *p = &shared;
    rv_chan_send(ask, &p);
    rv_chan_recv(reply, NULL);
    if (shared != 7) abort();
    (void)arg;
    next_turn();
}
static void body(void *arg)
{
    (void)arg;
    ask = rv_chan_make(sizeof(int *), 0), reply = rv_chan_make(0, 0);
    rv_go(helper, NULL);
    for (int i = 0; i < 100; i++) {
        rv_go(user, NULL);
        turn(i + 1);
    }
    rv_chan_close(ask);
}
