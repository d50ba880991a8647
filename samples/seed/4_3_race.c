// 4.3: a hundred goroutines count to a hundred each: without a lock, with one, and by an atomic.
//
// The mistake, which is the original's purpose: the first is a race between the two marked lines, and the number is too low. The mend counts
// under the lock.
#include "seed.h"

struct counter {
    rv_mutex mu;
    int64_t value;
};

static void increment_unsafe(struct counter *c)
{
    const int64_t current = c->value; // race
    rv_sleep(1);
    c->value = current + 1; // race
}

static void increment_safe(struct counter *c)
{
    rv_mutex_lock(&c->mu);
    c->value++;
    rv_mutex_unlock(&c->mu);
}

static void increment_atomic(struct counter *c) { __atomic_fetch_add(&c->value, 1, __ATOMIC_SEQ_CST); }

static void count_unsafe(void *c)
{
    for (int j = 0; j < 100; j++) {
        if (mended)
            increment_safe(c);
        else
            increment_unsafe(c);
    }
}

static void count_safe(void *c)
{
    for (int j = 0; j < 100; j++) increment_safe(c);
}

static void count_atomic(void *c)
{
    for (int j = 0; j < 100; j++) increment_atomic(c);
}

static void compare(const char *what, rv_fn *count)
{
    rv_waitgroup wg = {0};
    struct counter counter = {0};
    const int64_t start = rv_now();
    for (int i = 0; i < 100; i++) rv_wg_go(&wg, count, &counter);
    rv_wg_wait(&wg);
    printf("%s: expected 10000, got %" PRId64 ", in %.3fms\n", what, counter.value, ms_since(start));
}

static int demo(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("=== a race ===\n");
    compare("without a lock", count_unsafe);
    compare("with a lock", count_safe);
    compare("by an atomic", count_atomic);
    return 0;
}

SEED_MAIN(demo)
