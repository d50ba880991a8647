// test_rwmutex.c: readers together or one writer; writers are not starved, and readers neither; freed by whoever has it last.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

// ---- one step at a time ----------------------------------------------------------------------------------------------
// The model: who has it, and in which order the others came. Readers that find a writer, or one that waits, wait; a writer's
// unlock lets in all waiting readers, the last reader's the next writer.

enum { WORKERS = 6 };
enum told { IDLE, READ, WRITE, READS, WRITES, LET_GO, END, ENDED };
struct worker {
    rv_rwmutex *m;
    uint32_t state; // atomic, enum told
};
static uint32_t told(struct worker *w) { return base_load_acquire(&w->state); } // acquire: what the other side did
static void tell(struct worker *w, uint32_t what) { base_store_release(&w->state, what); }
static void obey(void *p)
{
    struct worker *const w = p;
    bool writes = false;
    for (uint32_t t; (t = told(w)) != END; rv_gosched()) {
        if (t == READ) {
            rv_rwmutex_rlock(w->m);
            tell(w, READS);
        } else if (t == WRITE) {
            rv_rwmutex_lock(w->m);
            writes = true;
            tell(w, WRITES);
        } else if (t == LET_GO) {
            (writes ? rv_rwmutex_unlock : rv_rwmutex_runlock)(w->m);
            writes = false;
            tell(w, IDLE);
        }
    }
    tell(w, ENDED);
}
struct model {
    uint32_t is[WORKERS];
    int writers[WORKERS], n; // that wait, in order
};
static int with(const struct model *m, uint32_t state)
{
    int n = 0;
    for (int i = 0; i < WORKERS; i++) n += m->is[i] == state;
    return n;
}
static void model_wants(struct model *m, int i, bool write)
{
    if (write) {
        const bool free = !with(m, READS) && !with(m, WRITES);
        m->is[i] = free ? WRITES : WRITE;
        if (!free) m->writers[m->n++] = i;
    } else {
        m->is[i] = with(m, WRITES) || m->n ? READ : READS;
    }
}
static void next_writer(struct model *m)
{
    if (!m->n) return;
    m->is[m->writers[0]] = WRITES;
    for (int k = 1; k < m->n; k++) m->writers[k - 1] = m->writers[k];
    m->n--;
}
static void model_lets_go(struct model *m, int i)
{
    const bool wrote = m->is[i] == WRITES, readers = with(m, READ) != 0;
    m->is[i] = IDLE;
    if (with(m, READS)) return;
    if (!wrote || !readers) {
        next_writer(m);
        return;
    }
    for (int k = 0; k < WORKERS; k++)
        if (m->is[k] == READ) m->is[k] = READS;
}
static bool agree(const struct model *m, struct worker *w)
{
    for (int i = 0; i < WORKERS; i++)
        if (told(&w[i]) != m->is[i]) return false;
    return true;
}
static void check(const struct model *m, struct worker *w, rv_rwmutex *rw)
{
    RIG_UNTIL(agree(m, w));
    for (int i = 0; i < 3 * WORKERS; i++) rv_gosched();
    cr_assert(agree(m, w));
    // Who is told to wait has come as far as its queue.
    RIG_UNTIL((int)rig_sleepers(&rw->readers) == with(m, READ) && (int)rig_sleepers(&rw->writers) == m->n);
    const int r = rv_rwmutex_tryrlock(rw);
    cr_assert_eq(r, with(m, WRITES) || m->n ? -EAGAIN : 0);
    if (!r) rv_rwmutex_runlock(rw);
    const int write = rv_rwmutex_trylock(rw);
    cr_assert_eq(write, with(m, WRITES) || with(m, READS) ? -EAGAIN : 0);
    if (!write) rv_rwmutex_unlock(rw);
}
static void model(void *random)
{
    rv_rwmutex rw = RV_RWMUTEX_INIT;
    struct worker w[WORKERS] = {0};
    struct model m = {0};
    rv_gomaxprocs(1);
    for (int i = 0; i < WORKERS; i++) w[i].m = &rw, rv_go(obey, &w[i]);
    for (int step = 0; step < 3000; step++) {
        const uint64_t r = rig_random(random);
        const int i = (int)(r / 16 % WORKERS);
        if (m.is[i] == IDLE && step < 2900) {
            const bool write = r % 16 < 5;
            tell(&w[i], write ? WRITE : READ);
            model_wants(&m, i, write);
        } else if (m.is[i] == READS || m.is[i] == WRITES) {
            tell(&w[i], LET_GO);
            RIG_UNTIL(told(&w[i]) == IDLE);
            model_lets_go(&m, i);
        }
        check(&m, w, &rw);
    }
    cr_assert_eq(with(&m, IDLE), WORKERS);
    cr_assert_eq(rw.state, 0u);
    for (int i = 0; i < WORKERS; i++) {
        tell(&w[i], END);
        RIG_UNTIL(told(&w[i]) == ENDED);
    }
}
Test(rwmutex, who_has_it_and_when)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(model, &random), 0);
}

// ---- many at once ----------------------------------------------------------------------------------------------------

enum { CROWD = 20, THREADS = 2, EACH = 400 };
struct crowd {
    rv_rwmutex m;
    rv_waitgroup left;
    uint64_t a, b;    // equal, but inside a writer
    uint64_t writes;  // atomic
    uint64_t seed;    // atomic
    uint32_t readers; // atomic
};
static void write_one(struct crowd *c, uint64_t r)
{
    if (r % 3)
        rv_rwmutex_lock(&c->m);
    else
        RIG_UNTIL(rv_rwmutex_trylock(&c->m) == 0);
    cr_assert_eq(base_load_relaxed(&c->readers), 0u);
    c->a++;
    if (r % 7 == 0) rv_gosched();
    c->b++;
    base_add_relaxed(&c->writes, 1u);
    rv_rwmutex_unlock(&c->m);
}
static void read_one(struct crowd *c, uint64_t r)
{
    if (r % 3)
        rv_rwmutex_rlock(&c->m);
    else
        RIG_UNTIL(rv_rwmutex_tryrlock(&c->m) == 0);
    base_add_relaxed(&c->readers, 1u);
    const uint64_t a = c->a;
    if (r % 5 == 0) rv_gosched();
    cr_assert_eq(c->b, a);
    base_add_relaxed(&c->readers, -1u);
    rv_rwmutex_runlock(&c->m);
}
static void use(void *p)
{
    struct crowd *const c = p;
    uint64_t random = base_add_relaxed(&c->seed, 1u) * 0x9e3779b97f4a7c15u | 1;
    for (int i = 0; i < EACH; i++) {
        const uint64_t r = rig_random(&random);
        (r % 8 ? read_one : write_one)(c, r / 8);
    }
    rv_wg_done(&c->left);
}
static void *use_in_thread(void *p)
{
    use(p);
    return NULL;
}
static void crowds(void *random)
{
    for (int i = 0; i < 6; i++) {
        rv_gomaxprocs(1 + i % 2);
        struct crowd c = {.seed = rig_random(random)};
        pthread_t t[THREADS];
        rv_wg_add(&c.left, CROWD + THREADS);
        for (int k = 0; k < CROWD; k++) rv_go(use, &c);
        for (int k = 0; k < THREADS; k++) cr_assert_eq(pthread_create(&t[k], NULL, use_in_thread, &c), 0);
        rv_wg_wait(&c.left);
        for (int k = 0; k < THREADS; k++) pthread_join(t[k], NULL);
        cr_assert_eq(c.a, base_load_relaxed(&c.writes));
        cr_assert_eq(c.m.state, 0u);
    }
}
Test(rwmutex, readers_or_one_writer)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(crowds, &random), 0);
}

// ---- freed at once ---------------------------------------------------------------------------------------------------

struct counted {
    rv_rwmutex m;
    uint32_t refs; // atomic
};
static rv_waitgroup droppers;
// The last one out frees it: it has seen all others' ends by then, as a writer.
static void drop(void *p)
{
    struct counted *const c = p;
    rv_rwmutex_rlock(&c->m);
    if (base_load_relaxed(&c->refs) == 3) rv_gosched();
    rv_rwmutex_runlock(&c->m);
    rv_rwmutex_lock(&c->m);
    const bool last = --c->refs == 0;
    rv_rwmutex_unlock(&c->m);
    if (last) munmap(c, 4096);
    rv_wg_done(&droppers);
}
static void read_then_free(void *p) // each reader is waited for by the next writer
{
    struct counted *const c = p;
    rv_rwmutex_rlock(&c->m);
    base_add_relaxed(&c->refs, -1u); // relaxed: the lock
    rv_rwmutex_runlock(&c->m);
}
static void wait_and_free(struct counted *c)
{
    for (bool gone = false; !gone;) {
        rv_rwmutex_lock(&c->m);
        gone = base_load_relaxed(&c->refs) == 1;
        rv_rwmutex_unlock(&c->m);
        if (!gone) rv_gosched();
    }
    munmap(c, 4096);
}
static void free_at_once(void *arg)
{
    rv_gomaxprocs(*(int *)arg);
    for (int i = 0; i < 1000; i++) {
        struct counted *const c = rig_page(), *const r = rig_page();
        c->refs = r->refs = 4;
        rv_wg_add(&droppers, 4);
        for (int k = 0; k < 3; k++) rv_go(drop, c), rv_go(read_then_free, r);
        drop(c);
        wait_and_free(r);
    }
    rv_wg_wait(&droppers);
}
Test(rwmutex, freed_by_who_has_it_last)
{
    for (int procs = 1; procs <= 2; procs++) cr_assert_eq(rv_run(free_at_once, &procs), 0);
}

// ---- fatal -------------------------------------------------------------------------------------------------------------

static rv_rwmutex m;
static void unlock_free(void *arg) { (void)arg, rv_rwmutex_unlock(&m); }
static void runlock_free(void *arg) { (void)arg, rv_rwmutex_runlock(&m); }
static void unlock_read(void *arg) { (void)arg, rv_rwmutex_rlock(&m), rv_rwmutex_unlock(&m); }
static void runlock_written(void *arg) { (void)arg, rv_rwmutex_lock(&m), rv_rwmutex_runlock(&m); }
static void read_written(void *arg) { (void)arg, rv_rwmutex_lock(&m), rv_rwmutex_rlock(&m); }
static void write_read(void *arg) { (void)arg, rv_rwmutex_rlock(&m), rv_rwmutex_lock(&m); }
Test(rwmutex, misuse_is_fatal)
{
    rig_dies(unlock_free, NULL, "fatal error: sync: Unlock of unlocked RWMutex");
    rig_dies(unlock_read, NULL, "fatal error: sync: Unlock of unlocked RWMutex");
    rig_dies(runlock_free, NULL, "fatal error: sync: RUnlock of unlocked RWMutex");
    rig_dies(runlock_written, NULL, "fatal error: sync: RUnlock of unlocked RWMutex");
    rig_dies(read_written, NULL, "[sync.RWMutex.RLock]");
    rig_dies(write_read, NULL, "[sync.RWMutex.Lock]");
}
