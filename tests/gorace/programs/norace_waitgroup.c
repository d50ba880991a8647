// norace_waitgroup.c: what is done before rv_wg_done happens before the wait returns, and rv_go before the goroutine.
#include "gorace.h"

enum { N = 200 };
static int input[N], output[N];
static rv_waitgroup wg;
static void square(void *arg)
{
    const int i = (int)(intptr_t)arg;
    output[i] = input[i] * input[i];
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    for (int round = 1; round < 4; round++) {
        rv_wg_add(&wg, N);
        for (int i = 0; i < N; i++) {
            input[i] = i + round;
            rv_go(square, (void *)(intptr_t)i);
        }
        rv_wg_wait(&wg);
        for (int i = 0; i < N; i++)
            if (output[i] != (i + round) * (i + round)) abort();
    }
}
