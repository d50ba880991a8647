// test_stack.c: stacks never overlap, guards fault, the one used last comes first, pages go back; on new kernels and on old.
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/flags.h"
#include "runtime/stack_arena.h"

#ifdef RAVEL_TINY
enum { MANY = 3000, HALF = 2 };
#else
enum { MANY = 100000, HALF = 32 };
#endif

static struct rv__stack_cache cache;

static struct rv__stack get(size_t size)
{
    struct rv__stack s;
    cr_assert(rv__stack_get(&cache, size, &s));
    return s;
}
static volatile char *top(struct rv__stack s) { return (volatile char *)s.hi - 1; }
static bool touched(uintptr_t address)
{
    unsigned char there;
    return mincore((void *)(address & ~4095ul), 1, &there) == 0 && there & 1;
}
static long maps(void)
{
    long n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    for (int c; (c = getc(f)) != EOF;) n += c == '\n';
    fclose(f);
    return n;
}
static uint64_t random_state;
static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}
static uint64_t seed(void)
{
    const char *s = getenv("RAVEL_SEED");
    random_state = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL);
    printf("RAVEL_SEED=%llu\n", (unsigned long long)random_state);
    return random_state;
}

// Runs fn in a child; its exit code, or minus the signal that ended it.
static int in_child(void (*fn)(void))
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        fn();
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// ---- sizes -----------------------------------------------------------------------------------------------------------

Test(stack, sizes)
{
    static const size_t sizes[][2] = {
        {0, 65536},         {1, 16384},      {16384, 16384},     {16385, 32768},     {32769, 65536},
        {65536, 65536},     {65537, 131072}, {1 << 20, 1 << 20}, {8 << 20, 8 << 20}, {100 << 20, 128 << 20},
        {1 << 30, 1 << 30},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct rv__stack s = get(sizes[i][0]);
        cr_expect_eq(s.hi - s.lo, sizes[i][1], "%zu gives %zu", sizes[i][0], s.hi - s.lo);
        cr_expect_eq(s.hi % 64, 0u);
        *top(s) = 1;
        *(volatile char *)s.lo = 1;
        rv__stack_put(&cache, &s);
    }
    struct rv__stack s;
    cr_expect_not(rv__stack_get(&cache, ((size_t)1 << 30) + 1, &s));
    cr_expect_not(rv__stack_get(&cache, SIZE_MAX, &s));
    cr_expect_not(rv__stack_get_slow(NULL, SIZE_MAX / 2 + 2, &s));
}

// A freed stack is the next one handed out: from the cache, and in each class; two of them in the order of stacks.
Test(stack, last_in_first_out)
{
    static const size_t sizes[] = {0, 65536, 20000, 1 << 20, 300 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct rv__stack a = get(sizes[i]), b = get(sizes[i]);
        cr_assert_neq(a.lo, b.lo);
        rv__stack_put(&cache, &a);
        rv__stack_put(&cache, &b);
        const struct rv__stack c = get(sizes[i] ? sizes[i] : 0);
        if (sizes[i] == 65536) // asked for by size it bypasses the cache, where b lies
            cr_expect(c.lo != a.lo && c.lo != b.lo);
        else
            cr_expect_eq(c.lo, b.lo);
    }
}

// Through the pool the halves come back last in first out as well.
Test(stack, halves)
{
    struct rv__stack s[4 * HALF];
    for (int i = 0; i < 4 * HALF; i++) s[i] = get(0);
    while (cache.n) get(0);
    for (int i = 0; i < 4 * HALF; i++) rv__stack_put(&cache, &s[i]);
    for (int i = 4 * HALF - 1; i >= 0; i--) cr_assert_eq(get(0).lo, s[i].lo, "%d", i);
}

// ---- against a model -------------------------------------------------------------------------------------------------

// The model: what is live, in a plain array. Every byte of a live stack is its own, its number is found, its mark survives.
struct live {
    struct rv__stack s;
    uint32_t mark;
};
static void check_apart(const struct live *l, int n, const struct live *x)
{
    for (int i = 0; i < n; i++)
        cr_assert(&l[i] == x || l[i].s.hi + RV__GUARD <= x->s.lo || x->s.hi + RV__GUARD <= l[i].s.lo);
}
static void mark(const struct live *x)
{
    *(uint32_t *)(x->s.hi - 64) = x->mark;
    *(uint32_t *)x->s.lo = ~x->mark;
}
static void check_marked(const struct live *x)
{
    struct rv__stack found;
    cr_assert_eq(*(uint32_t *)(x->s.hi - 64), x->mark);
    cr_assert_eq(*(uint32_t *)x->s.lo, ~x->mark);
    cr_assert(rv__stack_find(x->s.lo + random_below((uint32_t)(x->s.hi - x->s.lo)), &found));
    cr_assert(found.lo == x->s.lo && found.hi == x->s.hi);
    cr_assert(rv__stack_find(x->s.lo - RV__PAGE - 1 - random_below(RV__GUARD - RV__PAGE), &found) &&
              found.lo == x->s.lo);
}
static void random_operations(void)
{
    enum { LIVE = 300 };
    static const size_t sizes[] = {0, 0, 0, 0, 65536, 16384, 40000, 100000, 1 << 20};
    static struct live live[LIVE];
    static struct rv__stack_cache caches[3];
    int n = 0;
    seed();
    for (int step = 0; step < 20000; step++) {
        struct rv__stack_cache *c = random_below(8) ? &caches[random_below(3)] : NULL;
        if (random_below(997) == 0) rv__stack_scavenge();
        if (n < LIVE && (n == 0 || random_below(100) < 51)) {
            struct live *x = &live[n++];
            const size_t size = sizes[random_below(9)];
            cr_assert(c ? rv__stack_get(c, size, &x->s) : rv__stack_get_slow(NULL, size, &x->s));
            cr_assert_geq(x->s.hi - x->s.lo, size);
            x->mark = random_below(UINT32_MAX);
            check_apart(live, n, x);
            mark(x);
        } else {
            struct live *x = &live[random_below((uint32_t)n)];
            check_marked(x);
            if (c)
                rv__stack_put(c, &x->s);
            else
                rv__stack_put_slow(NULL, &x->s);
            *x = live[--n];
        }
    }
    for (int i = 0; i < n; i++) check_marked(&live[i]);
}
Test(stack, model) { random_operations(); }
Test(stack, model_by_mprotect)
{
    base_flags.stack_guard = BASE_GUARD_MPROTECT;
    random_operations();
}
Test(stack, model_without_guards)
{
    base_flags.stack_guard = BASE_GUARD_NONE;
    random_operations();
}

// Threads take and give through caches of their own; each writes its number into what it holds and finds it there.
static void *thread_of_many(void *arg)
{
    enum { HELD = 200 };
    struct rv__stack_cache mine = {0};
    struct rv__stack held[HELD];
    uint64_t state = (uintptr_t)arg;
    int n = 0;
    for (int step = 0; step < 30000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        if (n == 0 || (n < HELD && (state >> 33) % 100 < (step / 2000 % 2 ? 70u : 40u))) {
            if (!rv__stack_get(&mine, 0, &held[n])) return "no memory";
            *(uintptr_t *)(held[n++].hi - 8) = (uintptr_t)arg;
        } else {
            if (*(uintptr_t *)(held[--n].hi - 8) != (uintptr_t)arg) return "somebody else wrote";
            rv__stack_put(&mine, &held[n]);
        }
        if (step % 1000 == 0) rv__stack_scavenge();
    }
    return NULL;
}
Test(stack, threads)
{
    pthread_t t[4];
    for (uintptr_t i = 0; i < 4; i++) cr_assert_eq(pthread_create(&t[i], NULL, thread_of_many, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *said;
        pthread_join(t[i], &said);
        cr_expect_null(said, "%s", (char *)said);
    }
}

// ---- guards ----------------------------------------------------------------------------------------------------------

static uintptr_t poked;
static void poke(void) { *(volatile char *)poked = 1; }
static void check_guard(struct rv__stack s)
{
    const uintptr_t base = s.hi + (s.hi % RV__PAGE ? RV__PAGE - s.hi % RV__PAGE : 0) - (s.hi - s.lo) - RV__PAGE;
    poked = s.lo;
    cr_expect_eq(in_child(poke), 0);
    for (int i = 0; i < 4; i++) {
        poked = base - 1 - (uintptr_t)i * RV__PAGE;
        cr_expect_eq(in_child(poke), -SIGSEGV, "no fault in page %d of the guard", i);
    }
}
static void guards(void)
{
    static const size_t sizes[] = {0, 16384, 200000, 8 << 20, 100 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int k = 0; k < 3; k++) check_guard(get(sizes[i]));
    struct rv__stack s = get(0);
    rv__stack_put(&cache, &s);
    check_guard(get(0)); // reused
}
Test(stack, guards) { guards(); }
Test(stack, guards_by_mprotect)
{
    base_flags.stack_guard = BASE_GUARD_MPROTECT;
    guards();
}
Test(stack, fault, .signal = SIGSEGV)
{
    poked = get(0).lo - RV__PAGE - 1;
    poke();
}
Test(stack, guard_survives_scavenging)
{
    for (int mode = BASE_GUARD_AUTO; mode <= BASE_GUARD_MPROTECT; mode++) {
        base_flags.stack_guard = mode;
        const struct rv__stack s = get(1 << 20);
        *top(s) = 1;
        rv__stack_put(&cache, &s);
        for (int i = 0; i < 3; i++) rv__stack_scavenge();
        cr_assert_not(touched(s.hi - 1));
        const struct rv__stack again = get(1 << 20);
        cr_assert_eq(again.lo, s.lo);
        check_guard(again);
    }
}

// By mprotect: as many guards as three quarters of the mappings that are left allow, then none, said once, and the program still
// has mappings to itself.
static void beyond_the_limit(void)
{
    base_flags.stack_guard = BASE_GUARD_MPROTECT;
    for (int i = 0; i < MANY; i++) {
        struct rv__stack s;
        if (!rv__stack_get(&cache, 0, &s)) _exit(1);
        *top(s) = 1;
    }
    if (maps() > 60000) _exit(2);
    if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) _exit(3);
}
Test(stack, beyond_the_limit)
{
    int fd[2];
    char said[1000];
    cr_assert_eq(pipe(fd), 0);
    const int err = dup(2);
    dup2(fd[1], 2);
    const int code = in_child(beyond_the_limit);
    dup2(err, 2);
    close(fd[1]);
    const ssize_t n = read(fd[0], said, sizeof said - 1);
    said[n > 0 ? n : 0] = 0;
    cr_expect_eq(code, 0, "%d: %s", code, said);
#ifndef RAVEL_TINY
    char *once = strstr(said, "no guard");
    cr_assert(once, "nothing was said");
    cr_expect_null(strstr(once + 1, "no guard"), "said twice");
#endif
}

// ---- many ------------------------------------------------------------------------------------------------------------

// With guards by the page table: no mapping for each, one page each, and no more memory than that.
static void many(size_t count)
{
    const long before = maps();
    for (size_t i = 0; i < count; i++) *top(get(0)) = 1;
#ifndef RAVEL_TINY // there an arena has 16 slots, and is a mapping or two
    cr_expect_lt(maps(), before + 64);
#else
    (void)before;
#endif
    struct rv__stack s = get(0);
    if (base_flags.stack_guard == BASE_GUARD_AUTO) check_guard(s);
    cr_expect_leq(rv__stack_used(&s), (size_t)RV__PAGE);
}
Test(stack, many)
{
    const char *n = getenv("STACKS");
    many(n ? strtoul(n, NULL, 0) : 2 * MANY);
}

// ---- memory ----------------------------------------------------------------------------------------------------------

// What lies in the pool for two calls is given back, and reads as zero; what was used since the call before is kept.
Test(stack, scavenge)
{
    enum { N = 8 * HALF };
    static struct rv__stack s[N];
    for (int i = 0; i < N; i++) {
        s[i] = get(0);
        memset((void *)s[i].lo, 1, s[i].hi - s[i].lo);
    }
    for (int i = 0; i < N; i++) rv__stack_put(&cache, &s[i]);
    rv__stack_scavenge();
    for (int i = 0; i < N; i++) cr_assert(touched(s[i].lo) && touched(s[i].hi - 1));
    cr_expect(rv__stack_scavenge_more());
    while (rv__stack_scavenge()) continue;
    cr_expect_not(rv__stack_scavenge_more());
    int back = 0;
    for (int i = 0; i < N; i++) back += !touched(s[i].lo) && !touched(s[i].hi - 1);
    cr_expect_eq(back, N - (int)cache.n, "%d of %d came back, %u are cached", back, N, cache.n);
    for (int i = 0; i < N; i++) {
        const struct rv__stack again = get(0);
        const bool cold = i >= N - back;
        for (uintptr_t p = again.lo; cold && p < again.hi; p += 512) cr_assert_eq(*(char *)p, 0);
    }
}
Test(stack, scavenge_leaves_what_is_used)
{
    const struct rv__stack s = get(1 << 20);
    for (int i = 0; i < 10; i++) {
        *top(s) = (char)i;
        rv__stack_put(&cache, &s);
        rv__stack_scavenge();
        cr_assert_eq(get(1 << 20).lo, s.lo);
        cr_assert_eq(*top(s), (char)i);
    }
}
Test(stack, used)
{
    static const size_t sizes[] = {1 << 20, 8 << 20};
    for (int i = 0; i < 2; i++) {
        const struct rv__stack s = get(sizes[i]);
        cr_expect_eq(rv__stack_used(&s), 0u);
        *top(s) = 1;
        cr_expect(rv__stack_used(&s) > 0 && rv__stack_used(&s) <= (size_t)RV__PAGE);
        *(volatile char *)(s.hi - 500000) = 1;
        cr_expect(rv__stack_used(&s) >= 500000 && rv__stack_used(&s) < 500000 + (size_t)RV__PAGE);
        cr_expect(rv__stack_used(&s) % 64 == 0);
        *(volatile char *)s.lo = 1;
        cr_expect_eq(rv__stack_used(&s), sizes[i]);
    }
}

// ---- where memory is short, or locked --------------------------------------------------------------------------------

static void limited(int what, rlim_t bytes)
{
    const struct rlimit l = {bytes, bytes};
    if (setrlimit(what, &l) != 0) _exit(10);
}
static size_t get_until_none(size_t size, size_t most)
{
    struct rv__stack s;
    size_t n = 0;
    while (n < most && rv__stack_get(&cache, size, &s)) {
        *top(s) = 1;
        n++;
    }
    return n;
}
static void exhaust_address_space(void)
{
    limited(RLIMIT_AS, 1 << 30);
    const size_t n = get_until_none(0, 100000);
    if (n < 5000 || n == 100000) _exit(1); // 84 KiB each
    if (get_until_none(0, 1) != 0) _exit(2);
    if (get_until_none(8 << 20, 1) != 0) _exit(3);
    struct rv__stack s;
    if (rv__stack_get(&cache, 1 << 30, &s)) _exit(4);
}
static void exhaust_data(void)
{
    limited(RLIMIT_DATA, 256 << 20);
    const size_t n = get_until_none(0, 100000);
    if (n < 1000 || n == 100000) _exit(1);
    if (get_until_none(0, 1) != 0) _exit(2);
}
Test(stack, exhaustion)
{
    cr_expect_eq(in_child(exhaust_address_space), 0);
    cr_expect_eq(in_child(exhaust_data),
                 0); // what is refused here is what vm.overcommit_memory=2 refuses: the mprotect
}

static long status_kb(const char *what)
{
    char line[200];
    long v = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (strncmp(line, what, strlen(what)) == 0) v = strtol(line + strlen(what) + 1, NULL, 10);
    fclose(f);
    return v;
}
// What a locking program needs: guards, one page for each stack and not all of them, pages that are given back; with little to lock.
static void use_locked(void)
{
    const long before = status_kb("VmRSS");
    enum { N = 16 * HALF };
    static struct rv__stack s[N];
    for (int i = 0; i < N; i++) {
        s[i] = get(0);
        *top(s[i]) = 1;
    }
    if (status_kb("VmRSS") - before > 4 * N + 1024) _exit(2);
    poked = s[N - 1].lo - RV__PAGE - 1;
    if (base_flags.stack_guard != BASE_GUARD_NONE && in_child(poke) != -SIGSEGV) _exit(3);
    for (int i = 0; i < N; i++) rv__stack_put(&cache, &s[i]);
    for (int i = 0; i < 3; i++)
        while (rv__stack_scavenge()) continue;
    if (touched(s[0].hi - 1)) _exit(4);
    if (status_kb("VmLck") <= 0) _exit(5);
}
static void locked_first(void)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) _exit(77);
    use_locked();
}
static void locked_later(void)
{
    *top(get(0)) = 1;
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) _exit(77);
    for (int i = 0; i < 2 * HALF; i++) *top(get(0)) = 1;
    use_locked();
}
static void lock_in_children(void)
{
    for (int mode = BASE_GUARD_AUTO; mode <= BASE_GUARD_NONE; mode++) {
        base_flags.stack_guard = mode;
        const int first = in_child(locked_first), later = in_child(locked_later);
        if (first == 77) cr_skip_test("mlockall is not allowed here");
        cr_expect_eq(first, 0, "mode %d: %d", mode, first);
        cr_expect_eq(later, 0, "mode %d: %d", mode, later);
    }
}
Test(stack, locked_memory) { lock_in_children(); }
