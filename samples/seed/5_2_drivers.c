// 5.2, driven otherwise. Main stays for five seconds, and an argument says how:
//
//   alive   as 5.2: all ten come, and everybody ends. That main went too early was all
//   slow    the work takes longer than the pause between two numbers: "fatal error: send on closed channel" has the worker's stack
//   fast    no pauses, and a subscriber only: some of the twenty are lost; the count tells
//   unread  nobody subscribes to what four thousand become: the stages never end; leftover=report lists them
//
// The mended ones get all, and end; of what nobody reads they are told by main, who cancels it.
#include "stream.h"

static int64_t pause_ns = 100 * MILLISECOND, work_ns = 50 * MILLISECOND;
static int numbers = 20, count;
static rv_waitgroup producer;

static bool even(void *v) { return (intptr_t)v % 2 == 0; }
static void *squared(void *v) { return (void *)((intptr_t)v * (intptr_t)v); }
static void receive(void *v) { __atomic_fetch_add(&count, v != NULL, __ATOMIC_RELAXED); }

static void *worked_on(void *v)
{
    rv_sleep(work_ns);
    return v;
}

static void produce(void *stream)
{
    for (intptr_t i = 1; i <= numbers; i++) {
        stream_send(stream, (void *)i);
        rv_sleep(pause_ns);
    }
    stream_close(stream);
}

static void drive(const char *how)
{
    struct stream *stream = stream_new();
    if (strcmp(how, "slow") == 0) work_ns = 250 * MILLISECOND;
    if (strcmp(how, "fast") == 0) {
        pause_ns = 0;
        stream_subscribe(stream, receive);
    } else {
        struct stream *last = stream_parallel_map(stream_map(stream_filter(stream, even), squared), worked_on, 3);
        if (strcmp(how, "unread") != 0)
            stream_subscribe(last, receive);
        else
            numbers = 4000, pause_ns = work_ns = 0;
    }
    rv_wg_go(&producer, produce, stream);
}

static int demo(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "alive";
    drive(how);
    rv_sleep(5 * SECOND);
    if (mended && strcmp(how, "unread") == 0) streams_cancel();
    if (mended) rv_wg_wait(&producer);
    streams_end();
    printf("%s: %d came\n", how, __atomic_load_n(&count, __ATOMIC_RELAXED));
    return 0;
}

SEED_MAIN(demo)
