// 2.1: the same work with 1 and 2 Ps, with as many as there are CPUs, and with twice as many.
//
// The mistake: with one or two CPUs the same number is measured twice, and the first measurement pays for making threads and stacks, which
// the others find made. The mend: each number once, after a round that does not count.
#include "seed.h"

enum { ITERATIONS = 100000 };
static int tasks;

static void work(void *none)
{
    (void)none;
    int result = 0;
    for (int j = 0; j < ITERATIONS; j++) {
        result += j & 7;
        STEP(result);
    }
}

static double round_of(int procs)
{
    rv_waitgroup wg = {0};
    rv_gomaxprocs(procs);
    const int64_t start = rv_now();
    for (int i = 0; i < tasks; i++) rv_wg_go(&wg, work, NULL);
    rv_wg_wait(&wg);
    return ms_since(start);
}

static int demo(int argc, char **argv)
{
    tasks = how_many(argc, argv, 1000);
    const int before = rv_gomaxprocs(0), cpus = rv_num_cpu(), procs[] = {1, 2, cpus, cpus * 2};
    printf("=== GOMAXPROCS ===\n");
    if (mended) round_of(cpus);
    int highest = 0;
    for (int i = 0; i < 4; i++) {
        if (mended && procs[i] <= highest) continue;
        highest = procs[i];
        printf("GOMAXPROCS=%d: %.3fms\n", procs[i], round_of(procs[i]));
    }
    rv_gomaxprocs(before);
    return 0;
}

SEED_MAIN(demo)
