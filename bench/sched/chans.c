// chans.c: channels between goroutines, and within one.
#include "bench/sched/gobench.h"

struct traffic {
    rv_chan *ch;
    rv_waitgroup producers, consumers;
    _Atomic int64_t total;
    long items; // of each producer
};

static void consume(void *p)
{
    struct traffic *t = p;
    int64_t sum = 0, v;
    while (rv_chan_recv(t->ch, &v)) sum += v;
    atomic_fetch_add(&t->total, sum);
    rv_wg_done(&t->consumers);
}

static void produce(void *p)
{
    struct traffic *t = p;
    const int64_t one = 1;
    for (long i = 0; i < t->items; i++) rv_chan_send(t->ch, &one);
    rv_wg_done(&t->producers);
}

static void carry(const char *name, long n, size_t capacity, int producers, int consumers)
{
    struct traffic t = {.ch = RV_CHAN(int64_t, capacity), .items = n / producers};
    rv_wg_add(&t.producers, producers);
    rv_wg_add(&t.consumers, consumers);
    const int64_t start = rv_now();
    for (int k = 0; k < consumers; k++) rv_go(consume, &t);
    for (int k = 0; k < producers; k++) rv_go(produce, &t);
    rv_wg_wait(&t.producers);
    rv_chan_close(t.ch);
    rv_wg_wait(&t.consumers);
    const int64_t ns = rv_now() - start;
    const long total = atomic_load(&t.total);
    expect(total == n / producers * producers, name);
    reportf(name, total, ns, "mops=%.2f", (double)total * 1000 / (double)ns);
    rv_chan_free(t.ch);
}

static void unbuf(long n) { carry("unbuf", n, 0, 1, 1); }
static void buf128(long n) { carry("buf128", n, 128, 1, 1); }
static void mpmc(long n) { carry("mpmc", n, 128, 4, 4); }
static void mpmc0(long n) { carry("mpmc0", n, 0, 4, 4); }

struct table_tennis {
    rv_chan *there, *back;
};

static void return_balls(void *p)
{
    const struct table_tennis *t = p;
    for (int64_t v; rv_chan_recv(t->there, &v);) {
        v++;
        rv_chan_send(t->back, &v);
    }
    rv_chan_close(t->back);
}

static void pingpong(long n)
{
    struct table_tennis t = {RV_CHAN(int64_t, 0), RV_CHAN(int64_t, 0)};
    rv_go(return_balls, &t);
    int64_t v = 0;
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++) {
        rv_chan_send(t.there, &v);
        rv_chan_recv(t.back, &v);
    }
    const int64_t ns = rv_now() - start;
    rv_chan_close(t.there);
    expect(v == n && !rv_chan_recv(t.back, &v), "pingpong");
    report("pingpong", n, ns);
    rv_chan_free(t.there);
    rv_chan_free(t.back);
}

static void chan_uncont(long n)
{
    rv_chan *ch = RV_CHAN(int64_t, 1);
    const int64_t start = rv_now();
    for (int64_t i = 0; i < n; i++) {
        rv_chan_send(ch, &i);
        rv_chan_recv(ch, NULL);
    }
    report("chan_uncont", n, rv_now() - start);
    rv_chan_free(ch);
}

enum { RING = 1000 };
struct link {
    rv_chan *in, *out, *done;
};

static void pass_on(void *p)
{
    const struct link l = *(const struct link *)p;
    for (;;) {
        int64_t v;
        rv_chan_recv(l.in, &v);
        if (v == 0) break;
        v--;
        rv_chan_send(l.out, &v);
    }
    rv_chan_close(l.done);
}

// The links and channels stay: all goroutines but one wait at them for ever.
static void ring(long n)
{
    struct link *links = allocate(RING, sizeof links[0]);
    rv_chan *done = rv_chan_make(0, 0), *first = RV_CHAN(int64_t, 0), *in = first;
    for (int i = 0; i < RING; i++) {
        links[i] = (struct link){in, i == RING - 1 ? first : RV_CHAN(int64_t, 0), done};
        in = links[i].out;
        rv_go(pass_on, &links[i]);
    }
    const int64_t hops = n, start = rv_now();
    rv_chan_send(first, &hops);
    rv_chan_recv(done, NULL);
    report("ring", n, rv_now() - start);
}

struct filter {
    rv_chan *in, *out;
    int64_t prime;
};

static void generate(void *out)
{
    for (int64_t i = 2;; i++) rv_chan_send(out, &i);
}

static void strain(void *p)
{
    const struct filter f = *(const struct filter *)p;
    for (;;) {
        int64_t v;
        rv_chan_recv(f.in, &v);
        if (v % f.prime != 0) rv_chan_send(f.out, &v);
    }
}

static long transfers(const struct filter *filters, long n)
{
    long hops = 0;
    for (int64_t i = 2; i <= filters[n - 1].prime; i++)
        for (long k = 0; k < n; k++) {
            hops++;
            if (i % filters[k].prime == 0) break;
        }
    return hops;
}

// Filters and channels stay here, too.
static void sieve(long n)
{
    struct filter *filters = allocate((size_t)n, sizeof filters[0]);
    const int64_t start = rv_now();
    rv_chan *in = RV_CHAN(int64_t, 0);
    rv_go(generate, in);
    for (long i = 0; i < n; i++) {
        filters[i].in = in;
        rv_chan_recv(in, &filters[i].prime);
        in = filters[i].out = RV_CHAN(int64_t, 0);
        rv_go(strain, &filters[i]);
    }
    const int64_t ns = rv_now() - start;
    reportf("sieve", transfers(filters, n), ns, "ms=%ld last=%ld", (long)(ns / MS), (long)filters[n - 1].prime);
}

enum { WAYS = 4 };
struct feeder {
    rv_chan *ch;
    long items;
};
static void feed(void *p)
{
    const struct feeder *f = p;
    const int64_t one = 1;
    for (long i = 0; i < f->items; i++) rv_chan_send(f->ch, &one);
}
static void select_among(const char *name, long n, size_t capacity)
{
    struct feeder f[WAYS];
    for (int i = 0; i < WAYS; i++) {
        f[i] = (struct feeder){RV_CHAN(int64_t, capacity), n / WAYS};
        rv_go(feed, &f[i]);
    }
    int64_t sum = 0, v = 0;
    const int64_t start = rv_now();
    for (long k = 0; k < n / WAYS * WAYS; k++) {
        rv_case c[] = {RV_RECV(f[0].ch, &v), RV_RECV(f[1].ch, &v), RV_RECV(f[2].ch, &v), RV_RECV(f[3].ch, &v)};
        rv_select(c, WAYS, 0);
        sum += v;
    }
    report(name, n, rv_now() - start);
    expect(sum == n / WAYS * WAYS, name);
    for (int i = 0; i < WAYS; i++) rv_chan_free(f[i].ch);
}
static void select4(long n) { select_among("select4", n, 0); }
static void select4buf(long n) { select_among("select4buf", n, 128); }
static void select_default(long n)
{
    rv_chan *a = RV_CHAN(int64_t, 0), *b = RV_CHAN(int64_t, 0);
    long misses = 0;
    const int64_t start = rv_now();
    for (long i = 0; i < n; i++)
        misses += rv_select((rv_case[]){RV_RECV(a, NULL), RV_RECV(b, NULL)}, 2, RV_SELECT_DEFAULT) < 0;
    report("select_default", n, rv_now() - start);
    expect(misses == n, "select_default");
    rv_chan_free(a);
    rv_chan_free(b);
}

static const struct bench benches[] = {
    {"pingpong", 1000000, "unbuffered ping-pong over two channels: ns per round trip (2 hand-overs)", pingpong},
    {"unbuf", 2000000, "unbuffered producer/consumer: ns per item", unbuf},
    {"buf128", 10000000, "channel of 128, one producer and one consumer: ns per item", buf128},
    {"mpmc", 4000000, "channel of 128, 4 producers and 4 consumers: ns per item", mpmc},
    {"mpmc0", 2000000, "unbuffered channel, 4 producers and 4 consumers: ns per item", mpmc0},
    {"chan_uncont", 10000000, "one goroutine: send then receive on a channel of 1: ns per pair", chan_uncont},
    {"ring", 1000000, "ring of 1000 goroutines, n hops of one token: ns per hop", ring},
    {"sieve", 3000, "concurrent prime sieve, first n primes: ns per channel transfer", sieve},
    {"select4", 1000000, "select over 4 unbuffered channels with 4 producers: ns per item", select4},
    {"select4buf", 2000000, "select over 4 channels of 128 with 4 producers: ns per item", select4buf},
    {"select_default", 20000000, "select over 2 empty channels with default: ns per poll", select_default},
};
const struct bench_table chan_table = {benches, COUNT_OF(benches)};
