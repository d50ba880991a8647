// norace_thread_local.c: what a program keeps for each thread is used by one goroutine at a time, although nothing orders them.
#include "gorace.h"

static __thread struct {
    int used;
    int *spare;
} cache;
static rv_waitgroup wg;
static void user(void *arg)
{
    (void)arg;
    int *p = cache.spare ? cache.spare : malloc(sizeof *p);
    cache.spare = NULL;
    *p = cache.used++;
    cache.spare = p;
    next_turn();
    if (arg) rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 60; i++) {
        rv_go(user, NULL);
        turn(i + 1);
    }
}
