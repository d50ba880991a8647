// 3.1: each CPU has a goroutine that computes and pauses by turns, to be looked at by a profiler.
//
// The mistakes: the server is announced before anybody knows whether it can listen, and it is never ended. The mend: vars.h.
#include "vars.h"

static int rounds;

static void task(void)
{
    for (int i = 0; i < 1000000; i++) {
        int square = (int)((unsigned)i * (unsigned)i);
        STEP(square);
    }
}

static void work(void *none)
{
    (void)none;
    for (int j = 0; j < rounds; j++) {
        task();
        rv_sleep(MILLISECOND);
    }
}

static int demo(int argc, char **argv)
{
    static struct vars vars = {.port = mended ? 0 : 6060};
    rounds = how_many(argc, argv, 1000);
    printf("=== CPU ===\n");
    vars_start(&vars);
    printf("computing\n");
    rv_waitgroup wg = {0};
    for (int i = 0; i < rv_num_cpu(); i++) rv_wg_go(&wg, work, NULL);
    rv_wg_wait(&wg);
    printf("computed\n");
    vars_stop(&vars);
    return 0;
}

SEED_MAIN(demo)
