// any.c: atomic objects of sizes that have no instruction order what C11 says they order.
//
// "publish": a value of 3, 16, 32 or 40 bytes is stored with release and read with acquire until it is there; what was
// written before is read after. Nothing to report. "race": the same with relaxed order, which must be reported,
// although the run is the same. Both also compute: exchanges and compare-exchanges that threads repeat get not lost.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct s3 {
    char c[3];
};
struct s16 {
    long a, b;
};
struct s32 {
    long x[4];
};
struct s40 {
    long x[5];
};
enum { TIMES = 300 };

#define PUBLISH(n, member)                                                                                             \
    static _Atomic struct s##n flag_##n;                                                                               \
    static int plain_##n, order_store_##n, order_load_##n;                                                             \
    static void *publish_##n(void *arg)                                                                                \
    {                                                                                                                  \
        struct s##n v = {0};                                                                                           \
        v.member = 1;                                                                                                  \
        plain_##n = 42;                                                                                                \
        if (order_store_##n == memory_order_release)                                                                   \
            atomic_store_explicit(&flag_##n, v, memory_order_release);                                                 \
        else                                                                                                           \
            atomic_store_explicit(&flag_##n, v, memory_order_relaxed);                                                 \
        return arg;                                                                                                    \
    }                                                                                                                  \
    static struct s##n seen_##n(void)                                                                                  \
    {                                                                                                                  \
        if (order_load_##n == memory_order_acquire) return atomic_load_explicit(&flag_##n, memory_order_acquire);      \
        return atomic_load_explicit(&flag_##n, memory_order_relaxed);                                                  \
    }                                                                                                                  \
    static int consume_##n(int race)                                                                                   \
    {                                                                                                                  \
        pthread_t t;                                                                                                   \
        order_store_##n = race ? memory_order_relaxed : memory_order_release;                                          \
        order_load_##n = race ? memory_order_relaxed : memory_order_acquire;                                           \
        pthread_create(&t, NULL, publish_##n, NULL);                                                                   \
        while (!seen_##n().member) {}                                                                                  \
        const int got = plain_##n;                                                                                     \
        pthread_join(t, NULL);                                                                                         \
        return got == 42;                                                                                              \
    }
#define COUNT(n, member)                                                                                               \
    static _Atomic struct s##n count_##n;                                                                              \
    static void *add_##n(void *arg)                                                                                    \
    {                                                                                                                  \
        for (int i = 0; i < TIMES; i++) {                                                                              \
            struct s##n old = atomic_load(&count_##n), next;                                                           \
            do {                                                                                                       \
                next = old;                                                                                            \
                next.member++;                                                                                         \
            } while (!atomic_compare_exchange_weak(&count_##n, &old, next));                                           \
        }                                                                                                              \
        return arg;                                                                                                    \
    }                                                                                                                  \
    static int counts_##n(void)                                                                                        \
    {                                                                                                                  \
        struct s##n zero = {0}, want = {0};                                                                            \
        atomic_store(&count_##n, zero);                                                                                \
        pthread_t t;                                                                                                   \
        pthread_create(&t, NULL, add_##n, NULL);                                                                       \
        add_##n(NULL);                                                                                                 \
        pthread_join(t, NULL);                                                                                         \
        for (int i = 0; i < 2 * TIMES; i++) want.member++;                                                             \
        const struct s##n got = atomic_exchange(&count_##n, zero), none = atomic_load(&count_##n);                     \
        return memcmp(&got, &want, sizeof got) == 0 && memcmp(&none, &zero, sizeof none) == 0;                         \
    }
PUBLISH(3, c[2])
PUBLISH(16, b)
PUBLISH(32, x[3])
PUBLISH(40, x[4])
// Not 3: a compare-exchange of a padded structure compares its padding, and may fail for ever.
COUNT(16, b)
COUNT(32, x[3])
COUNT(40, x[4])

int main(int argc, char **argv)
{
    const int race = argc > 1 && strcmp(argv[1], "race") == 0;
    const int right = consume_3(race) && consume_16(race) && consume_32(race) && consume_40(race) && counts_16() &&
                      counts_32() && counts_40();
    puts(right ? "as stored" : "failed");
    return !right;
}
