// test_waitgroup.c: waitgroups: nobody returns before the counter is zero, everybody does then, and freeing at once is safe.
#include <pthread.h>
#include <sys/mman.h>

#include "tests/runtime/rig.h"

static uint32_t waiters_of(rv_waitgroup *wg)
{
    return (uint32_t)base_load_acquire(&wg->state);
} // acquire: only to look

// ---- one step at a time ----------------------------------------------------------------------------------------------

enum { WAITERS = 5 };
struct waiter {
    rv_waitgroup *wg;
    uint32_t state; // atomic: 0 idle, 1 waits, 2 returned, 3 told to end, 4 ended
};
static void wait_when_told(void *p)
{
    struct waiter *const w = p;
    for (;;) {
        RIG_UNTIL(base_load_acquire(&w->state) == 1 || base_load_acquire(&w->state) == 3);
        if (base_load_acquire(&w->state) == 3) break;
        rv_wg_wait(w->wg);
        base_store_release(&w->state, 2u); // release: it is over
    }
    base_store_release(&w->state, 4u); // release: its use of *w is
}
static void all_return(struct waiter *w, bool *waits)
{
    for (int i = 0; i < WAITERS; i++) {
        if (!waits[i]) continue;
        RIG_UNTIL(base_load_acquire(&w[i].state) == 2);
        base_store_relaxed(&w[i].state, 0u);
        waits[i] = false;
    }
}
static void one_more(struct waiter *w, bool *waits, int i, int64_t counter)
{
    const uint32_t before = waiters_of(w->wg);
    base_store_release(&w[i].state, 1u); // release: go
    waits[i] = true;
    if (counter)
        RIG_UNTIL(waiters_of(w->wg) == before + 1);
    else
        all_return(w, waits);
}
static void model(void *random)
{
    rv_waitgroup wg = {0};
    struct waiter w[WAITERS] = {0};
    bool waits[WAITERS] = {false};
    int64_t counter = 0;
    for (int i = 0; i < WAITERS; i++) w[i].wg = &wg, rv_go(wait_when_told, &w[i]);
    for (int step = 0; step < 2000; step++) {
        const uint64_t r = rig_random(random);
        const int i = (int)(r / 8 % WAITERS);
        const int64_t n = r % 8 == 0 ? (int64_t)(r / 64 % 5) : r % 8 < 5 && counter ? -1 : 0;
        if (n == -1)
            rv_wg_done(&wg);
        else if (n)
            rv_wg_add(&wg, n);
        else if (!waits[i])
            one_more(w, waits, i, counter);
        counter += n;
        if (counter == 0) all_return(w, waits);
        for (int k = 0; k < WAITERS; k++) cr_assert_eq(base_load_acquire(&w[k].state), waits[k] ? 1u : 0u);
    }
    rv_wg_add(&wg, -counter);
    all_return(w, waits);
    for (int i = 0; i < WAITERS; i++) {
        base_store_release(&w[i].state, 3u); // release: nothing more to do
        RIG_UNTIL(base_load_acquire(&w[i].state) == 4);
    }
}
Test(waitgroup, who_returns_and_when)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(model, &random), 0);
}

// ---- many at once ----------------------------------------------------------------------------------------------------

struct crowd {
    rv_waitgroup work, waiters;
    uint32_t worked; // atomic
    uint32_t size;
};
static void work(void *p)
{
    base_add_relaxed(&((struct crowd *)p)->worked, 1u); // relaxed: rv_wg_done publishes it
}
static void see_all(void *p)
{
    struct crowd *const c = p;
    rv_wg_wait(&c->work);
    cr_assert_eq(base_load_relaxed(&c->worked), c->size); // relaxed: rv_wg_wait has seen it
}
static void *done_in_thread(void *p)
{
    work(p);
    rv_wg_done(&((struct crowd *)p)->work);
    return NULL;
}
static void *see_all_in_thread(void *p)
{
    see_all(p);
    return NULL;
}
static void crowds(void *random)
{
    for (int i = 0; i < 300; i++) {
        rv_gomaxprocs(1 + i % 2);
        struct crowd c = {.size = 1 + (uint32_t)(rig_random(random) % 30)};
        const int waiters = (int)(rig_random(random) % 5);
        pthread_t done, seer;
        rv_wg_add(&c.work, 1);
        for (int k = 0; k < waiters; k++) rv_wg_go(&c.waiters, see_all, &c);
        for (uint32_t k = 1; k < c.size; k++) rv_wg_go(&c.work, work, &c);
        cr_assert_eq(pthread_create(&seer, NULL, see_all_in_thread, &c), 0);
        cr_assert_eq(pthread_create(&done, NULL, done_in_thread, &c), 0);
        see_all(&c);
        rv_wg_wait(&c.waiters);
        pthread_join(done, NULL);
        pthread_join(seer, NULL);
    }
}
Test(waitgroup, everybody_sees_everything)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(crowds, &random), 0);
}

// ---- freed at once ---------------------------------------------------------------------------------------------------

static void done_once(void *wg) { rv_wg_done(wg); }
static void free_at_once(void *arg)
{
    (void)arg;
    rv_gomaxprocs(2);
    for (int i = 0; i < 5000; i++) { // in a page that is gone when wait has returned
        rv_waitgroup *const wg = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq((void *)wg, MAP_FAILED);
        rv_wg_add(wg, 3);
        for (int k = 0; k < 3; k++) rv_go(done_once, wg);
        rv_wg_wait(wg);
        munmap(wg, 4096);
    }
}
static void leave_early(void *none)
{
    (void)none;
    rv_goexit();
}
static void wait_for_leavers(void *none)
{
    (void)none;
    rv_waitgroup wg = {0};
    for (int i = 0; i < 10; i++) rv_wg_go(&wg, leave_early, NULL);
    rv_wg_wait(&wg);
}
Test(waitgroup, goexit_counts, .timeout = 60) { cr_assert_eq(rv_run(wait_for_leavers, NULL), 0); }

Test(waitgroup, freed_when_wait_returns) { cr_assert_eq(rv_run(free_at_once, NULL), 0); }

// ---- fatal -------------------------------------------------------------------------------------------------------------

static void below_zero(void *arg)
{
    (void)arg;
    rv_waitgroup wg = {0};
    rv_wg_add(&wg, 2);
    rv_wg_add(&wg, -3);
}
static void too_many(void *arg)
{
    (void)arg;
    rv_waitgroup wg = {0};
    rv_wg_add(&wg, (int64_t)1 << 32);
}
static void add_while_released(void *arg)
{
    (void)arg;
    rv_waitgroup wg = {.state = 1}; // the instant between the last done and the waking of its one waiter
    rv_wg_add(&wg, 1);
}
static void go_nothing(void *arg)
{
    (void)arg;
    rv_waitgroup wg = {0};
    rv_wg_go(&wg, NULL, NULL);
}
Test(waitgroup, fatal)
{
    rig_dies(below_zero, NULL, "fatal error: negative WaitGroup counter\n");
    rig_dies(too_many, NULL, "fatal error: WaitGroup counter overflow\n");
    rig_dies(add_while_released, NULL, "fatal error: WaitGroup misuse: Add called concurrently with Wait\n");
    rig_dies(go_nothing, NULL, "fatal error: go of a NULL function\n");
}
