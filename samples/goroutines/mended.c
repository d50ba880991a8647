// Ten thousand goroutines work a little, and say over a channel that they are done. (Needs -lravel_go.)
//
// The mend: the result is in the message, and only the main goroutine counts. What a goroutine did before it sent happens
// before what the receiver does with it, so nothing else is shared.
#include <ravel.h>
#include <stdint.h>
#include <stdio.h>

enum { GOROUTINES = 10000 };

static rv_chan *done; // has room for everybody: no send waits

static void work(void *id)
{
    const int64_t doubled = 2 * (int64_t)(intptr_t)id;
    rv_chan_send(done, &doubled);
}

static int demo(int argc, char **argv)
{
    (void)argc, (void)argv;
    done = RV_CHAN(int64_t, GOROUTINES);
    for (int i = 0; i < GOROUTINES; i++) rv_go(work, (void *)(intptr_t)i);
    int64_t finished = 0, sum = 0;
    while (finished < GOROUTINES) {
        int64_t doubled;
        rv_chan_recv(done, &doubled);
        sum += doubled;
        finished++;
    }
    rv_chan_free(done);
    printf("%jd of %d finished, sum %jd\n", (intmax_t)finished, GOROUTINES, (intmax_t)sum);
    return 0;
}

RV_MAIN(demo)
