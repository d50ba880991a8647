// 3.3: five goroutines want one mutex, and sleep while they have it.
//
// The mistakes: the server's, as in 3.1; and the mutex is kept during the work and the printing, though neither needs it, so the five take as
// long as one after the other. The mend keeps it for a counter only.
#include "vars.h"

static rv_mutex mutex;
static int rounds, operations;

static void operate(int id, int j)
{
    rv_mutex_lock(&mutex);
    operations++;
    if (mended) rv_mutex_unlock(&mutex);
    printf("goroutine %d has the mutex, operation %d\n", id, j);
    rv_sleep(100 * MILLISECOND);
    if (!mended) rv_mutex_unlock(&mutex);
    printf("goroutine %d gave the mutex back, operation %d\n", id, j);
    rv_sleep(50 * MILLISECOND);
}

static void work(void *id)
{
    for (int j = 0; j < rounds; j++) operate((int)(intptr_t)id, j);
}

static int demo(int argc, char **argv)
{
    static struct vars vars = {.port = mended ? 0 : 6062};
    rounds = how_many(argc, argv, 10);
    printf("=== blocking ===\n");
    vars_start(&vars);
    printf("blocking\n");
    rv_waitgroup wg = {0};
    for (intptr_t i = 0; i < 5; i++) rv_wg_go(&wg, work, (void *)i);
    rv_wg_wait(&wg);
    printf("%d operations are done\n", operations);
    vars_stop(&vars);
    return 0;
}

SEED_MAIN(demo)
