// acts.c: what an actor may do in a step. Each act checks for itself what only it can see: its variables across a park, its
// thread while it is locked to one, its rounding mode.
#include "tests/runtime/stress/stress.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define US 1000

void send_token(struct round *r, rv_chan *ch, uint64_t token)
{
    give(r, TOKENS, token);
    rv_chan_send(ch, &token);
}

static rv_chan *some_channel(struct actor *a) { return a->round->channels[below(a, CHANNELS)]; }

static void send_some(struct actor *a)
{
    rv_chan *ch = some_channel(a);
    for (uint64_t n = 1 + below(a, 20); n > 0; n--) send_token(a->round, ch, next_random(&a->random));
}

static void try_to_send(struct actor *a)
{
    const uint64_t token = next_random(&a->random);
    const int err = rv_chan_try_send(some_channel(a), &token);
    EXPECT(err == 0 || err == -EAGAIN);
    if (err == 0) give(a->round, TOKENS, token);
}

static void steal_a_token(struct actor *a)
{
    uint64_t token;
    const int err = rv_chan_try_recv(some_channel(a), &token);
    EXPECT(err == 0 || err == -EAGAIN);
    if (err == 0) get(a->round, TOKENS, token);
}

static void yield(struct actor *a)
{
    for (uint64_t n = 1 + below(a, 8); n > 0; n--) rv_gosched();
}

static void nap(struct actor *a)
{
    const int64_t ns = (int64_t)below(a, 500 * US), from = rv_now();
    rv_sleep(ns);
    EXPECT(rv_now() - from >= ns);
}

static void compute(struct actor *a)
{
    uint64_t x = a->random | 1;
    for (uint64_t n = below(a, 64) ? below(a, 20000) : 12000000; n > 0; n--) {
        x = x * 6364136223846793005u | 1;
        __asm__ volatile("" : "+r"(x)); // nothing here that could yield: now and then for longer than a slice
    }
    EXPECT(x & 1);
}

static void sleep_in_kernel(void *ns)
{
    const struct timespec t = {.tv_nsec = *(const int64_t *)ns};
    syscall(SYS_nanosleep, &t, NULL);
}

static void block(struct actor *a)
{
    int64_t ns = (int64_t)below(a, 1000 * US);
    if (below(a, 2)) {
        EXPECT(rv_blocking(sleep_in_kernel, &ns) == 0);
        return;
    }
    rv_syscall_enter();
    sleep_in_kernel(&ns);
    rv_syscall_exit();
}

static void leave_children(struct actor *a)
{
    if (a->generation == 3) return;
    for (uint64_t n = below(a, 6); n > 0; n--)
        start_actor(a->round, next_random(&a->random), (int)below(a, 6), a->generation + 1);
}

static void change_procs(struct actor *a)
{
    const int before = rv_gomaxprocs(1 + (int)below(a, 4));
    EXPECT(before >= 1 && before <= 64);
}

// A question on a channel of its own, an answer on another; both channels end with the act.
struct question {
    rv_chan *ask, *answer;
};

static void answer(void *p)
{
    const struct question q = *(const struct question *)p;
    uint64_t v;
    while (rv_chan_recv(q.ask, &v)) {
        v = ~v;
        rv_chan_send(q.answer, &v);
    }
    rv_chan_close(q.answer);
    rv_chan_unref(q.ask);
    rv_chan_unref(q.answer);
}

static void ask(struct actor *a)
{
    struct question q = {RV_CHAN(uint64_t, below(a, 3)), RV_CHAN(uint64_t, below(a, 3))};
    rv_chan_ref(q.ask);
    rv_chan_ref(q.answer);
    rv_go(answer, &q);
    for (uint64_t n = 1 + below(a, 10); n > 0; n--) {
        const uint64_t v = next_random(&a->random);
        uint64_t reply = 0;
        give(a->round, REPLIES, v);
        rv_chan_send(q.ask, &v);
        EXPECT(rv_chan_recv(q.answer, &reply));
        get(a->round, REPLIES, ~reply);
    }
    rv_chan_close(q.ask);
    uint64_t none = 1;
    EXPECT(!rv_chan_recv(q.answer, &none) && none == 0); // q, which the other has copied by now, may go
    rv_chan_unref(q.ask);
    rv_chan_unref(q.answer);
}

struct alarm {
    rv_timer timer;
    struct round *round;
    uint64_t number;
};

static void ring(void *p)
{
    struct alarm *alarm = p;
    get(alarm->round, TIMERS, alarm->number);
}

static void set_alarm(struct actor *a)
{
    struct alarm *alarm = calloc(1, sizeof *alarm);
    EXPECT(alarm);
    alarm->round = a->round;
    alarm->number = next_random(&a->random);
    rv_timer_init(&alarm->timer, ring, alarm);
    give(a->round, TIMERS, alarm->number);
    rv_timer_start(&alarm->timer, (int64_t)below(a, 300 * US));
    if (below(a, 2)) rv_sleep((int64_t)below(a, 400 * US));
    if (rv_timer_stop_wait(&alarm->timer)) get(a->round, TIMERS, alarm->number);
    free(alarm);
}

static void keep_variables(struct actor *a)
{
    uint64_t kept[64], first = next_random(&a->random), x = first;
    for (int i = 0; i < 64; i++) kept[i] = next_random(&x);
    below(a, 2) ? rv_gosched() : rv_sleep(50 * US);
    x = first;
    for (int i = 0; i < 64; i++) EXPECT(kept[i] == next_random(&x));
}

static __attribute__((noinline)) void set_errno(int e) { errno = e; }
static __attribute__((noinline)) int get_errno(void) { return errno; }

static void keep_errno(struct actor *a)
{
    const int e = 1 + (int)below(a, 100);
    set_errno(e);
    yield(a);
    EXPECT(get_errno() == e);
}

static void keep_rounding(struct actor *a)
{
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    const int mode = modes[below(a, 4)];
    EXPECT(fesetround(mode) == 0);
    yield(a);
    EXPECT(fegetround() == mode);
    fesetround(FE_TONEAREST);
}

static void keep_thread(struct actor *a)
{
    rv_lock_os_thread();
    const long thread = syscall(SYS_gettid);
    yield(a);
    nap(a);
    send_some(a);
    EXPECT(syscall(SYS_gettid) == thread);
    rv_unlock_os_thread();
}

// A plain thread that sends, and starts a goroutine.
static void *visit(void *p)
{
    struct actor *a = p;
    send_some(a);
    start_actor(a->round, next_random(&a->random), 2, 3);
    return NULL;
}

static void join(void *thread) { EXPECT(pthread_join(*(pthread_t *)thread, NULL) == 0); }

static void have_a_visitor(struct actor *a)
{
    if (alone) return;
    struct actor guest = *a;
    guest.random = next_random(&a->random);
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, visit, &guest) == 0);
    EXPECT(rv_blocking(join, &thread) == 0);
}

// How often of a hundred.
static const struct {
    int weight;
    void (*act)(struct actor *a);
} acts[] = {
    {20, send_some},     {6, try_to_send},    {6, steal_a_token},  {14, yield},        {8, nap},
    {6, compute},        {5, block},          {7, leave_children}, {3, change_procs},  {6, ask},
    {5, set_alarm},      {3, keep_variables}, {2, keep_errno},     {2, keep_rounding}, {1, keep_thread},
    {1, have_a_visitor}, {2, talk_tcp},       {2, talk_pair},      {1, talk_pipe},
};

void act(struct actor *a)
{
    int which = (int)below(a, 100);
    size_t i = 0;
    while (which >= acts[i].weight) which -= acts[i++].weight;
    acts[i].act(a);
    atomic_fetch_add_explicit(&steps_done, 1, memory_order_relaxed);
}
