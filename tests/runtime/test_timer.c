// test_timer.c: the timer heap against a sorted list, over random operations; and by many threads at once, where each
// start must end in exactly one fire or one stop.
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/timer.h"

// ---- against a naive model -----------------------------------------------------------------------------------------

enum { HEAPS = 3, TIMERS = 300, STEPS = 10000 };
static struct rv__timers heaps[HEAPS];
static struct rv__timer timers[TIMERS];
static struct {
    int home; // -1: none
    int64_t when, period;
    uint64_t seq;
} model[TIMERS];
static uint64_t model_seq[HEAPS];
static int order[TIMERS * 4], fired; // what fired, in order
static int running;                  // the heap that runs

static void on_fire(struct rv__timer *t, int64_t now)
{
    cr_assert_lt(fired, TIMERS * 4);
    cr_assert_leq(t->when, now);
    order[fired++] = (int)(t - timers);
    if (t->period) cr_assert(rv__timer_again(&heaps[running], t, now));
}
static int model_first(int h)
{
    int best = -1;
    for (int i = 0; i < TIMERS; i++) {
        if (model[i].home != h) continue;
        if (best < 0 || model[i].when < model[best].when ||
            (model[i].when == model[best].when && model[i].seq < model[best].seq))
            best = i;
    }
    return best;
}
static void check_next(unsigned seed, int step)
{
    for (int h = 0; h < HEAPS; h++) {
        const int first = model_first(h);
        cr_assert_eq(rv__timers_next(&heaps[h]), first < 0 ? RV__NEVER : model[first].when, "seed %u, step %d: heap %d",
                     seed, step, h);
    }
}
static void step_add(unsigned seed, int step, int i, int64_t now)
{
    const int h = rand() % HEAPS;
    if (model[i].home >= 0) return;
    // Few different times, so that there are ties; some are past already.
    timers[i].when = model[i].when = now - 5 + rand() % 40;
    timers[i].period = model[i].period = rand() % 4 ? 0 : 1 + rand() % 9;
    model[i].home = h;
    model[i].seq = model_seq[h]++;
    const bool earliest = rv__timer_add(&heaps[h], &timers[i]);
    cr_assert_eq(earliest, model_first(h) == i, "seed %u, step %d: add tells wrongly what is earliest", seed, step);
}
static void step_run(unsigned seed, int step, int h, int64_t now)
{
    static int want[TIMERS * 4];
    int n = 0, again[TIMERS], n_again = 0;
    fired = 0;
    running = h;
    for (int i; (i = model_first(h)) >= 0 && model[i].when <= now;) {
        want[n++] = i;
        model[i].home = -1;
        if (model[i].period) again[n_again++] = i;
    }
    for (int k = 0; k < n_again; k++) {
        const int i = again[k];
        while (model[i].when <= now) model[i].when += model[i].period;
        model[i].home = h;
        model[i].seq = model_seq[h]++;
    }
    cr_assert_eq(rv__timers_run(&heaps[h], now), n, "seed %u, step %d", seed, step);
    cr_assert_eq(fired, n, "seed %u, step %d", seed, step);
    cr_assert(!memcmp(order, want, (size_t)n * sizeof *want), "seed %u, step %d: out of order", seed, step);
}
static void step_move(int from, int to)
{
    if (from == to) return;
    rv__timers_move(&heaps[from], &heaps[to]);
    for (int i = 0; i < TIMERS; i++)
        if (model[i].home == from) model[i].home = to;
    if (model_seq[to] < model_seq[from]) model_seq[to] = model_seq[from];
}
// Ties between timers of different heaps have no order that is promised, but they have one: the sequence numbers'.
// After a move two may be equal in all; the model then takes the lower index, the heap either, so such steps avoid
// ties.
static bool twins(int a, int b)
{
    for (int i = 0; i < TIMERS; i++)
        for (int j = 0; j < TIMERS; j++)
            if (model[i].home == a && model[j].home == b && model[i].when == model[j].when &&
                model[i].seq == model[j].seq)
                return true;
    return false;
}
Test(timer, random_operations)
{
    for (unsigned seed = 1; seed <= 6; seed++) {
        int64_t now = 1000;
        srand(seed);
        memset(model_seq, 0, sizeof model_seq);
        for (int h = 0; h < HEAPS; h++) rv__timers_init(&heaps[h]);
        for (int i = 0; i < TIMERS; i++) {
            timers[i] = (struct rv__timer){.fire = on_fire};
            model[i].home = -1;
        }
        for (int step = 0; step < STEPS; step++) {
            const int i = rand() % TIMERS, what = rand() % 100, a = rand() % HEAPS, b = rand() % HEAPS;
            if (what < 55) {
                step_add(seed, step, i, now);
            } else if (what < 80) {
                cr_assert_eq(rv__timer_del(&timers[i]), model[i].home >= 0, "seed %u, step %d", seed, step);
                model[i].home = -1;
            } else if (what < 99) {
                now += rand() % 4;
                step_run(seed, step, a, now);
            } else if (a != b && !twins(a, b)) {
                step_move(a, b);
            }
            check_next(seed, step);
        }
    }
}

// Late ticks are dropped: whatever the delay, one fire, and the next on the grid of the period.
static int64_t last_now;
static int count;
static void on_tick(struct rv__timer *t, int64_t now)
{
    count++;
    last_now = now;
    cr_assert(rv__timer_again(t->arg, t, now));
}
Test(timer, late_ticks)
{
    struct rv__timers ts;
    rv__timers_init(&ts);
    struct rv__timer t = {.when = 100, .period = 10, .fire = on_tick, .arg = &ts};
    rv__timer_add(&ts, &t);
    cr_assert_eq(rv__timers_run(&ts, 99), 0);
    cr_assert_eq(rv__timers_run(&ts, 100), 1);
    cr_assert_eq(rv__timers_next(&ts), 110);
    cr_assert_eq(rv__timers_run(&ts, 145), 1);
    cr_assert_eq(rv__timers_next(&ts), 150);
    cr_assert_eq(rv__timers_run(&ts, 150), 1);
    cr_assert_eq(rv__timers_next(&ts), 160);
    cr_assert(rv__timer_del(&t));
    cr_assert_not(rv__timer_del(&t));
    cr_assert_eq(rv__timers_next(&ts), RV__NEVER);
}
// A del while fire runs: false, and again is refused, even when the timer has been started anew meanwhile.
static void on_deleted(struct rv__timer *t, int64_t now)
{
    cr_assert_not(rv__timer_del(t));
    if (count++ == 0) {
        t->when = now + 7;
        cr_assert(rv__timer_add(t->arg, t));
    }
    cr_assert_not(rv__timer_again(t->arg, t, now));
}
Test(timer, deleted_in_fire)
{
    struct rv__timers ts;
    rv__timers_init(&ts);
    struct rv__timer t = {.when = 100, .period = 10, .fire = on_deleted, .arg = &ts};
    rv__timer_add(&ts, &t);
    cr_assert_eq(rv__timers_run(&ts, 100), 1);
    cr_assert_eq(rv__timers_next(&ts), 107);
    cr_assert_eq(rv__timers_run(&ts, 110), 1);
    cr_assert_eq(rv__timers_next(&ts), RV__NEVER);
}
// The timer's memory is fire's: it may be overwritten at once.
static void on_free(struct rv__timer *t, int64_t now)
{
    (void)now;
    memset(t, 0xff, sizeof *t);
    free(t);
}
Test(timer, freed_by_its_fire)
{
    struct rv__timers ts;
    rv__timers_init(&ts);
    for (int i = 0; i < 100; i++) {
        struct rv__timer *t = calloc(1, sizeof *t);
        t->when = i;
        t->fire = on_free;
        rv__timer_add(&ts, t);
    }
    cr_assert_eq(rv__timers_run(&ts, 100), 100);
}
// A heap that was cleared has forgotten its timers, and they find out.
Test(timer, cleared)
{
    struct rv__timers ts;
    rv__timers_init(&ts);
    struct rv__timer t[2] = {{.when = 100, .fire = on_tick}, {.when = 90, .fire = on_tick}};
    rv__timer_add(&ts, &t[0]);
    rv__timers_clear(&ts);
    cr_assert_eq(rv__timers_next(&ts), RV__NEVER);
    cr_assert(rv__timer_add(&ts, &t[1])); // takes the place that t[0] had
    cr_assert_not(rv__timer_del(&t[0]));
    cr_assert_eq(rv__timers_next(&ts), 90);
    cr_assert(rv__timer_del(&t[1]));
}

// ---- many threads --------------------------------------------------------------------------------------------------

enum { OWNERS = 4, EACH = 32, ROUNDS = 4000 };
static struct rv__timers shared[2];
static struct shot {
    struct rv__timer t;
    uint32_t fires, again_refused;        // atomic
    uint32_t starts, stops, stopped_late; // the owner's
    bool active;
} shots[OWNERS][EACH];
static int64_t clock_now; // atomic
static uint32_t owners_left, turn;

static void on_shot(struct rv__timer *t, int64_t now)
{
    struct shot *s = (struct shot *)t;
    if (t->period && !rv__timer_again(&shared[base_add_relaxed(&turn, 1) & 1], t, now))
        base_add_acq_rel(&s->again_refused, 1);
    else
        base_add_acq_rel(&s->fires, 1); // releases s to its owner; pairs with the acquire in own
}
static void own(struct shot *s, unsigned *seed)
{
    if (!s->active) {
        s->t.when = base_load_relaxed(&clock_now) + rand_r(seed) % 50;
        rv__timer_add(&shared[rand_r(seed) & 1], &s->t);
        s->starts++;
        s->active = true;
    } else if (rand_r(seed) & 1) {
        if (rv__timer_del(&s->t)) {
            s->stops++;
        } else { // its fire is about to run, or has: wait for that, and the timer is ours again
            const uint32_t *ends = s->t.period ? &s->again_refused : &s->fires;
            s->stopped_late++;
            while (base_load_acquire(ends) != s->stopped_late) sys_yield(); // pairs with on_shot
        }
        s->active = false;
    }
}
static void *owner(void *p)
{
    struct shot *mine = p;
    unsigned seed = (unsigned)(mine - shots[0]) + 1;
    for (int r = 0; r < ROUNDS; r++) own(&mine[rand_r(&seed) % EACH], &seed);
    base_sub_acq_rel(&owners_left, 1);
    return NULL;
}
static void *runner(void *p)
{
    unsigned seed = (unsigned)(uintptr_t)p;
    while (base_load_acquire(&owners_left)) {
        const int64_t now = base_add_relaxed(&clock_now, 1);
        rv__timers_run(&shared[rand_r(&seed) & 1], now);
        if (rand_r(&seed) % 16 == 0) {
            const int from = (int)(rand_r(&seed) & 1);
            rv__timers_move(&shared[from], &shared[!from]);
        }
    }
    return NULL;
}
static void run_all(void)
{
    pthread_t threads[OWNERS + 2];
    owners_left = OWNERS;
    for (int i = 0; i < OWNERS; i++) pthread_create(&threads[i], NULL, owner, shots[i]);
    for (int i = 0; i < 2; i++) pthread_create(&threads[OWNERS + i], NULL, runner, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < OWNERS + 2; i++) pthread_join(threads[i], NULL);
}
static void prepare(int64_t period)
{
    memset(shots, 0, sizeof shots);
    for (int i = 0; i < 2; i++) rv__timers_init(&shared[i]);
    for (int i = 0; i < OWNERS; i++)
        for (int k = 0; k < EACH; k++) shots[i][k].t = (struct rv__timer){.fire = on_shot, .period = period};
}
// Once only: a start ends in one fire, or in one stop that said true, never in both and never in none.
Test(timer, threads_once)
{
    prepare(0);
    run_all();
    for (int h = 0; h < 2; h++) rv__timers_run(&shared[h], RV__NEVER - 1);
    for (int i = 0; i < OWNERS; i++)
        for (int k = 0; k < EACH; k++) {
            const struct shot *s = &shots[i][k];
            cr_assert_eq(s->starts, s->stops + s->fires, "%u starts, %u stops, %u fires", s->starts, s->stops,
                         s->fires);
        }
}
// With a period: a stop that says true ends it, one that says false is followed by one fire that is not repeated.
Test(timer, threads_every)
{
    prepare(3);
    run_all();
    for (int i = 0; i < OWNERS; i++)
        for (int k = 0; k < EACH; k++) {
            struct shot *s = &shots[i][k];
            if (s->active) s->stops += rv__timer_del(&s->t);
            cr_assert_eq(s->starts, s->stops + s->again_refused);
        }
    for (int h = 0; h < 2; h++) cr_assert_eq(rv__timers_run(&shared[h], RV__NEVER - 1), 0);
}
