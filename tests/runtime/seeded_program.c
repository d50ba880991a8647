// seeded_program.c: goroutines that do a little of everything, for test_seeded.c: what they print, and the log of sched_log, hang on the
// scheduler's choices. The first line names an address on a goroutine's stack.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "include/ravel.h"

enum { WORKERS = 8, ROUNDS = 20, MS = 1000000 };
static rv_chan *narrow, *wide;
static rv_waitgroup workers, readers, late;
static uint64_t order; // a hash of who did what, in turn
static void note(uint64_t what) { order = (order ^ what) * UINT64_C(0x100000001b3); }

static void child(void *arg)
{
    note((uintptr_t)arg);
    rv_wg_done(&late);
}
static void on_timer(void *arg)
{
    note((uintptr_t)arg);
    rv_wg_done(&late);
}
static void work(void *arg)
{
    const uintptr_t me = (uintptr_t)arg;
    rv_timer *const t = malloc(sizeof *t);
    rv_waitgroup *const own = calloc(1, sizeof *own); // malloc may give its place to another's
    rv_wg_add(&late, 1);
    rv_timer_init(t, on_timer, (void *)(1000 + me));
    rv_timer_start(t, MS);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        const uint64_t token = me << 32 | i;
        rv_chan_send(i % 2 ? narrow : wide, &token);
        if (i % 5 == me % 5) rv_gosched();
        if (i % 7 == me % 7) rv_sleep((int64_t)(i * 1000));
        if (i % 10 == 0) rv_wg_add(&late, 1), rv_go(child, (void *)(2000 + token));
        rv_chan *const gone = RV_CHAN(int, 1);
        rv_chan_try_send(gone, &(int){1});
        rv_chan_free(gone);
    }
    rv_wg_wait(own);
    free(own);
    note(me);
    rv_wg_done(&workers);
}
// Of narrow and wide at once, until both are closed.
static void read_both(void *arg)
{
    uint64_t token;
    rv_case cases[] = {RV_RECV(narrow, &token), RV_RECV(wide, &token)};
    (void)arg;
    while (cases[0].ch || cases[1].ch) {
        const int i = rv_select(cases, 2, 0);
        note(cases[i].ok ? token : 1);
        if (!cases[i].ok) cases[i].ch = NULL;
    }
    rv_wg_done(&readers);
}
static void read_all(void *ch)
{
    for (uint64_t token; rv_chan_recv(ch, &token);) note(token);
    rv_wg_done(&readers);
}
static void mixed(void *arg)
{
    const int here = 0;
    (void)arg;
    printf("%p\n", (const void *)&here);
    narrow = RV_CHAN(uint64_t, 0);
    wide = RV_CHAN(uint64_t, 3);
    for (int i = 0; i < 2; i++) {
        rv_wg_add(&readers, 2);
        rv_go(read_all, narrow);
        rv_go(read_all, wide);
    }
    rv_wg_add(&readers, 1);
    rv_go(read_both, NULL);
    rv_wg_add(&workers, WORKERS);
    for (uintptr_t i = 0; i < WORKERS; i++) rv_go(work, (void *)i);
    rv_wg_wait(&workers);
    rv_wg_wait(&late);
    rv_chan_close(narrow);
    rv_chan_close(wide);
    rv_wg_wait(&readers);
    printf("%016" PRIx64 " at %" PRId64 "\n", order, rv_now());
}
int main(void) { return rv_run(mixed, NULL); }
