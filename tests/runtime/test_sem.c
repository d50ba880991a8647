// test_sem.c: semaphores: who gets permits and when, never too many, freed by who was served, posts by signal handlers.
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "tests/runtime/rig.h"

// ---- one step at a time: a count and a queue ---------------------------------------------------------------------------

enum { WORKERS = 6, MOST = 5 };
struct worker {
    rv_sem *s;
    int64_t wants;  // atomic: > 0: acquire so many; 0: done; < 0: end
    uint32_t ended; // atomic
};
static int64_t wants(struct worker *w) { return base_load_acquire(&w->wants); } // acquire: what the other side did
static void obey(void *p)
{
    struct worker *const w = p;
    for (int64_t n; (n = wants(w)) >= 0; rv_gosched())
        if (n > 0) {
            cr_assert_eq(rv_sem_acquire(NULL, w->s, n), 0);
            base_store_release(&w->wants, 0); // release: it is over
        }
    base_store_release(&w->ended, 1u); // release: so is the use of *w
}
struct model {
    int64_t permits, wanted[WORKERS]; // of those who wait, in order
    int who[WORKERS], n;
};
static void serve(struct model *m)
{
    while (m->n && m->wanted[0] <= m->permits) {
        m->permits -= m->wanted[0];
        for (int i = 1; i < m->n; i++) m->wanted[i - 1] = m->wanted[i], m->who[i - 1] = m->who[i];
        m->n--;
    }
}
static bool waits(const struct model *m, int i)
{
    for (int k = 0; k < m->n; k++)
        if (m->who[k] == i) return true;
    return false;
}
static bool agree(const struct model *m, struct worker *w)
{
    for (int i = 0; i < WORKERS; i++)
        if ((wants(&w[i]) > 0) != waits(m, i)) return false;
    return (int)rig_sleepers(&w->s->waiters) == m->n && w->s->permits == m->permits;
}
static void model(void *random)
{
    rv_sem s = RV_SEM_INIT(3);
    struct model m = {.permits = 3};
    struct worker w[WORKERS] = {0};
    rv_gomaxprocs(1);
    for (int i = 0; i < WORKERS; i++) w[i].s = &s, rv_go(obey, &w[i]);
    for (int step = 0; step < 4000; step++) {
        const uint64_t r = rig_random(random);
        const int i = (int)(r / 16 % WORKERS);
        const int64_t n = (int64_t)(r / 256 % MOST) + 1;
        if (r % 4 == 0) {
            const bool can = !m.n && m.permits >= n;
            cr_assert_eq(rv_sem_try(&s, n), can ? 0 : -EAGAIN);
            if (can) m.permits -= n;
        } else if (r % 4 == 1 && !waits(&m, i)) {
            m.wanted[m.n] = n, m.who[m.n++] = i;
            serve(&m);
            base_store_release(&w[i].wants, n); // release: go
        } else if (m.permits < 4 * MOST) {
            if (n == 1)
                rv_sem_post(&s);
            else
                rv_sem_release(&s, n);
            m.permits += n;
            serve(&m);
        }
        RIG_UNTIL(agree(&m, w));
        for (int k = 0; k < 2 * WORKERS; k++) rv_gosched();
        cr_assert(agree(&m, w));
    }
    rv_sem_release(&s, WORKERS * MOST);
    for (int i = 0; i < WORKERS; i++) {
        RIG_UNTIL(wants(&w[i]) == 0);
        base_store_release(&w[i].wants, -1); // release: the end
        RIG_UNTIL(base_load_acquire(&w[i].ended));
    }
}
Test(sem, who_is_served_and_when)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(model, &random), 0);
}

// ---- many at once ----------------------------------------------------------------------------------------------------

enum { CROWD = 20, EACH = 500 };
struct crowd {
    rv_sem s;
    rv_waitgroup left;
    int64_t inside; // atomic
};
static void use(void *p)
{
    struct crowd *const c = p;
    for (int i = 0; i < EACH; i++) {
        const int64_t n = i % MOST + 1;
        if (i % 7 == 0)
            RIG_UNTIL(rv_sem_try(&c->s, n) == 0);
        else
            rv_sem_acquire(NULL, &c->s, n);
        cr_assert_leq(base_add_acq_rel(&c->inside, n) + n, MOST);
        if (i % 16 == 0) rv_gosched();
        base_add_acq_rel(&c->inside, -n);
        rv_sem_release(&c->s, n);
    }
    rv_wg_done(&c->left);
}
static void *use_in_thread(void *p) { return use(p), NULL; }
static void crowds(void *arg)
{
    (void)arg;
    for (int procs = 1; procs <= 2; procs++) {
        struct crowd c = {.s = RV_SEM_INIT(MOST)};
        pthread_t t;
        rv_gomaxprocs(procs);
        rv_wg_add(&c.left, CROWD + 1);
        for (int k = 0; k < CROWD; k++) rv_go(use, &c);
        cr_assert_eq(pthread_create(&t, NULL, use_in_thread, &c), 0);
        rv_wg_wait(&c.left);
        pthread_join(t, NULL);
        cr_assert_eq(c.s.permits, MOST);
    }
}
Test(sem, never_more_than_there_are) { cr_assert_eq(rv_run(crowds, NULL), 0); }

static void release_two(void *s) { rv_sem_release(s, 2); }
static void free_at_once(void *arg)
{
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < 2000; i++) {
        rv_sem *const s = rig_page();
        rv_go(release_two, s);
        if (i % 2) rv_gosched();
        rv_sem_acquire(NULL, s, 2);
        munmap(s, 4096);
    }
}
Test(sem, freed_by_who_was_served)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(free_at_once, &procs), 0);
}

// ---- posts by signal handlers ------------------------------------------------------------------------------------------

static rv_sem posted;
static void post(int sig) { (void)sig, rv_sem_post(&posted); }
static void *storm(void *arg) // signals come to any thread of the process, wherever that is
{
    for (int i = 0; i < *(int *)arg; i++) kill(getpid(), SIGUSR1);
    return NULL;
}
static void take_posts(void *arg)
{
    int n = 300;
    pthread_t t;
    (void)arg;
    signal(SIGUSR1, post);
    for (int procs = 1; procs <= 2; procs++) {
        rv_gomaxprocs(procs);
        for (int i = 0; i < n; i++) { // each in code, or in the middle of the runtime
            raise(SIGUSR1);
            rv_sem_acquire(NULL, &posted, 1);
        }
        cr_assert_eq(pthread_create(&t, NULL, storm, &n), 0);
        rv_sem_acquire(NULL, &posted, 1); // signals that come together are one
        for (int i = 0; i < 1000; i++) rv_gosched();
        pthread_join(t, NULL);
        while (rv_sem_try(&posted, 1) == 0) {}
    }
}
Test(sem, posts_by_signal_handlers) { cr_assert_eq(rv_run(take_posts, NULL), 0); }
// Inside a section: as if the signal had come in the middle of the runtime.
static void post_inside(void *arg)
{
    (void)arg;
    struct rv__g *const g = rv__enter();
    rv_sem_post(&posted);
    rv__leave(g);
    rv_sem_acquire(NULL, &posted, 1);
}
Test(sem, post_in_the_middle_of_the_runtime) { cr_assert_eq(rv_run(post_inside, NULL), 0); }

// ---- fatal -------------------------------------------------------------------------------------------------------------

static void less_than_none(void *arg) { (void)arg, rv_sem_release(&posted, -1); }
static void too_many(void *arg)
{
    (void)arg;
    rv_sem_release(&posted, INT64_MAX);
    rv_sem_post(&posted);
}
static void wait_alone(void *arg) { (void)arg, rv_sem_acquire(NULL, &posted, 1); }
Test(sem, misuse_is_fatal)
{
    rig_dies(less_than_none, NULL, "fatal error: semaphore: -1 permits");
    rig_dies(too_many, NULL, "fatal error: semaphore: too many permits");
    rig_dies(wait_alone, NULL, "[semacquire]");
}
