// norace_locals.c: what a goroutine keeps by a key is its own, and its destructor runs in that goroutine, wherever it was locked and whose
// memory it gets; destructors and deferred functions come after all that their goroutine did.
#include "gorace.h"

enum { N = 100 };
static rv_key key;
static rv_waitgroup wg;
static void destroy(void *value)
{
    int *const mine = value;
    if (mine[0] != mine[1]) abort();
    free(mine);
    rv_wg_done(&wg);
}
static void deferred(void *value) { ((int *)value)[1]++; }
static void user(void *arg)
{
    int *const mine = malloc(2 * sizeof *mine);
    mine[0] = 1 + (int)(intptr_t)arg;
    rv_lock_os_thread();
    rv_set(key, mine);
    rv_gosched();
    ((int *)rv_get(key))[1] = (int)(intptr_t)arg;
    rv_unlock_os_thread();
    rv_defer(deferred, mine);
    rv_gosched();
}
static void body(void *arg)
{
    (void)arg;
    if (rv_key_create(&key, destroy)) abort();
    rv_wg_add(&wg, N);
    for (int i = 0; i < N; i++) rv_go(user, (void *)(intptr_t)i);
    rv_wg_wait(&wg);
}
