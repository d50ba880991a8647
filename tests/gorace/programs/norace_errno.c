// norace_errno.c: errno is a goroutine's own across a park, and no race between those of one thread.
#include "gorace.h"

#include <errno.h>

static rv_waitgroup wg;
static void user(void *arg)
{
    for (int i = 0; i < 10; i++) {
        errno = (int)(intptr_t)arg;
        rv_gosched();
        if (errno != (int)(intptr_t)arg) abort();
    }
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_wg_add(&wg, 20);
    for (int i = 1; i <= 20; i++) rv_go(user, (void *)(intptr_t)i);
    rv_wg_wait(&wg);
}
