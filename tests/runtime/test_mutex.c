// test_mutex.c: mutexes: one at a time, nobody forgotten, who starves comes next, and freed by whoever locks next.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

enum { LOCKED = 1, STARVING = 16 };

// ---- one step at a time ----------------------------------------------------------------------------------------------

enum { WORKERS = 5 };
enum told { IDLE, LOCK, HAS, UNLOCK, END, ENDED };
struct worker {
    rv_mutex *m;
    uint32_t state; // atomic, enum told: IDLE -> LOCK -> HAS -> UNLOCK -> IDLE
};
static uint32_t told(struct worker *w) { return base_load_acquire(&w->state); } // acquire: what the other side did
static void tell(struct worker *w, uint32_t what) { base_store_release(&w->state, what); }
static void obey(void *p)
{
    struct worker *const w = p;
    for (;;) {
        RIG_UNTIL(told(w) == LOCK || told(w) == UNLOCK || told(w) == END);
        if (told(w) == END) break;
        if (told(w) == LOCK) {
            rv_mutex_lock(w->m);
            tell(w, HAS);
        } else {
            rv_mutex_unlock(w->m);
            tell(w, IDLE);
        }
    }
    tell(w, ENDED);
}
static int count(struct worker *w, uint32_t state)
{
    int n = 0;
    for (int i = 0; i < WORKERS; i++) n += told(&w[i]) == state;
    return n;
}
// The model: held or not, and by whom. Who wants it gets it exactly when it is free.
static void settle(struct worker *w, int wanting, bool held)
{
    if (!held && wanting) RIG_UNTIL(count(w, HAS) == 1);
    for (int i = 0; i < 20; i++) rv_gosched();
    cr_assert_eq(count(w, HAS), held || wanting ? 1 : 0);
    cr_assert_eq(count(w, LOCK), held || !wanting ? wanting : wanting - 1);
}
static void model(void *random)
{
    rv_mutex m = RV_MUTEX_INIT;
    struct worker w[WORKERS] = {0};
    for (int i = 0; i < WORKERS; i++) w[i].m = &m, rv_go(obey, &w[i]);
    for (int step = 0; step < 3000; step++) {
        struct worker *const one = &w[rig_random(random) % WORKERS];
        const bool held = count(w, HAS) == 1;
        const int error = rv_mutex_trylock(&m);
        cr_assert_eq(error, held ? -EAGAIN : 0);
        if (!error) rv_mutex_unlock(&m); // by who has it just now
        if (told(one) == IDLE) {
            const int wanting = count(w, LOCK) + 1;
            tell(one, LOCK);
            settle(w, wanting, held);
        } else if (told(one) == HAS) {
            const int wanting = count(w, LOCK);
            tell(one, UNLOCK);
            RIG_UNTIL(told(one) == IDLE);
            settle(w, wanting, false);
        }
    }
    while (count(w, IDLE) < WORKERS) {
        for (int k = 0; k < WORKERS; k++)
            if (told(&w[k]) == HAS) tell(&w[k], UNLOCK);
        rv_gosched();
    }
    for (int i = 0; i < WORKERS; i++) {
        tell(&w[i], END);
        RIG_UNTIL(told(&w[i]) == ENDED);
    }
    cr_assert_eq(m.state, 0u);
}
Test(mutex, who_has_it_and_when)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(model, &random), 0);
}

// ---- many at once ----------------------------------------------------------------------------------------------------

enum { CROWD = 20, THREADS = 2, EACH = 500 };
struct crowd {
    rv_mutex m;
    rv_waitgroup left;
    uint64_t v, inside;
    uint64_t seed; // atomic
};
static void add(struct crowd *c, uint64_t r)
{
    if (r % 4 == 0)
        RIG_UNTIL(rv_mutex_trylock(&c->m) == 0);
    else
        rv_mutex_lock(&c->m);
    cr_assert_eq(c->inside++, 0u);
    c->v++;
    if (r % 16 < 2) rv_gosched();
    c->inside--;
    rv_mutex_unlock(&c->m);
}
static void add_many(void *p)
{
    struct crowd *const c = p;
    uint64_t random = base_add_relaxed(&c->seed, 1u) * 0x9e3779b97f4a7c15u | 1;
    for (int i = 0; i < EACH; i++) add(c, rig_random(&random));
    rv_wg_done(&c->left);
}
static void *add_in_thread(void *p)
{
    add_many(p);
    return NULL;
}
static void crowds(void *random)
{
    for (int i = 0; i < 6; i++) {
        rv_gomaxprocs(1 + i % 2);
        struct crowd c = {.seed = rig_random(random)};
        pthread_t t[THREADS];
        rv_wg_add(&c.left, CROWD + THREADS);
        for (int k = 0; k < CROWD; k++) rv_go(add_many, &c);
        for (int k = 0; k < THREADS; k++) cr_assert_eq(pthread_create(&t[k], NULL, add_in_thread, &c), 0);
        rv_wg_wait(&c.left);
        for (int k = 0; k < THREADS; k++) pthread_join(t[k], NULL);
        cr_assert_eq(c.v, (uint64_t)(CROWD + THREADS) * EACH);
        cr_assert_eq(c.m.state, 0u);
        cr_assert_null(c.m.waiters);
    }
}
Test(mutex, one_at_a_time)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(crowds, &random), 0);
}

// ---- starving --------------------------------------------------------------------------------------------------------

struct queue {
    rv_mutex m;
    char order[8];
    size_t n;
};
static void note(struct queue *q, char who)
{
    rv_mutex_lock(&q->m);
    q->order[q->n++] = who;
    rv_mutex_unlock(&q->m);
}
static void first(void *q) { note(q, 'A'); }
static void second(void *q) { note(q, 'B'); }
static void starve(void *p)
{
    struct queue *const q = p;
    rv_gomaxprocs(1);
    rv_mutex_lock(&q->m);
    rv_go(first, q);
    RIG_UNTIL(rig_sleepers(&q->m.waiters) == 1);
    rv_go(second, q);
    RIG_UNTIL(rig_sleepers(&q->m.waiters) == 2);
    rv_mutex_unlock(&q->m); // A is woken,
    rv_mutex_lock(&q->m);   // and too late
    cr_assert_eq(q->n, 0u);
    for (const int64_t until = rv_now() + 2000000; rv_now() < until;) {}
    RIG_UNTIL(rig_sleepers(&q->m.waiters) == 2); // before B again
    cr_assert(base_load_relaxed(&q->m.state) & STARVING);
    rv_mutex_unlock(&q->m);
    note(q, 'C'); // free for nobody but those who wait
    RIG_UNTIL(q->n == 3);
    cr_assert_str_eq(q->order, "ABC");
    cr_assert_eq(q->m.state, 0u);
}
Test(mutex, who_starves_comes_next)
{
    struct queue q = {.order = ""};
    cr_assert_eq(rv_run(starve, &q), 0);
}

// ---- freed at once ---------------------------------------------------------------------------------------------------

struct counted {
    rv_mutex m;
    int refs;
};
static rv_waitgroup droppers;
static void drop(void *p)
{
    struct counted *const c = p;
    rv_mutex_lock(&c->m);
    if (c->refs == 3) rv_gosched();
    const bool last = --c->refs == 0;
    rv_mutex_unlock(&c->m);
    if (last) munmap(c, 4096);
    rv_wg_done(&droppers);
}
static void *drop_all(void *pages)
{
    for (struct counted **c = pages; *c; c++) drop(*c);
    return NULL;
}
static void free_at_once(void *arg)
{
    enum { N = 1000 };
    static struct counted *pages[N + 1];
    rv_gomaxprocs(*(int *)arg);
    pthread_t t;
    rv_wg_add(&droppers, 4 * N);
    for (int i = 0; i < N; i++) pages[i] = rig_page(), pages[i]->refs = 4;
    cr_assert_eq(pthread_create(&t, NULL, drop_all, pages), 0);
    for (int i = 0; i < N; i++) {
        rv_go(drop, pages[i]);
        rv_go(drop, pages[i]);
        drop(pages[i]);
    }
    pthread_join(t, NULL);
    rv_wg_wait(&droppers);
}
Test(mutex, freed_by_who_locks_it_next)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(free_at_once, &procs), 0);
}

// ---- others' unlocks, and misuse -------------------------------------------------------------------------------------

static void unlock(void *m) { rv_mutex_unlock(m); }
static void unlocked_by_another(void *arg)
{
    (void)arg;
    rv_mutex m = RV_MUTEX_INIT;
    rv_mutex_lock(&m);
    rv_go(unlock, &m);
    rv_mutex_lock(&m);
    rv_mutex_unlock(&m);
}
Test(mutex, another_may_unlock) { cr_assert_eq(rv_run(unlocked_by_another, NULL), 0); }

static void twice(void *arg)
{
    (void)arg;
    rv_mutex m = RV_MUTEX_INIT;
    rv_mutex_lock(&m);
    rv_mutex_lock(&m);
}
static void unlock_unlocked(void *arg)
{
    (void)arg;
    rv_mutex m = RV_MUTEX_INIT;
    rv_mutex_lock(&m);
    rv_mutex_unlock(&m);
    rv_mutex_unlock(&m);
}
Test(mutex, misuse_is_fatal)
{
    rig_dies(unlock_unlocked, NULL, "fatal error: sync: unlock of unlocked mutex");
    rig_dies(twice, NULL, "fatal error: all goroutines are asleep");
    rig_dies(twice, NULL, "[sync.Mutex.Lock]");
}
