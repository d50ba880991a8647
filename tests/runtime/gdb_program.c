// gdb_program.c: for gdb.py: goroutines in every state, and a place to stop.
#include "include/ravel.h"

static rv_chan *never;
static rv_waitgroup ready;

__attribute__((noinline)) void gdb_wait_deep(int depth)
{
    volatile int here = depth;
    if (depth > 0)
        gdb_wait_deep(depth - 1);
    else
        rv_chan_recv(never, NULL);
    here = 0;
    (void)here;
}
static void waits(void *depth)
{
    rv_wg_done(&ready);
    gdb_wait_deep((int)(long)depth);
    __asm__ volatile(""); // so that the call is not made a jump
}
static void never_begins(void *arg) { gdb_wait_deep((int)(long)arg); }
static bool aborts;
__attribute__((noinline)) void gdb_stop_here(void)
{
    if (aborts) __builtin_trap(); // a core of the kernel's
}

static void main_goroutine_of_test(void *arg)
{
    (void)arg;
    const rv_go_options named = {.name = "patient", .stack_size = 16384};
    never = rv_chan_make(0, 0);
    rv_wg_add(&ready, 2);
    rv_go(waits, (void *)0);
    rv_try_go(waits, (void *)5, &named, NULL);
    rv_wg_wait(&ready);
    for (int i = 0; i < 3; i++) rv_gosched(); // both are parked now: they do nothing but that
    rv_go(never_begins, NULL);
    gdb_stop_here();
}
int main(int argc, char **argv)
{
    (void)argv;
    aborts = argc > 1;
    return rv_run(main_goroutine_of_test, NULL);
}
