// threads.c: threads become strands: pthread_create to the join, names, detaching, cancellation, thread exit.
//
// A thread of the program is a struct ins_thread, found by its pthread_t in a hash table from before the program can
// see that id until it is joined, or has ended and is detached.
//   (1) It is put into the table by whoever is first of creator and child; the child waits for nobody.
//   (2) It is taken out once: by the join that succeeded, or at the later of detach and end.
//   (3) It is freed when it is out of the table and its creator will not look at it again (refs).
// Ids are reused by glibc as soon as a thread has been joined or, detached, has ended; (2) comes before that, except
// for a detached thread's end, which is the thread's own last act.
//
// The end of a thread is seen by the destructor of a thread-specific key, in the last round that glibc gives to
// destructors. Within a round they run by number; ours has the highest number that needs no allocation per thread,
// so that it comes after the program's unless the program has more keys than that.
//
// What a new thread's stack and TLS block held before belongs to a thread that is gone: det_unmap forgets it.
#include "instrument/blocking.h"

#include <limits.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/lock.h"
#include "base/sys.h"

struct ins_thread {
    struct ins_thread *free_link; // base_pool's
    struct ins_thread *next;      // in its bucket; this and what follows guarded by table_lock
    pthread_t id;
    bool published, detached, finished;
    uint8_t refs;
    struct det_strand *strand, **tls; // constant; tls: the thread's det_tls once it runs
    uint32_t rounds;                  // of destructors; the thread's own
    void *(*fn)(void *);              // constant: what the program wanted to run
    int (*fn_c11)(void *);
    void *arg;
    uint64_t mask; // the creator's blocked signals, which the thread inherits; constant
    bool own_mask; // its attributes say which signals it blocks; constant
};
enum { BUCKETS = 1024, KEYS_INSIDE = 32 /* keys whose values glibc keeps in the thread itself */ };
static struct base_lock table_lock;
static struct ins_thread *table[BUCKETS]; // guarded by table_lock
static uint32_t alive;                    // threads that have not ended; guarded by table_lock
static struct base_pool threads = {.size = sizeof(struct ins_thread)};
char ins_dead_owners;
static pthread_key_t key; // constant after ins_threads_init

// ---- the table ---------------------------------------------------------------------------------------------

static struct ins_thread **bucket(pthread_t id) { return &table[(id >> 6 ^ id >> 16) % BUCKETS]; }
static void put_locked(struct ins_thread *t, pthread_t id)
{
    assert_locked(&table_lock);
    if (t->published) return;
    t->published = true;
    t->id = id;
    t->next = *bucket(id);
    *bucket(id) = t;
}
static bool take_locked(struct ins_thread *t)
{
    assert_locked(&table_lock);
    for (struct ins_thread **p = bucket(t->id); *p; p = &(*p)->next) {
        if (*p != t) continue;
        *p = t->next;
        return true;
    }
    return false;
}
static void unref_locked(struct ins_thread *t)
{
    if (--t->refs == 0) base_pool_put(&threads, t);
}
static struct ins_thread *find(pthread_t id)
{
    base_lock(&table_lock);
    struct ins_thread *t = *bucket(id);
    while (t && t->id != id) t = t->next;
    base_unlock(&table_lock);
    return t;
}
static struct ins_thread *make(struct det_strand *strand, uint8_t refs)
{
    struct ins_thread *t = base_pool_get(&threads);
    *t = (struct ins_thread){.refs = refs, .strand = strand};
    base_lock(&table_lock);
    alive++;
    base_unlock(&table_lock);
    return t;
}

// ---- the end of a thread -----------------------------------------------------------------------------------

static void finish(struct ins_thread *t)
{
    if (ins_me.robust) det_release(t->strand, 0, (uintptr_t)&ins_dead_owners, 0);
    ins_me.phase = INS_GONE;
    ins_me.own = NULL;
    det_tls = &det_nobody;
    base_compiler_barrier(); // a signal handler from here on must not find the strand, which may be freed
    det_strand_finish(t->strand);
    base_lock(&table_lock);
    alive--;
    t->finished = true;
    t->tls = NULL;
    if (t->detached && take_locked(t)) unref_locked(t);
    base_unlock(&table_lock);
}
static void at_thread_exit(void *arg)
{
    struct ins_thread *t = arg;
    if (!ins_on || ins_me.phase != INS_LIVE) return;
    if (++t->rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
        REAL(pthread_setspecific)(key, t);
    else
        finish(t);
}
static void own_stack(uintptr_t *lo, uintptr_t *hi)
{
    *lo = *hi = 0;
    pthread_attr_t attr;
    void *p;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attr) != 0) return;
    if (pthread_attr_getstack(&attr, &p, &size) == 0) *lo = (uintptr_t)p, *hi = *lo + size;
    pthread_attr_destroy(&attr);
}
// On the new thread: from here on it is its strand.
static void begin(struct ins_thread *t, bool fresh_stack)
{
    const int saved = errno;
    ins_me = (struct ins_me){.phase = INS_BUSY, .tid = sys_gettid(), .thread = t, .own = t->strand};
    uintptr_t lo, hi;
    own_stack(&lo, &hi);
    REAL(pthread_setspecific)(key, t);
    base_lock(&table_lock);
    put_locked(t, pthread_self());
    t->tls = &det_tls;
    base_unlock(&table_lock);
    det_strand_start(t->strand, ins_me.tid, lo, hi);
    if (fresh_stack) det_unmap(t->strand, lo, hi - lo);
    det_tls = t->strand;
    ins_me.phase = INS_LIVE;
    errno = saved;
}
struct det_strand *ins_thread_adopt(void)
{
    struct ins_thread *t = make(det_strand_create(NULL, 0), 1);
    begin(t, false);
    return t->strand;
}

// ---- start -------------------------------------------------------------------------------------------------

void ins_threads_init(void)
{
    pthread_key_t made[KEYS_INSIDE];
    int n = 0;
    do {
        if (REAL(pthread_key_create)(&made[n], at_thread_exit) != 0) break;
    } while (made[n] < KEYS_INSIDE - 1 && ++n < KEYS_INSIDE);
    key = made[n];
    while (n-- > 0) REAL(pthread_key_delete)(made[n]);
}
void ins_threads_main(struct det_strand *s)
{
    struct ins_thread *t = make(s, 1);
    alive = 0; // counts the others
    t->tls = &det_tls;
    base_lock(&table_lock);
    put_locked(t, pthread_self());
    base_unlock(&table_lock);
    ins_me.thread = t;
    ins_me.own = s;
    REAL(pthread_setspecific)(key, t);
}
void ins_threads_all_off(void)
{
    base_lock(&table_lock);
    for (int i = 0; i < BUCKETS; i++)
        for (struct ins_thread *t = table[i]; t; t = t->next)
            if (t->tls) base_store_relaxed(t->tls, &det_nobody); // relaxed: a later event or two does no harm
    base_unlock(&table_lock);
}
bool ins_threads_single(void)
{
    base_lock(&table_lock);
    const bool single = alive == 0;
    base_unlock(&table_lock);
    return single;
}

// ---- creating ----------------------------------------------------------------------------------------------

// A signal handler on the new thread must not be its first event, before the thread knows its strand. So signals are
// blocked around the creation, which a thread inherits, until it has begun.
static uint64_t block_signals(void)
{
    const uint64_t all = ~(uint64_t)0;
    uint64_t old = 0;
    sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof old);
    return old;
}
static void restore_signals(uint64_t mask) { sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask); }
static bool has_own_mask(const pthread_attr_t *attr)
{
    sigset_t mask;
    return attr && pthread_attr_getsigmask_np(attr, &mask) == 0;
}
static void begin_created(struct ins_thread *t)
{
    begin(t, true);
    if (!t->own_mask) restore_signals(t->mask);
}
static void *run(void *arg)
{
    struct ins_thread *t = arg;
    begin_created(t);
    return t->fn(t->arg);
}
static int run_c11(void *arg)
{
    struct ins_thread *t = arg;
    begin_created(t);
    return t->fn_c11(t->arg);
}
// The creator's half of the way into the table. *id is read only while the child has not run any of the program's
// code, which may free it.
static void created(struct ins_thread *t, const pthread_t *id)
{
    base_lock(&table_lock);
    if (!t->published) put_locked(t, *id);
    unref_locked(t);
    base_unlock(&table_lock);
}
static void not_created(struct det_strand *s, struct ins_thread *t)
{
    det_strand_abandon(s, t->strand);
    base_lock(&table_lock);
    alive--;
    base_unlock(&table_lock);
    base_pool_put(&threads, t);
}
INTERFACE int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    struct det_strand *s = ins_self();
    if (s == &det_nobody) return REAL(pthread_create)(id, attr, fn, arg);
    det_range(s, CALLER_PC, (uintptr_t)id, sizeof *id, DET_WRITE);
    struct ins_thread *t = make(det_strand_create(s, CALLER_PC), 2);
    t->fn = fn, t->arg = arg;
    int state;
    const bool detached = attr && pthread_attr_getdetachstate(attr, &state) == 0 && state == PTHREAD_CREATE_DETACHED;
    t->detached = detached;
    struct det_strand *const strand = t->strand;
    t->own_mask = has_own_mask(attr);
    const uint64_t mask = t->mask = block_signals();
    const int error = REAL(pthread_create)(id, attr, run, t);
    restore_signals(mask);
    if (error) {
        not_created(s, t);
        return error;
    }
    created(t, id);
    if (detached) det_strand_detach(s, strand);
    return 0;
}
extern __typeof__(pthread_create) ins_pthread_create_here
    __attribute__((alias("pthread_create"), visibility("hidden"), nothrow));

INTERFACE int thrd_create(thrd_t *id, thrd_start_t fn, void *arg)
{
    struct det_strand *s = ins_self();
    if (s == &det_nobody) return REAL(thrd_create)(id, fn, arg);
    det_range(s, CALLER_PC, (uintptr_t)id, sizeof *id, DET_WRITE);
    struct ins_thread *t = make(det_strand_create(s, CALLER_PC), 2);
    t->fn_c11 = fn, t->arg = arg;
    const uint64_t mask = t->mask = block_signals();
    const int error = REAL(thrd_create)(id, run_c11, t);
    restore_signals(mask);
    if (error != thrd_success)
        not_created(s, t);
    else
        created(t, id);
    return error;
}

// ---- joining, detaching, naming ------------------------------------------------------------------------------

// The real join succeeded. A thread that ended without running its destructors (by the system call) finishes here.
static void joined(struct det_strand *s, uintptr_t pc, struct ins_thread *t)
{
    if (!t) return;
    base_lock(&table_lock);
    const bool finished = t->finished;
    struct det_strand *const strand = t->strand;
    if (!finished) alive--;
    if (take_locked(t)) unref_locked(t);
    base_unlock(&table_lock);
    if (!finished) det_strand_finish(strand);
    det_strand_join(s, pc, strand);
}
static void detached(struct det_strand *s, struct ins_thread *t)
{
    if (!t) return;
    base_lock(&table_lock);
    t->detached = true;
    struct det_strand *const strand = t->strand;
    if (t->finished && take_locked(t)) unref_locked(t);
    base_unlock(&table_lock);
    det_strand_detach(s, strand);
}
// Looks the thread up before it is gone and its id given to another.
// for_ever: until the other has finished, whatever happens.
#define JOIN(call, id, ok, for_ever)                                                                                   \
    struct det_strand *s = ins_self();                                                                                 \
    struct ins_thread *t = s == &det_nobody ? NULL : find(id);                                                         \
    if (for_ever && t) det_strand_await(s, t->strand);                                                                 \
    const int error = call;                                                                                            \
    if (for_ever && t) det_strand_await(s, NULL);                                                                      \
    if (error == ok) joined(s, CALLER_PC, t);                                                                          \
    return error
INTERFACE int pthread_join(pthread_t id, void **result)
{
    JOIN(INS_BLOCKING(false, REAL(pthread_join)(id, result)), id, 0, true);
}
INTERFACE int pthread_tryjoin_np(pthread_t id, void **result)
{
    JOIN(REAL(pthread_tryjoin_np)(id, result), id, 0, false);
}
INTERFACE int pthread_timedjoin_np(pthread_t id, void **result, const struct timespec *until)
{
    JOIN(INS_BLOCKING(false, REAL(pthread_timedjoin_np)(id, result, until)), id, 0, false);
}
INTERFACE int pthread_clockjoin_np(pthread_t id, void **result, clockid_t clock, const struct timespec *until)
{
    JOIN(INS_BLOCKING(false, REAL(pthread_clockjoin_np)(id, result, clock, until)), id, 0, false);
}
INTERFACE int thrd_join(thrd_t id, int *result)
{
    JOIN(INS_BLOCKING(false, REAL(thrd_join)(id, result)), id, thrd_success, true);
}

#define DETACH(call, id, ok)                                                                                           \
    struct det_strand *s = ins_self();                                                                                 \
    struct ins_thread *t = s == &det_nobody ? NULL : find(id);                                                         \
    const int error = call;                                                                                            \
    if (error == ok) detached(s, t);                                                                                   \
    return error
INTERFACE int pthread_detach(pthread_t id) { DETACH(REAL(pthread_detach)(id), id, 0); }
INTERFACE int thrd_detach(thrd_t id) { DETACH(REAL(thrd_detach)(id), id, thrd_success); }

INTERFACE int pthread_setname_np(pthread_t id, const char *name)
{
    struct det_strand *s = ins_self();
    const int error = REAL(pthread_setname_np)(id, name);
    const struct ins_thread *t = error || s == &det_nobody ? NULL : find(id);
    if (t) det_strand_name(t->strand, name);
    return error;
}
