// test_cond.c: conds and onces: who is woken, in which order, how often; and freed by who was woken.
#include <pthread.h>

#include "tests/runtime/rig.h"

// ---- first in, first out ---------------------------------------------------------------------------------------------

enum { WAITERS = 8 };
struct line {
    rv_mutex m;
    rv_cond c;
    int order[WAITERS];
    int n;
};
struct place {
    struct line *line;
    int i;
};
static void stand(void *p)
{
    const struct place *const at = p;
    struct line *const l = at->line;
    rv_mutex_lock(&l->m);
    rv_cond_wait(&l->c, &l->m);
    l->order[l->n++] = at->i;
    rv_mutex_unlock(&l->m);
}
static void line_up(struct line *l, struct place *at, int n)
{
    l->n = 0;
    for (int i = 0; i < n; i++) {
        at[i] = (struct place){l, i};
        rv_go(stand, &at[i]);
        RIG_UNTIL((int)rig_sleepers(&l->c.waiters) == i + 1);
    }
}
static void in_order(void *arg)
{
    (void)arg;
    static struct line l;
    struct place at[WAITERS];
    rv_gomaxprocs(1);
    line_up(&l, at, WAITERS);
    for (int i = 0; i < WAITERS; i++) { // with the mutex, and without it
        if (i % 2) rv_mutex_lock(&l.m);
        rv_cond_signal(&l.c);
        if (i % 2) rv_mutex_unlock(&l.m);
        RIG_UNTIL(l.n == i + 1);
        for (int k = 0; k < 20; k++) rv_gosched();
        cr_assert_eq(l.n, i + 1);
        cr_assert_eq(l.order[i], i);
    }
    rv_cond_signal(&l.c); // nobody: not kept
    line_up(&l, at, WAITERS);
    cr_assert_eq(l.n, 0);
    rv_cond_broadcast(&l.c);
    RIG_UNTIL(l.n == WAITERS);
}
Test(cond, first_come_first_served) { cr_assert_eq(rv_run(in_order, NULL), 0); }

// ---- many at once: a queue with room for few ---------------------------------------------------------------------------

enum { SIDES = 6, THREADS = 2, EACH = 500, ROOM = 3 };
struct store {
    rv_mutex m;
    rv_cond more, less;
    rv_waitgroup left;
    int n;
    uint64_t in, out;
};
static void put(void *p)
{
    struct store *const s = p;
    for (int i = 0; i < EACH; i++) {
        rv_mutex_lock(&s->m);
        while (s->n == ROOM) rv_cond_wait(&s->less, &s->m);
        s->n++, s->in++;
        rv_mutex_unlock(&s->m);
        rv_cond_signal(&s->more);
    }
    rv_wg_done(&s->left);
}
static void get(void *p)
{
    struct store *const s = p;
    for (int i = 0; i < EACH; i++) {
        rv_mutex_lock(&s->m);
        while (s->n == 0) rv_cond_wait(&s->more, &s->m);
        s->n--, s->out++;
        (i % 8 ? rv_cond_signal : rv_cond_broadcast)(&s->less);
        rv_mutex_unlock(&s->m);
    }
    rv_wg_done(&s->left);
}
static void *put_in_thread(void *p) { return put(p), NULL; }
static void *get_in_thread(void *p) { return get(p), NULL; }
static void trade(void *arg)
{
    (void)arg;
    for (int procs = 1; procs <= 2; procs++) {
        struct store s = {0};
        pthread_t t[2];
        rv_gomaxprocs(procs);
        rv_wg_add(&s.left, 2 * SIDES + THREADS);
        for (int i = 0; i < SIDES; i++) rv_go(put, &s), rv_go(get, &s);
        cr_assert_eq(pthread_create(&t[0], NULL, put_in_thread, &s), 0);
        cr_assert_eq(pthread_create(&t[1], NULL, get_in_thread, &s), 0);
        rv_wg_wait(&s.left);
        for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
        cr_assert_eq(s.in, s.out);
        cr_assert_eq(s.n, 0);
    }
}
Test(cond, no_signal_is_lost) { cr_assert_eq(rv_run(trade, NULL), 0); }

// ---- freed at once ---------------------------------------------------------------------------------------------------

struct gate {
    rv_mutex m;
    rv_cond c;
    bool open;
};
static void wait_and_free(void *p)
{
    struct gate *const g = p;
    rv_mutex_lock(&g->m);
    while (!g->open) rv_cond_wait(&g->c, &g->m);
    rv_mutex_unlock(&g->m);
    munmap(g, 4096);
}
static void free_at_once(void *arg)
{
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < 1000; i++) {
        struct gate *const g = rig_page();
        rv_waitgroup left = {0};
        rv_wg_go(&left, wait_and_free, g);
        if (i % 2) rv_gosched();
        rv_mutex_lock(&g->m);
        g->open = true;
        rv_cond_signal(&g->c);
        rv_mutex_unlock(&g->m);
        rv_wg_wait(&left);
    }
}
Test(cond, freed_by_who_was_woken)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(free_at_once, &procs), 0);
}
static void wait_alone(void *arg)
{
    (void)arg;
    static rv_mutex m;
    static rv_cond c;
    rv_mutex_lock(&m);
    rv_cond_wait(&c, &m);
}
static void wait_unlocked(void *arg)
{
    (void)arg;
    static rv_mutex m;
    static rv_cond c;
    rv_cond_wait(&c, &m);
}
Test(cond, misuse_is_fatal)
{
    rig_dies(wait_alone, NULL, "[sync.Cond.Wait]");
    rig_dies(wait_unlocked, NULL, "fatal error: sync: unlock of unlocked mutex");
}

// ---- once ------------------------------------------------------------------------------------------------------------

struct first {
    rv_once once;
    rv_waitgroup left;
    uint32_t runs, over, seen; // atomic
    bool leave;
};
static void run(void *p)
{
    struct first *const f = p;
    base_add_relaxed(&f->runs, 1u);
    for (int i = 0; i < 5; i++) rv_gosched();
    base_store_relaxed(&f->over, 1u); // relaxed: the once orders it
    if (f->leave) rv_goexit();
}
static void call(void *p)
{
    struct first *const f = p;
    RV_DEFER((rv_fn *)rv_wg_done, &f->left);
    rv_once_do(&f->once, run, f);
    cr_assert_eq(base_load_relaxed(&f->over), 1u); // relaxed: as above
    base_add_relaxed(&f->seen, 1u);
}
static void *call_in_thread(void *p) { return call(p), NULL; }
static void once(void *arg)
{
    (void)arg;
    enum { CALLERS = 10 };
    for (int i = 0; i < 200; i++) {
        struct first f = {.leave = i % 2};
        pthread_t t;
        rv_gomaxprocs(1 + i / 2 % 2);
        rv_wg_add(&f.left, CALLERS + !f.leave);
        for (int k = 0; k < CALLERS; k++) rv_go(call, &f);
        if (!f.leave) cr_assert_eq(pthread_create(&t, NULL, call_in_thread, &f), 0);
        rv_wg_wait(&f.left);
        if (!f.leave) pthread_join(t, NULL);
        cr_assert_eq(base_load_relaxed(&f.runs), 1u);
        cr_assert_eq(base_load_relaxed(&f.seen), f.leave ? CALLERS - 1u : CALLERS + 1u);
    }
}
Test(once, once_and_over_for_all) { cr_assert_eq(rv_run(once, NULL), 0); }
