// test_hogs.c: goroutines that never call us keep nobody from running.
#include <unistd.h>

#include "tests/runtime/rig.h"

static uint32_t stop; // atomic
static void hog(void *ended)
{
    while (!base_load_relaxed(&stop)) continue; // relaxed: only a flag
    base_add_relaxed((uint32_t *)ended, 1u);    // relaxed: as above
}
// Main has been elsewhere than in the first thread, so the hogs run in threads of the runtime's own making.
static void beside_hogs(void *arg)
{
    (void)arg;
    uint32_t ended = 0;
    rv_gomaxprocs(2);
    for (int i = 0; i < 100; i++) rv_gosched();
    for (int i = 0; i < 3; i++) rv_go(hog, &ended);
    for (int i = 0; i < 20; i++) rv_gosched();
    base_store_relaxed(&stop, 1u); // relaxed: only a flag
    RIG_UNTIL(base_load_relaxed(&ended) == 3);
}
Test(hogs, stop_when_others_wait, .timeout = 60) { cr_assert_eq(rv_run(beside_hogs, NULL), 0); }
