// norace_pool.c: a put happens before the get of the same object, and before what drops it; a pool's own threads and goroutines too.
#include "gorace.h"

enum { N = 40, EACH = 50 };
struct thing {
    int uses, users[N];
};
static int dropped;
static void *make(void *arg)
{
    (void)arg;
    return calloc(1, sizeof(struct thing));
}
static void drop(void *object, void *arg)
{
    struct thing *t = object;
    int *total = arg;
    for (int i = 0; i < N; i++) t->uses -= t->users[i];
    if (t->uses != 0) abort();
    (*total)++;
    free(t);
}
static rv_pool pool = RV_POOL_OF_SIZE(sizeof(struct thing), make, drop, &dropped);
static rv_waitgroup wg;

static void use(void *arg)
{
    const int i = (int)(intptr_t)arg;
    for (int k = 0; k < EACH; k++) {
        struct thing *a = rv_pool_get(&pool), *b = rv_pool_get(&pool);
        a->uses++, a->users[i]++;
        b->uses++, b->users[i]++;
        if (k % 8 == 0) rv_gosched();
        rv_pool_put(&pool, a);
        rv_pool_put(&pool, b);
    }
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_wg_add(&wg, N);
    for (int i = 0; i < N; i++) rv_go(use, (void *)(intptr_t)i);
    rv_wg_wait(&wg);
    rv_pool_drain(&pool);
    if (dropped == 0) abort();
}
