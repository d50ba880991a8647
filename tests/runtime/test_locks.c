// test_locks.c: several locks at once, in any order; and named locks: who has them, and who waits.
#include <errno.h>
#include <pthread.h>

#include "runtime/locks.h"
#include "tests/runtime/rig.h"

// ---- several at once: each lock guards a plain number ----------------------------------------------------------------------

enum { LOCKS = 24, CROWD = 10, EACH = 600, MOST = 7 };
static rv_mutex mutexes[LOCKS];
static rv_rwmutex rws[LOCKS];
static uint64_t guarded[2 * LOCKS];
struct crowd {
    rv_waitgroup left;
    uint32_t begun; // atomic
};
// A random lock that is not in the list yet, as which the number that it guards is returned.
static int choose(uint64_t r, rv_lock *l)
{
    const int k = (int)(r % LOCKS);
    switch (r / LOCKS % 3) {
    case 0: *l = RV_LOCK(&mutexes[k]); return k;
    case 1: *l = RV_LOCK_WRITE(&rws[k]); return LOCKS + k;
    default: *l = RV_LOCK_READ(&rws[k]); return LOCKS + k;
    }
}
static int choose_some(uint64_t *random, rv_lock *locks)
{
    bool taken[2 * LOCKS] = {0};
    int n = 0;
    for (int i = (int)(rig_random(random) % MOST); i >= 0; i--) {
        const int at = choose(rig_random(random), &locks[n]);
        if (!taken[at]) taken[at] = true, n++;
    }
    return n;
}
static uint64_t *guarded_by(const rv_lock *l)
{
    return l->mutex ? &guarded[l->mutex - mutexes] : &guarded[LOCKS + (l->rwmutex - rws)];
}
static void take_some(void *p)
{
    struct crowd *const c = p;
    uint64_t random = (base_add_relaxed(&c->begun, 1u) + 1) * 0x9e3779b97f4a7c15u;
    rv_lock locks[MOST];
    for (int i = 0; i < EACH; i++) {
        const int n = choose_some(&random, locks);
        uint64_t seen[MOST];
        cr_assert_eq(rv_lock_all(locks, n), 0);
        for (int k = 0; k < n; k++) seen[k] = locks[k].read ? *guarded_by(&locks[k]) : ++*guarded_by(&locks[k]);
        if (i % 4 == 0) rv_gosched();
        for (int k = 0; k < n; k++) cr_assert_eq(*guarded_by(&locks[k]), seen[k]);
        rv_unlock_all(locks, n);
    }
    rv_wg_done(&c->left);
}
static void *take_in_thread(void *p) { return take_some(p), NULL; }
static void crowds(void *arg)
{
    (void)arg;
    for (int procs = 1; procs <= 2; procs++) {
        struct crowd c = {0};
        pthread_t t;
        rv_gomaxprocs(procs);
        rv_wg_add(&c.left, CROWD + 1);
        for (int k = 0; k < CROWD; k++) rv_go(take_some, &c);
        cr_assert_eq(pthread_create(&t, NULL, take_in_thread, &c), 0);
        rv_wg_wait(&c.left);
        pthread_join(t, NULL);
    }
}
Test(locks, any_order_and_no_deadlock) { cr_assert_eq(rv_run(crowds, NULL), 0); }

static bool in_order(const rv_lock *locks, int n)
{
    for (int i = 1; i < n; i++)
        if (locks[i - 1].mutex->number >= locks[i].mutex->number) return false;
    return true;
}
static void refused_and_sorted(void *random)
{
    enum { N = 2000 };
    static rv_mutex many[N];
    static rv_lock locks[N];
    rv_lock bad[4] = {RV_LOCK(&many[0]), RV_LOCK_READ(&rws[1]), RV_LOCK(NULL), RV_LOCK_WRITE(&rws[1])};
    cr_assert_eq(rv_lock_all(bad, 3), -EINVAL);
    bad[2] = RV_LOCK(&many[2]);
    cr_assert_eq(rv_lock_all(bad, 4), -EDEADLK);
    cr_assert_eq(rv_mutex_trylock(&many[0]), 0); // nothing was left locked
    rv_mutex_unlock(&many[0]);
    cr_assert_eq(rv_rwmutex_trylock(&rws[1]), 0);
    rv_rwmutex_unlock(&rws[1]);
    cr_assert_eq(rv_lock_all(NULL, 0), 0);
    for (int i = 0; i < N; i++) locks[i] = RV_LOCK(&many[i]);
    for (int i = 0; i < N; i++) {
        const int k = (int)(rig_random(random) % N);
        const rv_lock l = locks[i];
        locks[i] = locks[k], locks[k] = l;
    }
    cr_assert_eq(rv_lock_all(locks, N), 0);
    cr_assert(in_order(locks, N));
    for (int i = 0; i < N; i++) cr_assert_eq(rv_mutex_trylock(&many[i]), -EAGAIN);
    rv_unlock_all(locks, N);
    locks[5] = locks[1500];
    cr_assert_eq(rv_lock_all(locks, N), -EDEADLK);
    for (int i = 0; i < N; i++) cr_assert_eq(rv_mutex_trylock(&many[i]), 0);
}
Test(locks, twice_is_refused_and_the_rest_sorted)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(refused_and_sorted, &random), 0);
}

// ---- names -----------------------------------------------------------------------------------------------------------------

static rv_mutex m;
static rv_rwmutex rw;
static rv_cond changed;
static rv_sem hold;
static rv_waitgroup all;

static void lock_m(void *arg)
{
    (void)arg;
    rv_mutex_lock(&m);
    rv_sem_acquire(NULL, &hold, 1);
    rv_mutex_unlock(&m);
    rv_wg_done(&all);
}
static void read_rw(void *arg)
{
    (void)arg;
    rv_rwmutex_rlock(&rw);
    rv_sem_acquire(NULL, &hold, 1);
    rv_rwmutex_runlock(&rw);
    rv_wg_done(&all);
}
static void *write_rw(void *arg)
{
    rv_rwmutex_lock(&rw);
    rv_rwmutex_unlock(&rw);
    return arg;
}
static void go_and_wait(rv_fn *fn, enum rv__why why, int n)
{
    rv_wg_add(&all, 1);
    rv_go(fn, NULL);
    RIG_UNTIL(rig_waiting(why) == n);
}
// The snapshot as text: "m holds 1; rw free; "
static const char *snapshot(void)
{
    static const char *const roles[] = {"free", "holds", "reads", "waits", "waits to read"};
    static char text[1000];
    rv_lock_row rows[20];
    const int n = rv_locks_snapshot(rows, 20);
    size_t at = 0;
    for (int i = 0; i < n && i < 20; i++) {
        const rv_lock_row *const r = &rows[i];
        const char *const sort = r->goroutine ? "g" : r->thread ? "t" : "";
        at += (size_t)snprintf(text + at, sizeof text - at, "%s %s %s; ", r->name, roles[r->role], sort);
        cr_assert(r->role == RV_LOCK_FREE ? r->since == 0 : r->since > 0 && r->since <= rv_now());
        cr_assert(r->goroutine == 0 || r->thread == 0);
    }
    text[at] = 0;
    return text;
}
static void named(void *arg)
{
    pthread_t t;
    (void)arg;
    rv_gomaxprocs(1);
    cr_assert_str_eq(snapshot(), "");
    rv_mutex_name(&m, "a name of which one only sees the first 31 bytes");
    rv_mutex_name(&m, "accounts");
    rv_rwmutex_name(&rw, "table");
    cr_assert_str_eq(snapshot(), "accounts free ; table free ; ");
    go_and_wait(lock_m, RV__WHY_SEM, 1);
    go_and_wait(lock_m, RV__WHY_MUTEX, 1);
    go_and_wait(read_rw, RV__WHY_SEM, 2);
    go_and_wait(read_rw, RV__WHY_SEM, 3);
    cr_assert_eq(pthread_create(&t, NULL, write_rw, NULL), 0);
    RIG_UNTIL(rig_waiting(RV__WHY_RWLOCK) == 1);
    go_and_wait(read_rw, RV__WHY_RLOCK, 1);
    cr_assert_eq(rv_mutex_trylock(&m), -EAGAIN);
    cr_assert_eq(rv_rwmutex_tryrlock(&rw), -EAGAIN);
    cr_assert_str_eq(
        snapshot(),
        "accounts holds g; accounts waits g; table reads g; table reads g; table waits t; table waits to read g; ");
    cr_assert_eq(rv_locks_snapshot(NULL, 0), 6);
    rv_sem_release(&hold, 5);
    rv_wg_wait(&all);
    while (pthread_tryjoin_np(t, NULL)) rv_gosched();
    cr_assert_str_eq(snapshot(), "accounts free ; table free ; ");
    cr_assert_eq(rv_rwmutex_trylock(&rw), 0);
    rv_rwmutex_name(&rw, "renamed");
    cr_assert_str_eq(snapshot(), "accounts free ; renamed holds g; ");
    rv_rwmutex_unlock(&rw);
    cr_assert_eq(rv_rwmutex_tryrlock(&rw), 0);
    cr_assert_str_eq(snapshot(), "accounts free ; renamed reads g; ");
    rv_rwmutex_runlock(&rw);
    rv_mutex_name(&m, NULL);
    rv_rwmutex_name(&rw, NULL);
    rv_rwmutex_name(&rw, NULL);
    cr_assert_str_eq(snapshot(), "");
    cr_assert(m.number && !(m.number & RV__NAMED));
}
Test(locks, who_has_them_and_who_waits) { cr_assert_eq(rv_run(named, NULL), 0); }

// A wait for a condition lets go of the mutex; another goroutine may unlock.
static void wait_for_change(void *arg)
{
    rv_mutex_lock(&m);
    rv_cond_wait(&changed, &m);
    rv_sem_release(arg, 1);
}
static void given_away(void *arg)
{
    rv_sem has = RV_SEM_INIT(0);
    (void)arg;
    rv_gomaxprocs(1);
    rv_mutex_name(&m, "m");
    rv_go(wait_for_change, &has);
    RIG_UNTIL(rig_waiting(RV__WHY_COND) == 1);
    cr_assert_str_eq(snapshot(), "m free ; ");
    rv_mutex_lock(&m);
    rv_cond_signal(&changed);
    RIG_UNTIL(rig_waiting(RV__WHY_MUTEX) == 1);
    cr_assert_str_eq(snapshot(), "m holds g; m waits g; ");
    rv_mutex_unlock(&m);
    rv_sem_acquire(NULL, &has, 1);
    cr_assert_str_eq(snapshot(), "m holds g; ");
    rv_mutex_unlock(&m); // it was locked by another
    cr_assert_str_eq(snapshot(), "m free ; ");
    rv_mutex_name(&m, NULL);
}
Test(locks, let_go_by_others) { cr_assert_eq(rv_run(given_away, NULL), 0); }

// However many are named, and whoever works on them meanwhile: the snapshot is in the order of numbers, with one holder at most.
static void look(void *p)
{
    struct crowd *const c = p;
    static rv_lock_row rows[4000];
    while (!base_load_acquire(&c->begun)) {
        const int n = rv_locks_snapshot(rows, 4000);
        cr_assert_leq(n, 4000);
        for (int i = 1; i < n; i++) {
            if (rows[i].lock == rows[i - 1].lock) cr_assert_neq(rows[i].role, RV_LOCK_HOLDS);
            cr_assert_neq(rows[i].lock == rows[i - 1].lock && rows[i].role == RV_LOCK_FREE, true);
        }
        rv_gosched();
    }
    rv_wg_done(&c->left);
}
static void many_named(void *arg)
{
    struct crowd c = {0}, looks = {0};
    (void)arg;
    for (int i = 0; i < LOCKS; i++) {
        char name[16];
        snprintf(name, sizeof name, "lock %d", i);
        rv_mutex_name(&mutexes[i], name);
        rv_rwmutex_name(&rws[i], name);
    }
    rv_wg_add(&looks.left, 1);
    rv_go(look, &looks);
    rv_wg_add(&c.left, CROWD);
    for (int k = 0; k < CROWD; k++) rv_go(take_some, &c);
    rv_wg_wait(&c.left);
    base_store_release(&looks.begun, 1u); // release: the end
    rv_wg_wait(&looks.left);
    cr_assert_eq(rv_locks_snapshot(NULL, 0), 2 * LOCKS); // all free
    for (int i = 0; i < LOCKS; i++) rv_mutex_name(&mutexes[i], NULL), rv_rwmutex_name(&rws[i], NULL);
    cr_assert_eq(rv_locks_snapshot(NULL, 0), 0);
}
Test(locks, many_named_at_work) { cr_assert_eq(rv_run(many_named, NULL), 0); }
