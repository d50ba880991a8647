// 5.2: twenty numbers go through a pipeline: the even ones are kept, squared, and worked on by three at once.
//
// The mistake that shows as it is driven here: to subscribe is to start a goroutine, and main waits until it was started. So it ends before
// the first result comes, and leaves everybody behind; leftover=report lists them. The other mistakes are stream_faithful.h's; 5_2_drivers.c
// brings them out. The mend is stream_mended.h, and to wait for the end.
#include "stream.h"

static rv_waitgroup producer;
static int count;

static bool even(void *v) { return (intptr_t)v % 2 == 0; }
static void *squared(void *v) { return (void *)((intptr_t)v * (intptr_t)v); }

static void *worked_on(void *v)
{
    rv_sleep(50 * MILLISECOND);
    char *text = malloc(32);
    snprintf(text, 32, "processed_%jd", (intmax_t)(intptr_t)v);
    return text;
}

static void receive(void *text)
{
    printf("received: %s (number %d)\n", (char *)text, ++count);
    free(text);
}

static void produce(void *stream)
{
    for (intptr_t i = 1; i <= 20; i++) {
        stream_send(stream, (void *)i);
        rv_sleep(100 * MILLISECOND);
    }
    stream_close(stream);
}

static int demo(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("=== streams ===\n");
    struct stream *stream = stream_new();
    rv_wg_go(&producer, produce, stream);
    stream_subscribe(stream_parallel_map(stream_map(stream_filter(stream, even), squared), worked_on, 3), receive);
    if (mended) rv_wg_wait(&producer);
    streams_end();
    printf("the stream is processed\n");
    return 0;
}

SEED_MAIN(demo)
