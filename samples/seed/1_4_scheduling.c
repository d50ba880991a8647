// 1.4: a thousand goroutines compute; some of them let others run.
//
// The mistake: as in 1.2, what is done is not over: wg.Done comes before the goroutine's end, and the last number is not always 1. The mend
// waits for that.
#include "seed.h"

static rv_waitgroup wg;

static void work(void *id)
{
    int result = 0;
    for (int j = 0; j < 1000; j++) {
        result += j;
        STEP(result);
    }
    if ((intptr_t)id % 100 == 0) rv_gosched();
}

static int demo(int argc, char **argv)
{
    const int n = how_many(argc, argv, 1000);
    printf("=== GMP at work ===\n");
    printf("GOMAXPROCS: %d\nNumCPU: %d\nNumGoroutine: %" PRId64 "\n", rv_gomaxprocs(0), rv_num_cpu(),
           rv_num_goroutine());
    const int64_t start = rv_now();
    for (int i = 0; i < n; i++) rv_wg_go(&wg, work, (void *)(intptr_t)i);
    rv_wg_wait(&wg);
    printf("%d goroutines were scheduled in %.3fms\n", n, ms_since(start));
    if (mended) only_main_is_left();
    printf("goroutines at the end: %" PRId64 "\n", rv_num_goroutine());
    return 0;
}

SEED_MAIN(demo)
