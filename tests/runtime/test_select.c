// test_select.c: select against a naive model, its ends, and that it leaves nothing behind anywhere.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

enum { CHANNELS = 5, CASES = 8 };

// ---- one goroutine, nobody waits -------------------------------------------------------------------------------------

struct model {
    rv_chan *ch;
    size_t capacity;
    uint64_t sent, received; // the n-th element is n
    bool closed;
};
static bool ready(const struct model *m, bool send)
{
    if (m->closed) return true;
    return send ? m->sent - m->received < m->capacity : m->sent != m->received;
}
static void check_chosen(struct model *m, const rv_case *c, uint64_t value)
{
    if (c->kind == RV_CASE_SEND) {
        m->sent++;
        return;
    }
    const bool open = m->sent != m->received;
    cr_assert_eq(c->ok, open);
    cr_assert_eq(value, open ? m->received++ : 0);
}
static void step(struct model *models, uint64_t *random)
{
    rv_case cases[CASES];
    uint64_t values[CASES];
    struct model *of[CASES];
    bool any = false;
    const int n = (int)(rig_random(random) % (CASES + 1));
    for (int i = 0; i < n; i++) {
        struct model *const m = of[i] = &models[rig_random(random) % CHANNELS];
        const bool send = !m->closed && rig_random(random) % 2, nil = rig_random(random) % 8 == 0;
        values[i] = send ? m->sent : ~0ull;
        cases[i] = send ? RV_SEND(nil ? NULL : m->ch, &values[i]) : RV_RECV(nil ? NULL : m->ch, &values[i]);
        if (nil) of[i] = NULL;
        any |= !nil && ready(m, send);
    }
    const int i = rv_select(cases, n, RV_SELECT_DEFAULT);
    cr_assert_eq(i >= 0, any);
    if (i < 0) {
        cr_assert_eq(i, -EAGAIN);
        return;
    }
    cr_assert(of[i] && ready(of[i], cases[i].kind == RV_CASE_SEND));
    check_chosen(of[i], &cases[i], values[i]);
}
static void nobody_waits(void *random)
{
    for (int round = 0; round < 100; round++) {
        struct model m[CHANNELS] = {0};
        for (int i = 0; i < CHANNELS; i++) m[i].ch = RV_CHAN(uint64_t, m[i].capacity = rig_random(random) % 4);
        for (int k = 0; k < 200; k++) {
            step(m, random);
            struct model *const one = &m[rig_random(random) % CHANNELS];
            if (k > 150 && !one->closed) rv_chan_close(one->ch), one->closed = true;
        }
        for (int i = 0; i < CHANNELS; i++) rv_chan_free(m[i].ch);
    }
}
Test(select, what_is_ready_is_chosen)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(nobody_waits, &random), 0);
}

// Four of six are ready, each shall be chosen a quarter of the times: 2,000 of 8,000, with a deviation of 39.
static void evenly(void *arg)
{
    (void)arg;
    rv_chan *ch[6];
    int chosen[6] = {0};
    const int one = 1;
    for (int i = 0; i < 6; i++) {
        ch[i] = RV_CHAN(int, 1);
        if (i != 1 && i != 4) rv_chan_send(ch[i], &one);
    }
    for (int k = 0; k < 8000; k++) {
        rv_case c[6];
        for (int i = 0; i < 6; i++) c[i] = RV_RECV(ch[i], NULL);
        const int i = rv_select(c, 6, 0);
        chosen[i]++;
        rv_chan_send(ch[i], &one);
    }
    for (int i = 0; i < 6; i++) {
        const bool is_ready = i != 1 && i != 4;
        cr_expect(is_ready ? chosen[i] > 1700 && chosen[i] < 2300 : !chosen[i], "case %d: %d", i, chosen[i]);
        rv_chan_free(ch[i]);
    }
}
Test(select, each_that_is_ready_as_often) { cr_assert_eq(rv_run(evenly, NULL), 0); }

// ---- one waits -------------------------------------------------------------------------------------------------------

struct wait {
    rv_case cases[CASES];
    int n, chosen;
    bool ok;
    rv_waitgroup done;
};
static void do_wait(void *p)
{
    struct wait *const w = p;
    w->chosen = rv_select(w->cases, w->n, 0);
    w->ok = w->cases[w->chosen].ok;
    rv_wg_done(&w->done);
}
static void *do_wait_in_thread(void *p)
{
    do_wait(p);
    return NULL;
}
static void nobody_left(rv_chan **ch)
{
    for (int i = 0; i < CHANNELS; i++) cr_assert(!rig_waiters(ch[i], true) && !rig_waiters(ch[i], false));
}
// Receives from channels 0 to 2, twice from 1; sends to 2, 3 and 4.
static void each_wakes(bool thread)
{
    for (int which = 0; which < 7; which++) {
        rv_chan *ch[CHANNELS];
        int in[4] = {0}, out[3] = {100, 101, 102}, got = 0;
        for (int i = 0; i < CHANNELS; i++) ch[i] = RV_CHAN(int, 0);
        struct wait w = {.n = 7,
                         .cases = {RV_RECV(ch[0], &in[0]), RV_RECV(ch[1], &in[1]), RV_RECV(ch[1], &in[2]),
                                   RV_RECV(ch[2], &in[3]), RV_SEND(ch[2], &out[0]), RV_SEND(ch[3], &out[1]),
                                   RV_SEND(ch[4], &out[2])}};
        rv_wg_add(&w.done, 1);
        pthread_t t;
        if (thread)
            cr_assert_eq(pthread_create(&t, NULL, do_wait_in_thread, &w), 0);
        else
            rv_go(do_wait, &w);
        RIG_UNTIL(rig_waiters(ch[4], true) == 1);
        const int value = 7;
        if (which < 4)
            rv_chan_send(w.cases[which].ch, &value);
        else
            rv_chan_recv(w.cases[which].ch, &got);
        nobody_left(ch); // already now, whenever the other runs
        for (int i = 0; i < CHANNELS; i++) rv_chan_free(ch[i]);
        rv_wg_wait(&w.done);
        if (thread) pthread_join(t, NULL);
        cr_assert(w.ok && (w.chosen == which || (which == 2 && w.chosen == 1)), "%d for %d", w.chosen, which);
        if (which < 4)
            cr_assert_eq(in[w.chosen], 7);
        else
            cr_assert_eq(got, out[which - 4]);
    }
}
static void each_wakes_a_goroutine(void *arg)
{
    (void)arg;
    each_wakes(false);
}
static void each_wakes_a_thread(void *arg)
{
    (void)arg;
    each_wakes(true);
}
Test(select, each_case_wakes_it_and_the_others_forget_it)
{
    cr_assert_eq(rv_run(each_wakes_a_goroutine, NULL), 0);
    cr_assert_eq(rv_run(each_wakes_a_thread, NULL), 0);
}
static void close_wakes(void *arg)
{
    (void)arg;
    rv_chan *const a = RV_CHAN(int, 0), *const b = RV_CHAN(int, 0);
    int value = 5;
    struct wait w = {.n = 2, .cases = {RV_RECV(a, NULL), RV_RECV(b, &value)}};
    rv_wg_add(&w.done, 1);
    rv_go(do_wait, &w);
    RIG_UNTIL(rig_waiters(b, false) == 1);
    rv_chan_close(b);
    rv_chan_free(a);
    rv_chan_free(b);
    rv_wg_wait(&w.done);
    cr_assert(w.chosen == 1 && !w.ok && value == 0);
}
Test(select, a_close_wakes_it) { cr_assert_eq(rv_run(close_wakes, NULL), 0); }

// ---- time ------------------------------------------------------------------------------------------------------------

static void time_out(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(int, 1);
    const int64_t start = rv_now();
    cr_assert_eq(rv_select((rv_case[]){RV_RECV(ch, NULL), RV_TIMEOUT(3600000000000), RV_TIMEOUT(2000000)}, 3, 0), 2);
    cr_assert_geq(rv_now() - start, 2000000);
    cr_assert_eq(rv_select((rv_case[]){RV_RECV(NULL, NULL), RV_TIMEOUT(1)}, 2, 0), 1);
    cr_assert_eq(rv_select((rv_case[]){RV_RECV(ch, NULL), RV_TIMEOUT(0)}, 2, RV_SELECT_DEFAULT), 1);
    cr_assert_eq(rv_select((rv_case[]){RV_TIMEOUT(1000)}, 1, RV_SELECT_DEFAULT), -EAGAIN);
    const int one = 1;
    rv_chan_send(ch, &one);
    cr_assert_eq(rv_select((rv_case[]){RV_RECV(ch, NULL), RV_TIMEOUT(3600000000000)}, 2, 0), 0);
    rv_chan_free(ch);
}
static void *time_out_in_thread(void *arg)
{
    time_out(arg);
    return NULL;
}
static void join(void *t) { pthread_join(*(pthread_t *)t, NULL); }
static void time_out_both(void *arg)
{
    pthread_t t;
    time_out(arg);
    cr_assert_eq(pthread_create(&t, NULL, time_out_in_thread, NULL), 0);
    rv_blocking(join, &t);
}
Test(select, a_time_out_ends_it, .timeout = 60) { cr_assert_eq(rv_run(time_out_both, NULL), 0); }

// ---- many at once ----------------------------------------------------------------------------------------------------

// Everybody selects among all channels, to send and to receive; some give up after a moment. What was sent is received.
struct crowd {
    rv_chan *ch[CHANNELS];
    _Atomic uint64_t sent, received, sent_sum, received_sum;
    _Atomic uint64_t random;
    uint64_t each;
    rv_waitgroup senders, receivers;
};
static void send_some(void *p)
{
    struct crowd *const c = p;
    uint64_t random = (c->random += 0x9e3779b97f4a7c15u);
    for (uint64_t k = 0; k < c->each; k++) {
        const uint64_t r = rig_random(&random), value = r >> 8;
        rv_case cases[] = {RV_SEND(c->ch[r % CHANNELS], &value), RV_SEND(c->ch[r / 8 % CHANNELS], &value),
                           RV_SEND(c->ch[r / 64 % CHANNELS], &value), RV_TIMEOUT((int64_t)(r % 3000))};
        if (rv_select(cases, 3 + (r % 4 == 0), 0) == 3) continue;
        c->sent++;
        c->sent_sum += value;
    }
    rv_wg_done(&c->senders);
}
static void receive_all(void *p)
{
    struct crowd *const c = p;
    uint64_t value, open = (1 << CHANNELS) - 1;
    while (open) {
        rv_case cases[CHANNELS];
        for (int i = 0; i < CHANNELS; i++) cases[i] = RV_RECV(open >> i & 1 ? c->ch[i] : NULL, &value);
        const int i = rv_select(cases, CHANNELS, 0);
        if (!cases[i].ok) {
            open &= ~(1ull << i);
            continue;
        }
        c->received++;
        c->received_sum += value;
    }
    rv_wg_done(&c->receivers);
}
static void *send_some_in_thread(void *p)
{
    send_some(p);
    return NULL;
}
static void crowds(void *random)
{
    for (int round = 0; round < 40; round++) {
        rv_gomaxprocs(1 + round % 2);
        struct crowd c = {.random = rig_random(random), .each = 200};
        for (int i = 0; i < CHANNELS; i++) c.ch[i] = RV_CHAN(uint64_t, rig_random(random) % 3);
        pthread_t t;
        rv_wg_add(&c.senders, 9);
        rv_wg_add(&c.receivers, 6);
        for (int i = 0; i < 6; i++) rv_go(receive_all, &c);
        for (int i = 0; i < 8; i++) rv_go(send_some, &c);
        cr_assert_eq(pthread_create(&t, NULL, send_some_in_thread, &c), 0);
        rv_wg_wait(&c.senders);
        for (int i = 0; i < CHANNELS; i++) rv_chan_close(c.ch[i]);
        rv_wg_wait(&c.receivers);
        cr_assert(c.sent == c.received && c.sent_sum == c.received_sum);
        pthread_join(t, NULL);
        for (int i = 0; i < CHANNELS; i++) rv_chan_free(c.ch[i]);
    }
}
Test(select, nothing_is_lost_or_doubled, .timeout = 120)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(crowds, &random), 0);
}

// Two selects over the same two channels, each to send and to receive: they meet, whoever comes first.
struct meeting {
    rv_chan *a, *b;
    _Atomic int balance;
    rv_waitgroup done;
};
static void meet(void *p)
{
    struct meeting *const m = p;
    for (int k = 0; k < 500; k++) {
        int in, out = k;
        rv_case cases[] = {RV_SEND(m->a, &out), RV_RECV(m->a, &in), RV_SEND(m->b, &out), RV_RECV(m->b, &in)};
        m->balance += rv_select(cases, 4, 0) % 2 ? 1 : -1;
    }
    rv_wg_done(&m->done);
}
static void meetings(void *arg)
{
    (void)arg;
    for (int procs = 1; procs <= 2; procs++) {
        rv_gomaxprocs(procs);
        struct meeting m = {.a = RV_CHAN(int, 0), .b = RV_CHAN(int, 0)};
        rv_wg_add(&m.done, 2);
        for (int i = 0; i < 2; i++) rv_go(meet, &m);
        rv_wg_wait(&m.done);
        cr_assert_eq(m.balance, 0);
        rv_chan_free(m.a);
        rv_chan_free(m.b);
    }
}
Test(select, selects_meet) { cr_assert_eq(rv_run(meetings, NULL), 0); }

// As soon as one channel has done its part, everybody may free the others: here at once, to memory that is then unmapped.
enum { BIG = 1 << 20 };
struct ended {
    rv_chan *a, *b, *c;
    rv_waitgroup done;
};
static void select_once(void *p)
{
    struct ended *const e = p;
    const int i = rv_select((rv_case[]){RV_RECV(e->a, NULL), RV_RECV(e->b, NULL), RV_RECV(e->c, NULL)}, 3, 0);
    cr_assert_eq(i, 1);
    rv_wg_done(&e->done);
}
static void free_others(void *arg)
{
    static char elem[BIG];
    (void)arg;
    for (int k = 0; k < 400; k++) {
        rv_gomaxprocs(1 + k % 2);
        struct ended e = {.a = rv_chan_make(BIG, 1), .b = rv_chan_make(1, 0), .c = rv_chan_make(BIG, 1)};
        rv_wg_add(&e.done, 1);
        rv_go(select_once, &e);
        if (k % 4 < 2) RIG_UNTIL(rig_waiters(e.c, false) == 1);
        rv_chan_send(e.b, elem);
        rv_chan_free(e.a);
        rv_chan_free(e.c);
        rv_chan_free(e.b);
        rv_wg_wait(&e.done);
    }
}
Test(select, what_it_left_may_be_freed) { cr_assert_eq(rv_run(free_others, NULL), 0); }

// ---- misuse ----------------------------------------------------------------------------------------------------------

static void send_on_closed(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(int, 1);
    const int one = 1;
    rv_chan_close(ch);
    rv_select((rv_case[]){RV_SEND(ch, &one), RV_RECV(NULL, NULL)}, 2, RV_SELECT_DEFAULT);
}
static void closer(void *ch)
{
    RIG_UNTIL(rig_waiters(ch, true) == 1);
    rv_chan_close(ch);
}
static void closed_while_it_waits(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(int, 0);
    const int one = 1;
    rv_go(closer, ch);
    rv_select((rv_case[]){RV_RECV(NULL, NULL), RV_SEND(ch, &one)}, 2, 0);
}
static void of_nothing(void *arg)
{
    (void)arg;
    rv_select(NULL, 0, 0);
}
static void selects_for_ever(void *ch) { rv_select((rv_case[]){RV_RECV(ch, NULL), RV_RECV(ch, NULL)}, 2, 0); }
static void free_under_it(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(int, 0);
    rv_go(selects_for_ever, ch);
    RIG_UNTIL(rig_waiters(ch, false) == 2);
    rv_chan_free(ch);
}
static void of_no_kind(void *arg)
{
    (void)arg;
    rv_select((rv_case[]){RV_TIMEOUT(0), {.kind = 9}}, 2, 0);
}
Test(select, misuse_is_fatal)
{
    rig_dies(send_on_closed, NULL, "send on closed channel");
    rig_dies(closed_while_it_waits, NULL, "send on closed channel");
    rig_dies(of_nothing, NULL, "[select (no cases)]");
    rig_dies(free_under_it, NULL, "free of a channel at which 2 goroutines wait to receive");
    rig_dies(of_no_kind, NULL, "rv_select: case 1 is of no kind");
}
