// 4.1: prints figures of the runtime each second, while a hundred goroutines sleep.
//
// The mistake: main waits for them after ten seconds of printing only, and the last figures still count goroutines that are done and have not
// ended. The mend waits for that.
#include "seed.h"

static void print_metrics(void)
{
    rv_memstats m;
    rv_memstats_read(&m);
    printf("goroutines: %" PRId64 ", CPUs: %d, blocking calls: %" PRId64 ", GOMAXPROCS: %d, ", rv_num_goroutine(),
           rv_num_cpu(), rv_num_blocking_call(), rv_gomaxprocs(0));
    printf("Alloc: %" PRIu64 " KB, Sys: %" PRIu64 " KB, NumGC: %" PRIu64 "\n", m.alloc / 1024, m.sys / 1024, m.num_gc);
}

static void work(void *id) { rv_sleep((intptr_t)id % 10 * MILLISECOND); }

static int demo(int argc, char **argv)
{
    const int points = how_many(argc, argv, 10);
    rv_waitgroup wg = {0};
    printf("=== metrics ===\n");
    for (intptr_t i = 0; i < 100; i++) rv_wg_go(&wg, work, (void *)i);
    for (int i = 1; i <= points; i++) {
        printf("point %d: ", i);
        print_metrics();
        rv_sleep(SECOND);
    }
    rv_wg_wait(&wg);
    printf("all goroutines are done\n");
    if (mended) only_main_is_left();
    printf("at the end: ");
    print_metrics();
    return 0;
}

SEED_MAIN(demo)
