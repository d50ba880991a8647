// 1.2: ten thousand goroutines do next to nothing, and say over a channel that they are done.
//
// The mistake: who has sent has not ended yet, so the number of goroutines that is printed last is anything from 1 up. (And it imports a
// package that it does not use, which Go refuses.) The mend: wait until only the main goroutine is left.
#include "seed.h"

enum { GOROUTINES = 10000 };
static rv_chan *done;

static void work(void *id)
{
    const int64_t doubled = (int64_t)(intptr_t)id * 2;
    USE(doubled);
    const bool yes = true;
    rv_send(done, &yes);
}

static int demo(int argc, char **argv)
{
    const int n = how_many(argc, argv, GOROUTINES);
    printf("=== characteristics of GMP ===\n");
    printf("GOMAXPROCS: %d\nNumCPU: %d\nNumGoroutine: %" PRId64 "\n", rv_gomaxprocs(0), rv_num_cpu(),
           rv_num_goroutine());
    done = RV_CHAN(bool, n);
    for (int i = 0; i < n; i++) rv_go(work, (void *)(intptr_t)i);
    for (int i = 0; i < n; i++) rv_chan_recv(done, NULL);
    if (mended) only_main_is_left();
    printf("%d goroutines were scheduled\ngoroutines now: %" PRId64 "\n", n, rv_num_goroutine());
    rv_chan_free(done);
    return 0;
}

SEED_MAIN(demo)
