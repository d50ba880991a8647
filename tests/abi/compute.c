// compute.c: every atomic entry computes what the operation means: 8 to 128 bits, every order that compilers may pass.
//
// The entries are called by their names, on random values, and compared with plain arithmetic; the bytes beside the
// object must stay. Then threads hammer one object of each width, and no operation may get lost. At last a signal
// handler that interrupts an atomic operation in its middle does atomic operations itself.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint8_t a8;
typedef uint16_t a16;
typedef uint32_t a32;
typedef uint64_t a64;
typedef unsigned __int128 a128;

#define DECLARE(n)                                                                                                     \
    a##n __tsan_atomic##n##_load(const volatile a##n *, int);                                                          \
    void __tsan_atomic##n##_store(volatile a##n *, a##n, int);                                                         \
    a##n __tsan_atomic##n##_exchange(volatile a##n *, a##n, int);                                                      \
    a##n __tsan_atomic##n##_fetch_add(volatile a##n *, a##n, int);                                                     \
    a##n __tsan_atomic##n##_fetch_sub(volatile a##n *, a##n, int);                                                     \
    a##n __tsan_atomic##n##_fetch_and(volatile a##n *, a##n, int);                                                     \
    a##n __tsan_atomic##n##_fetch_or(volatile a##n *, a##n, int);                                                      \
    a##n __tsan_atomic##n##_fetch_xor(volatile a##n *, a##n, int);                                                     \
    a##n __tsan_atomic##n##_fetch_nand(volatile a##n *, a##n, int);                                                    \
    int __tsan_atomic##n##_compare_exchange_strong(volatile a##n *, a##n *, a##n, int, int);                           \
    int __tsan_atomic##n##_compare_exchange_weak(volatile a##n *, a##n *, a##n, int, int);                             \
    a##n __tsan_atomic##n##_compare_exchange_val(volatile a##n *, a##n, a##n, int, int);
DECLARE(8)
DECLARE(16)
DECLARE(32)
DECLARE(64)
DECLARE(128)
void __tsan_atomic_thread_fence(int), __tsan_atomic_signal_fence(int);

static uint64_t state;
static uint64_t rnd(void) // splitmix64
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static a128 value(void) // all ones, zero and small ones too: carries from word to word
{
    const a128 v = (a128)rnd() << 64 | rnd();
    switch (rnd() % 6) {
    case 0: return ~(a128)0;
    case 1: return 0;
    case 2: return (uint64_t)-1;
    case 3: return v & 3;
    default: return v;
    }
}
// The orders as they are, with gcc's bits for __sync and lock elision, and what no order is.
static const int orders[] = {__ATOMIC_RELAXED,           __ATOMIC_CONSUME,
                             __ATOMIC_ACQUIRE,           __ATOMIC_RELEASE,
                             __ATOMIC_ACQ_REL,           __ATOMIC_SEQ_CST,
                             __ATOMIC_SEQ_CST | 1 << 15, __ATOMIC_ACQUIRE | 1 << 16,
                             __ATOMIC_RELEASE | 1 << 17, 77};
static int order(void) { return orders[rnd() % (sizeof orders / sizeof *orders)]; }

#define EXPECT(what, bits, cond)                                                                                       \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            printf("failed (seed %lu): atomic%d_%s: " #cond "\n", (unsigned long)seed, bits, what);                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
static uint64_t seed;

#define FETCH(n, name, result)                                                                                         \
    {                                                                                                                  \
        const a##n old = x.at[1] = (a##n)value(), v = (a##n)value();                                                   \
        const a##n got = __tsan_atomic##n##_##name(&x.at[1], v, order());                                              \
        EXPECT(#name, n, got == old && x.at[1] == (a##n)(result));                                                     \
    }
#define CAS(n, name)                                                                                                   \
    for (int fails = 0; fails < 2; fails++) {                                                                          \
        const a##n old = x.at[1] = (a##n)value(), v = (a##n)value();                                                   \
        a##n seen = fails ? (a##n)(old ^ (a##n)1 << rnd() % n) : old;                                                  \
        const int done = __tsan_atomic##n##_##name(&x.at[1], &seen, v, order(), order());                              \
        EXPECT(#name, n, done == !fails && seen == old && x.at[1] == (fails ? old : v));                               \
    }
#define WIDTH(n)                                                                                                       \
    static void compute_##n(void)                                                                                      \
    {                                                                                                                  \
        struct {                                                                                                       \
            _Alignas(16) a##n at[3];                                                                                   \
        } x;                                                                                                           \
        const a##n left = x.at[0] = (a##n)value(), right = x.at[2] = (a##n)value();                                    \
        for (int round = 0; round < 2000; round++) {                                                                   \
            x.at[1] = (a##n)value();                                                                                   \
            EXPECT("load", n, __tsan_atomic##n##_load(&x.at[1], order()) == x.at[1]);                                  \
            const a##n stored = (a##n)value();                                                                         \
            __tsan_atomic##n##_store(&x.at[1], stored, order());                                                       \
            EXPECT("store", n, x.at[1] == stored);                                                                     \
            FETCH(n, exchange, v)                                                                                      \
            FETCH(n, fetch_add, old + v)                                                                               \
            FETCH(n, fetch_sub, old - v)                                                                               \
            FETCH(n, fetch_and, old &v)                                                                                \
            FETCH(n, fetch_or, old | v)                                                                                \
            FETCH(n, fetch_xor, old ^ v)                                                                               \
            FETCH(n, fetch_nand, ~(old & v))                                                                           \
            CAS(n, compare_exchange_strong)                                                                            \
            CAS(n, compare_exchange_weak)                                                                              \
            const a##n old = x.at[1] = (a##n)value(), v = (a##n)value(), was = rnd() % 2 ? old : (a##n) ~old;          \
            const a##n got = __tsan_atomic##n##_compare_exchange_val(&x.at[1], was, v, order(), order());              \
            EXPECT("compare_exchange_val", n, got == old && x.at[1] == (was == old ? v : old));                        \
            EXPECT("neighbours", n, x.at[0] == left && x.at[2] == right);                                              \
        }                                                                                                              \
    }                                                                                                                  \
    static volatile a##n shared_##n __attribute__((aligned(16)));                                                      \
    static void hammer_##n(void)                                                                                       \
    {                                                                                                                  \
        for (int i = 0; i < TIMES; i++) {                                                                              \
            __tsan_atomic##n##_fetch_add(&shared_##n, (a##n)((a128)1 << n / 2), __ATOMIC_RELAXED);                     \
            __tsan_atomic##n##_fetch_sub(&shared_##n, 1, __ATOMIC_ACQ_REL);                                            \
            a##n seen = __tsan_atomic##n##_load(&shared_##n, __ATOMIC_ACQUIRE);                                        \
            while (!__tsan_atomic##n##_compare_exchange_weak(&shared_##n, &seen, (a##n)(seen + 5), __ATOMIC_SEQ_CST,   \
                                                             __ATOMIC_RELAXED)) {}                                     \
        }                                                                                                              \
    }                                                                                                                  \
    static void hammered_##n(void)                                                                                     \
    {                                                                                                                  \
        const a128 all = (a128)THREADS * TIMES;                                                                        \
        EXPECT("by four threads", n, shared_##n == (a##n)(all * ((a128)1 << n / 2) + all * 4));                        \
    }
enum { THREADS = 4, TIMES = 3000 };
WIDTH(8)
WIDTH(16)
WIDTH(32)
WIDTH(64)
WIDTH(128)

static void *hammer(void *arg)
{
    hammer_8(), hammer_16(), hammer_32(), hammer_64(), hammer_128();
    return arg;
}

// ---- libatomic's names ---------------------------------------------------------------------------------------------

void any_load(size_t, void *, void *, int) __asm__("__atomic_load");
void any_store(size_t, void *, void *, int) __asm__("__atomic_store");
void any_exchange(size_t, void *, void *, void *, int) __asm__("__atomic_exchange");
_Bool any_cas(size_t, void *, void *, void *, int, int) __asm__("__atomic_compare_exchange");
static void compute_any(void)
{
    unsigned char mem[80], was[80], in[80], out[80];
    for (int round = 0; round < 20000; round++) {
        const int n = (int)(rnd() % 40) + 1, at = (int)(rnd() % 20) + 1;
        for (int i = 0; i < 80; i++) mem[i] = was[i] = (unsigned char)rnd(), in[i] = (unsigned char)rnd(), out[i] = 0;
        any_load((size_t)n, mem + at, out, order());
        EXPECT("load, any", n, memcmp(out, was + at, (size_t)n) == 0 && out[n] == 0 && memcmp(mem, was, 80) == 0);
        const int stores = (int)(rnd() % 2);
        if (stores)
            any_store((size_t)n, mem + at, in, order());
        else
            any_exchange((size_t)n, mem + at, in, out, order());
        EXPECT("exchange, any", n, stores || (memcmp(out, was + at, (size_t)n) == 0 && out[n] == 0));
        memcpy(was + at, in, (size_t)n);
        EXPECT("store, any", n, memcmp(mem, was, 80) == 0);
        const int fails = (int)(rnd() % 2);
        memcpy(out, was + at, (size_t)n);
        out[rnd() % (unsigned)n] ^= (unsigned char)(fails << rnd() % 8);
        for (int i = 0; i < 80; i++) in[i] = (unsigned char)rnd();
        const int done = any_cas((size_t)n, mem + at, out, in, order(), order());
        EXPECT("compare_exchange, any", n, done == !fails && memcmp(out, was + at, (size_t)n) == 0);
        if (done) memcpy(was + at, in, (size_t)n);
        EXPECT("compare_exchange, any", n, memcmp(mem, was, 80) == 0);
    }
}
#define NAMED_16(name, result)                                                                                         \
    a128 name##_16(void *, a128, int) __asm__("__atomic_" #name "_16");                                                \
    static void compute_##name##_16(void)                                                                              \
    {                                                                                                                  \
        for (int round = 0; round < 500; round++) {                                                                    \
            a128 x = value();                                                                                          \
            const a128 old = x, v = value(), got = name##_16(&x, v, order()), now = x;                                 \
            EXPECT(#name, 128, (result));                                                                              \
        }                                                                                                              \
    }
#define NAMED_16_BOTH(name, op)                                                                                        \
    NAMED_16(fetch_##name, got == old && now == (op))                                                                  \
    NAMED_16(name##_fetch, got == now && now == (op))
NAMED_16_BOTH(add, old + v)
NAMED_16_BOTH(sub, old - v)
NAMED_16_BOTH(and, old &v)
NAMED_16_BOTH(or, old | v)
NAMED_16_BOTH(xor, old ^ v)
NAMED_16_BOTH(nand, ~(old &v))
NAMED_16(exchange, got == old && now == v)
a128 load_16(void *, int) __asm__("__atomic_load_16");
void store_16(void *, a128, int) __asm__("__atomic_store_16");
_Bool cas_16(void *, void *, a128, int, int) __asm__("__atomic_compare_exchange_16");
static void compute_named_16(void)
{
    compute_fetch_add_16(), compute_fetch_sub_16(), compute_fetch_and_16(), compute_fetch_or_16();
    compute_fetch_xor_16(), compute_fetch_nand_16(), compute_add_fetch_16(), compute_sub_fetch_16();
    compute_and_fetch_16(), compute_or_fetch_16(), compute_xor_fetch_16(), compute_nand_fetch_16();
    compute_exchange_16();
    for (int round = 0; round < 500; round++) {
        a128 x = value(), v = value(), seen = x ^ (rnd() & 1);
        const a128 old = x, expected = seen;
        EXPECT("load_16", 128, load_16(&x, order()) == old);
        const int done = cas_16(&x, &seen, v, order(), order());
        EXPECT("compare_exchange_16", 128, done == (expected == old) && seen == old && x == (done ? v : old));
        store_16(&x, ~v, order());
        EXPECT("store_16", 128, x == ~v);
    }
}

// ---- inside a handler ----------------------------------------------------------------------------------------------

static char *page;
static volatile a64 counter;
static volatile a128 wide __attribute__((aligned(16)));
static int handled;
// The operation faulted between the detector's begin and end: what the handler does must work all the same.
static void on_fault(int sig)
{
    (void)sig;
    handled++;
    __tsan_atomic64_fetch_add(&counter, 3, __ATOMIC_ACQ_REL);
    __tsan_atomic64_fetch_add((volatile a64 *)&wide, 1, __ATOMIC_RELAXED);
    __tsan_atomic128_fetch_add(&wide, (a128)1 << 100, __ATOMIC_SEQ_CST);
    __tsan_atomic_thread_fence(__ATOMIC_SEQ_CST);
    __tsan_atomic_signal_fence(__ATOMIC_SEQ_CST);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static void interrupted(void)
{
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction act = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &act, NULL);
    for (a64 round = 1; round <= 3; round++) {
        mprotect(page, 4096, round < 3 ? PROT_NONE : PROT_READ);
        const a64 old = __tsan_atomic64_fetch_add((volatile a64 *)page, 7, __ATOMIC_SEQ_CST);
        EXPECT("in a handler", 64, old == 7 * (round - 1) && handled == (int)round);
        EXPECT("in a handler", 64, counter == 3 * round);
        EXPECT("in a handler", 128, wide == ((a128)round << 100) + round);
    }
}

int main(void)
{
    const char *given = getenv("SEED"); // the seed that a failure printed
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = state = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
    compute_8(), compute_16(), compute_32(), compute_64(), compute_128();
    compute_any(), compute_named_16();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, hammer, NULL)) return puts("no thread"), 1;
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    hammered_8(), hammered_16(), hammered_32(), hammered_64(), hammered_128();
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        __tsan_atomic_thread_fence(orders[i]);
        __tsan_atomic_signal_fence(orders[i]);
    }
    interrupted();
    puts("atomics: all as computed");
}
