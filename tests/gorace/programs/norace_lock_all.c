// norace_lock_all.c: several locks at once are locks like others, and no lock order, though each goroutine names them in another order.
#include "gorace.h"

enum { N = 6, EACH = 20 };
static rv_mutex m[N];
static rv_rwmutex rw;
static rv_waitgroup wg;
static int guarded[N], written;

static void work(void *arg)
{
    const int first = (int)(intptr_t)arg;
    for (int i = 0; i < EACH; i++) {
        rv_lock locks[N + 1];
        for (int k = 0; k < N; k++) locks[k] = RV_LOCK(&m[(first + i + k) % N]);
        locks[N] = i % 2 ? RV_LOCK_READ(&rw) : RV_LOCK_WRITE(&rw);
        if (rv_lock_all(locks, N + 1)) abort();
        for (int k = 0; k < N; k++) guarded[k] += written;
        if (i % 2 == 0) written++;
        rv_unlock_all(locks, N + 1);
        rv_mutex_lock(&m[first]);
        guarded[first]++;
        rv_mutex_unlock(&m[first]);
    }
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_mutex_name(&m[1], "one"); // named ones are the same
    rv_rwmutex_name(&rw, "table");
    rv_wg_add(&wg, N);
    for (int i = 0; i < N; i++) rv_go(work, (void *)(intptr_t)i);
    rv_lock_row rows[2 * N];
    rv_locks_snapshot(rows, 2 * N);
    rv_wg_wait(&wg);
    if (written != N * EACH / 2) abort();
}
