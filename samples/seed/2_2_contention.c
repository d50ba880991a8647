// 2.2: a hundred goroutines count to ten thousand each: under one mutex, under one of 16, and by an atomic.
//
// The mistakes: the parts of the sharded counter lie side by side, so that they share cache lines; the clock chooses the part, which costs more
// than the lock; and nobody looks whether the numbers are right. The mend: rv_counter, which has a part for each P, and the sums are printed.
#include "seed.h"

enum { GOROUTINES = 100, SHARDS = 16 };
static int increments;

static struct {
    rv_mutex mutex;
    int64_t value;
} normal;
static struct {
    rv_mutex mutexes[SHARDS];
    int64_t shards[SHARDS];
} sharded;
static rv_counter counter;
static int64_t atomic;

static void count_normal(void *none)
{
    (void)none;
    for (int j = 0; j < increments; j++) {
        rv_mutex_lock(&normal.mutex);
        normal.value++;
        rv_mutex_unlock(&normal.mutex);
    }
}

static void increment_sharded(void)
{
    const int shard = (int)(rv_now() % SHARDS);
    rv_mutex_lock(&sharded.mutexes[shard]);
    sharded.shards[shard]++;
    rv_mutex_unlock(&sharded.mutexes[shard]);
}

static void count_sharded(void *none)
{
    (void)none;
    for (int j = 0; j < increments; j++) {
        if (mended)
            rv_counter_add(&counter, 1);
        else
            increment_sharded();
    }
}

static void count_atomic(void *none)
{
    (void)none;
    for (int j = 0; j < increments; j++) __atomic_fetch_add(&atomic, 1, __ATOMIC_SEQ_CST);
}

static double time_of(rv_fn *fn)
{
    rv_waitgroup wg = {0};
    const int64_t start = rv_now();
    for (int i = 0; i < GOROUTINES; i++) rv_wg_go(&wg, fn, NULL);
    rv_wg_wait(&wg);
    return ms_since(start);
}

static int demo(int argc, char **argv)
{
    increments = how_many(argc, argv, 10000);
    printf("=== contention ===\n");
    const double with_mutex = time_of(count_normal), with_shards = time_of(count_sharded),
                 with_atomic = time_of(count_atomic);
    printf("one mutex: %.3fms\nshards: %.3fms\natomic: %.3fms\n", with_mutex, with_shards, with_atomic);
    printf("shards are %.2fx as fast\n", with_mutex / with_shards);
    printf("the atomic is %.2fx as fast\n", with_mutex / with_atomic);
    if (mended) printf("sums: %" PRId64 " %" PRId64 " %" PRId64 "\n", normal.value, rv_counter_value(&counter), atomic);
    rv_counter_free(&counter);
    return 0;
}

SEED_MAIN(demo)
