// 5.1, driven otherwise: two goroutines get the same future.
//
// The race detector finds `completed` at the marked lines of future.h. If both wait already, one of them waits for ever: "all goroutines are
// asleep", which says what it waits for. With the mend both have the result, and so has main, who only tries.
#include "future.h"

static struct result answer(void *none)
{
    (void)none;
    rv_sleep(100 * MILLISECOND);
    return (struct result){.value = "42"};
}

static void getter(void *future)
{
    const struct result r = future_get(future);
    printf("got %s\n", r.error ? r.error : r.value);
}

static int demo(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct future *f = async_execute(answer, NULL);
    struct result r;
    rv_waitgroup wg = {0};
    for (int i = 0; i < 2; i++) rv_wg_go(&wg, getter, f);
    rv_wg_wait(&wg);
    printf("main got %s\n", future_try_get(f, &r) ? r.value : "nothing");
    future_free(f);
    return 0;
}

SEED_MAIN(demo)
