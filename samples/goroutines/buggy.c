// Ten thousand goroutines work a little, and say over a channel that they are done. (Needs -lravel_go.)
//
// The bug: they also count themselves, in a variable that all share. The channel orders each goroutine before the main one,
// but no two of them with each other: their increments meet, and some are lost, whether they run on one P or on many.
#include <ravel.h>
#include <stdint.h>
#include <stdio.h>

enum { GOROUTINES = 10000 };

static rv_chan *done; // has room for everybody: no send waits
static int64_t finished, sum;

static void work(void *id)
{
    sum += 2 * (int64_t)(intptr_t)id; // race: SUM
    finished++;                       // race: COUNT
    rv_chan_send(done, NULL);
}

static int demo(int argc, char **argv)
{
    (void)argc, (void)argv;
    done = rv_chan_make(0, GOROUTINES);
    for (int i = 0; i < GOROUTINES; i++) rv_go(work, (void *)(intptr_t)i);
    for (int i = 0; i < GOROUTINES; i++) rv_chan_recv(done, NULL);
    rv_chan_free(done);
    printf("%jd of %d finished, sum %jd\n", (intmax_t)finished, GOROUTINES, (intmax_t)sum);
    return 0;
}

RV_MAIN(demo)
