// norace_procs.c: what the runtime does to its own memory is nobody's race: a goroutine makes Ps, rv_run's end clears them.
#define OWN_MAIN
#include "gorace.h"

static void raises(void *arg)
{
    (void)arg;
    rv_gomaxprocs(6);
    for (;;) rv_gosched();
}
static void body(void *arg)
{
    (void)arg;
    rv_go(raises, NULL);
    while (rv_gomaxprocs(0) < 6) rv_gosched();
}
int main(void)
{
    for (int i = 0; i < 3; i++)
        if (rv_run(body, NULL)) return 1;
    return 0;
}
