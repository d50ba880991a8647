// signals.c: the storm of tests/runtime/storm.h and a hog beside it, for a program that is checked. They are no part of what is
// checked.
#include "tests/runtime/storm.h"

static pthread_t thread;
static uint32_t over, ended; // atomic
static void hog(void *arg)
{
    (void)arg;
    while (!base_load_acquire(&over)) continue;
    base_store_release(&ended, 1u);
}
void signals_begin(void)
{
    rv_go(hog, NULL);
    thread = storm_start(~0u);
}
void signals_end(void)
{
    base_store_release(&over, 1u);
    while (!base_load_acquire(&ended)) rv_gosched();
    storm_end(thread);
}
