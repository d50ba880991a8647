// race_names.c: a report names the goroutines, tells where they were created, and by whom, back to the first:
// names.py looks.
#include "gorace.h"

static long *shared; // on the heap
static rv_timer timer;
static rv_chan *done;
static void add(void *arg)
{
    (void)arg;
    *shared += 1; // race: shared
    rv_chan_send(done, NULL);
}
static void spawn(void *arg)
{
    const rv_go_options o = {.name = arg ? "second" : "first"};
    if (rv_try_go(add, NULL, &o, NULL) != 0) abort();
}
static void fires(void *arg) { spawn(arg); }
static void body(void *arg)
{
    (void)arg;
    done = rv_chan_make(0, 0);
    shared = malloc(sizeof *shared);
    *shared = 0;
    rv_go(spawn, NULL);
    rv_timer_init(&timer, fires, &timer);
    rv_timer_start(&timer, 0);
    rv_chan_recv(done, NULL);
    rv_chan_recv(done, NULL);
    free(shared);
}
