// test_stream.c: what goes in comes out, once, or is destroyed, once; ends of both kinds, by both sides, at any moment; and no goroutine is left.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

// An element is a pointer to a number that is on the heap: made once, and freed once, by whoever has it last.
static uint32_t made, freed; // atomic
static uint64_t *element(uint64_t n)
{
    uint64_t *const e = malloc(sizeof *e);
    *e = n;
    base_add_relaxed(&made, 1u);
    return e;
}
static uint64_t done_with(uint64_t *e)
{
    const uint64_t n = *e;
    *e = UINT64_MAX;
    free(e);
    base_add_relaxed(&freed, 1u);
    return n;
}
static void drop(void *elem) { done_with(*(uint64_t **)elem); }
static void copy(void *to, const void *from) { *(uint64_t **)to = element(**(uint64_t *const *)from); }
static void all_is_gone(int64_t goroutines)
{
    RIG_UNTIL(rv_num_goroutine() == goroutines);
    cr_assert_eq(base_load_relaxed(&made), base_load_relaxed(&freed));
}

static int send_to(rv_stream *s, uint64_t n)
{
    uint64_t *const e = element(n);
    return rv_stream_send(s, &e);
}
struct producer {
    rv_stream *s;
    uint64_t n;
    int err; // of the last send
};
static void produce(void *p)
{
    struct producer *const me = p;
    rv_stream *const s = me->s;
    for (uint64_t i = 0; i < me->n && !me->err; i++) me->err = send_to(s, i);
    rv_stream_close(s); // who sees that may leave the frame in which *me is
    rv_stream_release(s);
}
static int square(void *arg, void *in, void *out)
{
    uint64_t *const e = *(uint64_t **)in;
    for (uintptr_t i = 0; i < (arg ? *e % 5 : 0); i++) rv_gosched();
    *e *= *e;
    *(uint64_t **)out = e; // passed on
    return 0;
}
static bool odd(void *arg, const void *elem)
{
    (void)arg;
    return **(uint64_t *const *)elem % 2;
}
struct sum {
    uint64_t n, sum;
};
static int add(void *arg, void *elem)
{
    struct sum *const s = arg;
    s->n++;
    s->sum += done_with(*(uint64_t **)elem);
    return 0;
}

// ---- alone ---------------------------------------------------------------------------------------------------------------

static void alone(void *arg)
{
    const int64_t before = rv_num_goroutine();
    (void)arg;
    for (uint64_t capacity = 1; capacity < 8; capacity++) {
        rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), capacity, drop);
        uint64_t *e;
        for (uint64_t i = 0; i < capacity; i++) cr_assert_eq(send_to(s, i), 0);
        cr_assert_eq(rv_stream_err(s), 0);
        rv_stream_close(s);
        rv_stream_close(s);
        cr_assert_eq(rv_stream_err(s), -EPIPE);
        cr_assert_eq(send_to(s, 0), -EPIPE);
        for (uint64_t i = 0; i < capacity / 2; i++) {
            cr_assert_eq(rv_stream_recv(s, &e), 0);
            cr_assert_eq(done_with(e), i);
        }
        if (capacity % 2) {
            rv_stream_cancel(s, -EIO);
            rv_stream_cancel(s, 0);
            cr_assert_eq(rv_stream_recv(s, &e), -EIO);
            cr_assert_eq(send_to(s, 0), -EIO);
        }
        cr_assert_gt(made, freed);
        rv_stream_release(s); // with some in it
        all_is_gone(before);
    }
    rv_stream_release(NULL);
}
Test(stream, alone) { cr_assert_eq(rv_run(alone, NULL), 0); }

static void of_nothing(void *arg)
{
    rv_stream *const s = rv_stream_make(NULL, 0, 2, NULL);
    (void)arg;
    for (int i = 0; i < 2; i++) cr_assert_eq(rv_stream_send(s, NULL), 0);
    rv_stream_close(s);
    for (int i = 0; i < 2; i++) cr_assert_eq(rv_stream_recv(s, NULL), 0);
    cr_assert_eq(rv_stream_recv(s, NULL), -EPIPE);
    rv_stream_release(s);
}
Test(stream, of_nothing) { cr_assert_eq(rv_run(of_nothing, NULL), 0); }

static void cancel_at_a_select(void *ctx)
{
    RIG_UNTIL(rig_waiting(RV__WHY_SELECT) == 1);
    rv_ctx_cancel(ctx, -ESHUTDOWN);
}
// A context above the stream, or of one call.
static void with_contexts(void *arg)
{
    const int64_t before = rv_num_goroutine();
    (void)arg;
    for (int way = 0; way < 4; way++) {
        rv_ctx *const ctx = rv_ctx_with_cancel(NULL), *const above = way / 2 ? ctx : NULL,
                      *const call = way / 2 ? NULL : ctx;
        rv_stream *const s = rv_stream_make(above, sizeof(uint64_t *), 0, drop);
        uint64_t *e = element(1);
        rv_go(cancel_at_a_select, ctx);
        const int err = way % 2 ? rv_stream_send_ctx(call, s, &e) : (drop(&e), rv_stream_recv_ctx(call, s, &e));
        cr_assert_eq(err, -ESHUTDOWN);
        cr_assert_eq(rv_stream_err(s), way / 2 ? -ESHUTDOWN : 0);
        cr_assert_eq(rv_ctx_err(rv_stream_ctx(s)), way / 2 ? -ECANCELED : 0);
        rv_stream_release(s);
        rv_ctx_release(ctx);
        all_is_gone(before);
    }
}
Test(stream, with_contexts) { cr_assert_eq(rv_run(with_contexts, NULL), 0); }

// ---- through stages: the same as a loop would have it ----------------------------------------------------------------------

static void in_order(void *arg)
{
    enum { N = 10000 };
    const int64_t before = rv_num_goroutine();
    rv_gomaxprocs(*(int *)arg);
    rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 16, drop);
    struct producer p = {rv_stream_ref(s), N, 0};
    rv_stream *const odds = rv_stream_filter(s, odd, NULL);
    rv_stream *const squares = rv_stream_map(odds, square, NULL, sizeof(uint64_t *), drop);
    rv_stream *const out = rv_stream_parallel_map(squares, square, "", sizeof(uint64_t *), drop, 4, RV_STREAM_ORDERED);
    rv_go(produce, &p);
    uint64_t *e;
    for (uint64_t i = 1; i < N; i += 2) {
        cr_assert_eq(rv_stream_recv(out, &e), 0);
        cr_assert_eq(done_with(e), i * i * i * i);
    }
    cr_assert_eq(rv_stream_recv(out, &e), -EPIPE);
    rv_stream_wait(out);
    rv_stream_release(out);
    all_is_gone(before);
    cr_assert_eq(p.err, 0);
    cr_assert_eq(made, N);
    made = freed = 0;
}
Test(stream, in_order)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(in_order, &procs), 0);
}

// In any order, by three workers, to three outputs with a subscriber each.
static void to_all(void *arg)
{
    enum { N = 3000, OUTS = 3 };
    const int64_t before = rv_num_goroutine();
    rv_gomaxprocs(*(int *)arg);
    rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 4, drop), *outs[OUTS];
    struct producer p = {rv_stream_ref(s), N, 0};
    struct sum sums[OUTS] = {0};
    rv_future *subscribers[OUTS];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < N; i++) sum += i * i;
    rv_stream_tee(rv_stream_parallel_map(s, square, "", sizeof(uint64_t *), drop, 3, 0), outs, OUTS, copy);
    for (int i = 0; i < OUTS; i++) subscribers[i] = rv_stream_subscribe(outs[i], add, &sums[i]);
    rv_go(produce, &p);
    cr_assert_eq(rv_future_all(subscribers, OUTS), 0);
    for (int i = 0; i < OUTS; i++) {
        rv_future_release(subscribers[i]);
        cr_assert(sums[i].n == N && sums[i].sum == sum);
    }
    all_is_gone(before);
    cr_assert_eq(made, OUTS * N);
    made = freed = 0;
}
Test(stream, to_all)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(to_all, &procs), 0);
}

// Nobody is ahead by more than the buffers hold, and what the stages have in their hands.
static void held_back(void *arg)
{
    const int64_t before = rv_num_goroutine();
    (void)arg;
    rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 3, drop);
    rv_stream *const out = rv_stream_map(rv_stream_ref(s), square, NULL, sizeof(uint64_t *), drop);
    struct producer p = {rv_stream_ref(s), 1000, 0};
    uint64_t *e;
    rv_go(produce, &p);
    RIG_UNTIL(rig_waiting(RV__WHY_SELECT) == 2);
    cr_assert_eq(made, 3 + 1 + 3 + 1);
    cr_assert_eq(rv_stream_recv(out, &e), 0);
    done_with(e);
    RIG_UNTIL(made == 9 && rig_waiting(RV__WHY_SELECT) == 2);
    rv_stream_cancel(out, -EIO);
    rv_stream_wait(out);
    cr_assert_eq(rv_stream_err(s), -EIO);
    rv_stream_release(out);
    rv_stream_release(s);
    all_is_gone(before);
    cr_assert_eq(p.err, -EIO);
    cr_assert_eq(made, 9);
}
Test(stream, held_back) { cr_assert_eq(rv_run(held_back, NULL), 0); }

// ---- ends of stages --------------------------------------------------------------------------------------------------------

struct limit {
    uint64_t at;
    int result; // at this element; 1: rv_goexit
};
static int until(const struct limit *l, uint64_t n)
{
    if (n == l->at && l->result == 1) rv_goexit();
    return n == l->at ? l->result : 0;
}
static int map_until(void *arg, void *in, void *out)
{
    uint64_t *const e = *(uint64_t **)in;
    const struct limit *const l = arg;
    if (*e == l->at) {
        const uint64_t n = done_with(e);
        return until(l, n);
    }
    *(uint64_t **)out = e;
    return 0;
}
static bool keep_until(void *arg, const void *elem)
{
    const struct limit *const l = arg;
    if (**(uint64_t *const *)elem == l->at) rv_goexit();
    return true;
}
static int each_until(void *arg, void *elem) { return until(arg, done_with(*(uint64_t **)elem)); }
static int expected(int result) { return result == 1 ? -ECANCELED : result; }
enum { MAP, PARALLEL, ORDERED, EACH, FILTER, KINDS };
static rv_stream *stage_that_ends(int kind, rv_stream *in, struct limit *l)
{
    const size_t size = sizeof(uint64_t *);
    switch (kind) {
    case MAP: return rv_stream_map(in, map_until, l, size, drop);
    case PARALLEL: return rv_stream_parallel_map(in, map_until, l, size, drop, 3, 0);
    case ORDERED: return rv_stream_parallel_map(in, map_until, l, size, drop, 3, RV_STREAM_ORDERED);
    case FILTER: return rv_stream_filter(in, keep_until, l);
    default: return in;
    }
}
static void ends(void *arg)
{
    static const int results[] = {1, -EPIPE, -EIO};
    const int64_t before = rv_num_goroutine();
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < 3 * KINDS; i++) {
        const int kind = i % KINDS;
        struct limit l = {50, kind == FILTER ? 1 : results[i / KINDS]}, never = {UINT64_MAX, 0};
        rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 4, drop);
        struct producer p = {rv_stream_ref(s), UINT64_MAX, 0};
        rv_go(produce, &p); // which never ends by itself
        rv_stream *const mapped = rv_stream_map(rv_stream_ref(s), square, "", sizeof(uint64_t *), drop);
        l.at = l.at * l.at;
        rv_stream *const out = stage_that_ends(kind, mapped, &l);
        rv_future *const f = rv_stream_subscribe(out, each_until, kind == EACH ? &l : &never);
        cr_assert_eq(rv_future_get(f, NULL), l.result == -EPIPE ? 0 : expected(l.result), "kind %d", kind);
        rv_stream_wait(s);
        cr_assert_eq(rv_stream_err(s), expected(l.result));
        rv_stream_release(s);
        rv_future_release(f);
        all_is_gone(before);
        cr_assert_eq(p.err, expected(l.result));
    }
}
Test(stream, a_stage_ends_all)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(ends, &procs), 0);
}

// Of those that several work at, what lies behind the one at which it was enough does not come out, and what lies before it does.
static int square_until(void *arg, void *in, void *out)
{
    uint64_t *const e = *(uint64_t **)in;
    if (*e >= *(uint64_t *)arg) {
        done_with(e);
        return -EPIPE;
    }
    return square(arg, in, out);
}
static void enough(void *arg)
{
    const int64_t before = rv_num_goroutine();
    rv_gomaxprocs(*(int *)arg);
    for (uint64_t at = 0; at < 60; at++) {
        rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 3, drop);
        struct producer p = {rv_stream_ref(s), UINT64_MAX, 0};
        rv_stream *const out =
            rv_stream_parallel_map(s, square_until, &at, sizeof(uint64_t *), drop, 5, RV_STREAM_ORDERED);
        rv_go(produce, &p);
        uint64_t *e;
        for (uint64_t i = 0; i < at; i++) {
            cr_assert_eq(rv_stream_recv(out, &e), 0);
            cr_assert_eq(done_with(e), i * i);
        }
        cr_assert_eq(rv_stream_recv(out, &e), -EPIPE);
        rv_stream_wait(out);
        rv_stream_release(out);
        all_is_gone(before);
        cr_assert_eq(p.err, -EPIPE);
    }
}
Test(stream, enough_in_order)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(enough, &procs), 0);
}

// Nobody sends: the stages learn of an end behind them while they wait for elements.
static void idle(void *arg)
{
    struct limit never = {UINT64_MAX, 0};
    const int64_t before = rv_num_goroutine();
    (void)arg;
    for (int i = 0; i < 2 * KINDS; i++) {
        rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 4, drop), *outs[2];
        rv_stream_tee(stage_that_ends(i % KINDS, rv_stream_ref(s), &never), outs, 2, copy);
        rv_stream *const out = rv_stream_map(outs[1], square, NULL, sizeof(uint64_t *), drop);
        for (int k = 0; k < 20; k++) rv_gosched();
        rv_stream_cancel(outs[0], -EBADF);
        if (i / KINDS)
            rv_stream_close(out);
        else
            rv_stream_cancel(out, -EIO);
        rv_stream_wait(s);
        cr_assert_eq(rv_stream_err(s), i / KINDS ? -EPIPE : -EIO);
        rv_stream_release(outs[0]);
        rv_stream_release(out);
        rv_stream_release(s);
        all_is_gone(before);
    }
}
Test(stream, idle_stages_end) { cr_assert_eq(rv_run(idle, NULL), 0); }

// What was sent before the close arrives, wherever the receiver is at that moment.
static void arrives(void *arg)
{
    enum { ROUNDS = 3000 };
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < ROUNDS; i++) {
        rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 2, drop);
        struct producer p = {rv_stream_ref(s), 2, 0};
        uint64_t *e, n = 0;
        rv_go(produce, &p);
        if (i % 3) rv_gosched();
        while (rv_stream_recv(s, &e) == 0) cr_assert_eq(done_with(e), n++);
        cr_assert_eq(n, 2);
        rv_stream_release(s);
    }
}
Test(stream, what_was_sent_arrives)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(arrives, &procs), 0);
}

// An output of a tee that ends is left out; the last takes the input along.
static void one_after_the_other(void *arg)
{
    const int64_t before = rv_num_goroutine();
    for (uint64_t first = 0; first < 3; first++) {
        rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 1, drop), *outs[3];
        struct producer p = {rv_stream_ref(s), UINT64_MAX, 0};
        uint64_t *e, next = 0;
        (void)arg;
        rv_stream_tee(rv_stream_ref(s), outs, 3, copy);
        rv_go(produce, &p);
        for (uint64_t left = 3; left; left--) {
            for (int round = 0; round < 20; round++, next++)
                for (uint64_t i = 3 - left; i < 3; i++) {
                    cr_assert_eq(rv_stream_recv(outs[(first + i) % 3], &e), 0);
                    cr_assert_eq(done_with(e), next);
                }
            rv_stream *const ends = outs[(first + 3 - left) % 3];
            if (left == 2)
                rv_stream_close(ends);
            else
                rv_stream_cancel(ends, -EIO);
            rv_stream_release(ends);
        }
        rv_stream_wait(s);
        // the one that is asked is the last of the array: closed, if it was the second to end
        cr_assert_eq(rv_stream_err(s), first == 1 ? -EPIPE : -EIO);
        rv_stream_release(s);
        all_is_gone(before);
    }
}
Test(stream, outputs_end) { cr_assert_eq(rv_run(one_after_the_other, NULL), 0); }

// ---- any end, by anybody, at any moment --------------------------------------------------------------------------------------

enum { SENDERS = 3 };
struct storm {
    rv_stream *s;
    uint64_t random;
    uint32_t sent; // atomic: for which send said 0
    rv_waitgroup left;
};
static void send_some(void *p)
{
    struct storm *const st = p;
    for (uint64_t i = 0; i < 40 && send_to(st->s, i) == 0; i++) base_add_relaxed(&st->sent, 1u);
    rv_wg_done(&st->left);
}
struct ender {
    rv_stream *s;
    uint64_t after, way;
};
static void end_it(void *p)
{
    struct ender *const me = p;
    for (uint64_t i = 0; i < me->after; i++) rv_gosched();
    if (me->way % 3) rv_stream_close(me->s);
    if (me->way % 3 != 1) rv_stream_cancel(me->s, -EIO);
    rv_stream_release(me->s);
}
static rv_stream *some_stages(rv_stream *s, uint64_t *random)
{
    const size_t size = sizeof(uint64_t *);
    for (uint64_t i = rig_random(random) % 4; i; i--) {
        switch (rig_random(random) % 4) {
        case 0: s = rv_stream_map(s, square, "", size, drop); break;
        case 1: s = rv_stream_filter(s, odd, NULL); break;
        case 2: s = rv_stream_parallel_map(s, square, "", size, drop, 3, RV_STREAM_ORDERED); break;
        case 3: s = rv_stream_parallel_map(s, square, "", size, drop, 2, 0); break;
        }
    }
    return s;
}
static void storm(struct storm *st)
{
    const int64_t before = rv_num_goroutine();
    rv_stream *const s = st->s = rv_stream_make(NULL, sizeof(uint64_t *), rig_random(&st->random) % 3, drop);
    rv_stream *const end = some_stages(rv_stream_ref(s), &st->random), *outs[2];
    struct sum sums[2] = {0};
    rv_stream_tee(rv_stream_ref(end), outs, 2, copy);
    struct ender enders[3] = {{rv_stream_ref(s), 0, 0}, {end, 0, 0}, {rv_stream_ref(outs[1]), 0, 0}};
    rv_future *fs[2];
    for (int i = 0; i < 2; i++) fs[i] = rv_stream_subscribe(outs[i], add, &sums[i]);
    rv_wg_add(&st->left, SENDERS);
    for (int i = 0; i < SENDERS; i++) rv_go(send_some, st);
    for (int i = 0; i < 3; i++) {
        enders[i].after = rig_random(&st->random) % 100;
        enders[i].way = rig_random(&st->random);
        rv_go(end_it, &enders[i]);
    }
    rv_future_all(fs, 2);
    rv_wg_wait(&st->left);
    rv_stream_wait(s);
    cr_assert_leq(sums[0].n, st->sent);
    for (int i = 0; i < 2; i++) rv_future_release(fs[i]);
    rv_stream_release(s);
    all_is_gone(before);
}
static void storms(void *random)
{
    for (int i = 0; i < 400; i++) {
        struct storm st = {.random = rig_random(random)};
        rv_gomaxprocs(i % 2 + 1);
        storm(&st);
    }
}
Test(stream, ends_at_any_moment)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(storms, &random), 0);
}

// ---- threads ---------------------------------------------------------------------------------------------------------------

static void *produce_in_thread(void *p) { return produce(p), NULL; }
static void from_a_thread(void *arg)
{
    enum { N = 2000 };
    const int64_t before = rv_num_goroutine();
    (void)arg;
    pthread_t t;
    rv_stream *const s = rv_stream_make(NULL, sizeof(uint64_t *), 2, drop);
    struct producer p = {rv_stream_ref(s), N, 0};
    struct sum sum = {0};
    cr_assert_eq(pthread_create(&t, NULL, produce_in_thread, &p), 0);
    rv_future *const f = rv_stream_subscribe(s, add, &sum);
    cr_assert_eq(rv_future_get(f, NULL), 0);
    rv_future_release(f);
    while (pthread_tryjoin_np(t, NULL)) rv_gosched();
    cr_assert(sum.n == N && sum.sum == N * (N - 1) / 2);
    all_is_gone(before);
}
Test(stream, threads) { cr_assert_eq(rv_run(from_a_thread, NULL), 0); }

// ---- mistakes --------------------------------------------------------------------------------------------------------------

static void tee_without_copies(void *arg)
{
    rv_stream *outs[2];
    (void)arg;
    rv_stream_tee(rv_stream_make(NULL, 8, 0, drop), outs, 2, NULL);
}
Test(stream, tee_of_what_is_destroyed)
{
    rig_dies(tee_without_copies, NULL, "rv_stream_tee of elements that are destroyed, without a function that copies");
}
static void map_by_nothing(void *arg)
{
    (void)arg;
    rv_stream_map(rv_stream_make(NULL, 8, 0, NULL), NULL, NULL, 8, NULL);
}
Test(stream, a_function_is_needed) { rig_dies(map_by_nothing, NULL, "a stage of a NULL function"); }
