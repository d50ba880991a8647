// stress.c: rounds of random acts until their number, or the time, is over (stress.h says what a round is).
//
//     stress [--seed N] [--rounds N]     N rounds; the first has this seed, each next one a seed more
//     stress --minutes N                 the soak: rounds for N minutes, with the memory at intervals
//
//     --alone                            without plain threads: when these come, sched=seed has no say in
//
// A failure prints the round's seed, and ends with 1. The soak fails as well when memory grows: the most that it ever had at
// the end of a round after the first third may be a tenth, and 2 MiB, above the most of the first third.
#include "tests/runtime/stress/stress.h"

#include <getopt.h>
#include <unistd.h>

static uint64_t current_seed;
bool alone;

_Noreturn void failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "stress: seed %ju: %s:%d: %s\n", (uintmax_t)current_seed, file, line, what);
    fflush(stderr);
    _exit(1);
}

uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void be_actor(void *p)
{
    struct actor a = *(const struct actor *)p;
    free(p);
    while (a.steps-- > 0) act(&a);
    get(a.round, GOROUTINES, rv_goid());
    rv_wg_done(&a.round->actors);
}

void start_actor(struct round *r, uint64_t random, int steps, int generation)
{
    struct actor *a = malloc(sizeof *a);
    EXPECT(a);
    *a = (struct actor){r, random, steps, generation};
    rv_wg_add(&r->actors, 1);
    give(r, GOROUTINES, rv_go(be_actor, a));
}

struct consumer {
    struct round *round;
    rv_chan *ch;
};

static void consume(void *p)
{
    const struct consumer c = *(const struct consumer *)p;
    for (uint64_t token; rv_chan_recv(c.ch, &token);) {
        get(c.round, TOKENS, token);
        if (token % 32 == 0) rv_gosched();
        if (token % 256 == 1) rv_sleep(100000);
    }
    rv_wg_done(&c.round->consumers);
}

static void balance(const struct round *r)
{
    static const char *const names[] = {"tokens", "goroutines", "timers", "bytes", "replies"};
    for (int i = 0; i < ACCOUNTS; i++) {
        const struct account *a = &r->ledger[i];
        const uint64_t n = atomic_load(&a->given.count), m = atomic_load(&a->got.count);
        if (n != m) fprintf(stderr, "stress: %ju %s given, %ju got\n", (uintmax_t)n, names[i], (uintmax_t)m);
        EXPECT(n == m);
        EXPECT(atomic_load(&a->given.sum) == atomic_load(&a->got.sum));
    }
}

void run_round(struct round *r)
{
    struct consumer consumers[CHANNELS];
    uint64_t random = r->seed;
    current_seed = r->seed;
    rv_wg_add(&r->consumers, CHANNELS * CONSUMERS);
    for (int i = 0; i < CHANNELS; i++) {
        r->channels[i] = RV_CHAN(uint64_t, next_random(&random) % 8);
        consumers[i] = (struct consumer){r, r->channels[i]};
        for (int k = 0; k < CONSUMERS; k++) rv_go(consume, &consumers[i]);
    }
    for (int i = 0; i < ACTORS; i++) start_actor(r, next_random(&random), STEPS, 0);
    rv_wg_wait(&r->actors);
    for (int i = 0; i < CHANNELS; i++) rv_chan_close(r->channels[i]);
    rv_wg_wait(&r->consumers);
    for (int i = 0; i < CHANNELS; i++) rv_chan_free(r->channels[i]);
    balance(r);
}

struct options {
    uint64_t seed;
    long rounds, minutes;
};

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {{"seed", required_argument, NULL, 's'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"minutes", required_argument, NULL, 'm'},
                                          {"alone", no_argument, NULL, 'a'},
                                          {0}};
    struct options o = {.seed = 1, .rounds = 5};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 's') o.seed = strtoull(optarg, NULL, 0);
        if (c == 'r') o.rounds = atol(optarg);
        if (c == 'm') o.minutes = atol(optarg);
        if (c == 'a') alone = true;
        if (c == '?') exit(2);
    }
    return o;
}

static void one_round(uint64_t seed, int port)
{
    struct round *r = calloc(1, sizeof *r);
    EXPECT(r);
    r->seed = seed;
    r->port = port;
    run_round(r);
    free(r);
}

static int by_count(const struct options *o, int port)
{
    printf("seeds %ju to %ju\n", (uintmax_t)o->seed, (uintmax_t)(o->seed + (uint64_t)o->rounds - 1));
    fflush(stdout);
    for (long i = 0; i < o->rounds; i++) one_round(o->seed + (uint64_t)i, port);
    printf("%ju steps, as they should be\n", (uintmax_t)atomic_load(&steps_done));
    return 0;
}

static long larger(long a, long b) { return a > b ? a : b; }

static int by_time(const struct options *o, int port)
{
    const int64_t start = rv_now(), all = o->minutes * 60 * INT64_C(1000000000), interval = all / 30;
    long early = 0, late = 0;
    int64_t next = 0;
    for (uint64_t seed = o->seed;; seed++) {
        one_round(seed, port);
        const int64_t t = rv_now() - start;
        const long rss = rss_kib();
        if (t < all / 3)
            early = larger(early, rss);
        else
            late = larger(late, rss);
        if (t >= next) {
            printf("%4jd s, seed %ju: %ju steps, %ld KiB, %jd goroutines\n", (intmax_t)(t / 1000000000),
                   (uintmax_t)seed, (uintmax_t)atomic_load(&steps_done), rss, (intmax_t)rv_num_goroutine());
            fflush(stdout);
            next += interval;
        }
        if (t >= all) break;
    }
    const bool flat = late <= early + early / 10 + 2048;
    printf("at most %ld KiB in the first third, %ld KiB later: %s\n", early, late, flat ? "flat" : "it grows");
    return flat ? 0 : 1;
}

static int stress(int argc, char **argv)
{
    const struct options o = parse(argc, argv);
    start_watchdog();
    const int port = start_echo_server();
    const int result = o.minutes ? by_time(&o, port) : by_count(&o, port);
    stop_echo_server();
    return result;
}

RV_MAIN(stress)
