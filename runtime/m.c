// m.c: threads: made, parked, given Ps. sched.h has the rules.
//
// pthread_create takes locks of libc's, and a goroutine that was preempted in place may hold one: so no M makes another one
// while it has a P. A thread of its own (the maker) does, whenever the list of idle Ms has become empty: one is always in
// reserve, and who needs an M takes that.
#include "runtime/sched.h"

#include <errno.h>
#include <signal.h>

#include "base/arena.h"
#include "base/print.h"
#include "runtime/fault.h"
#include "runtime/feed.h"
#include "runtime/netpoll.h"

enum { M_STACK = 256 << 10 };
uint32_t rv__m_most = 10000;

COLD void rv__lock_slow(struct rv__lock *l)
{
    for (int i = 1;; i++) {
        if (base_load_relaxed(&l->word) == 0 && rv__trylock(l)) return;
        base_pause();
        if (i % 100 == 0) sys_yield(); // its holder lost the CPU
    }
}

// ---- Ps --------------------------------------------------------------------------------------------------------------

void rv__p_acquire(struct rv__m *m, struct rv__p *p)
{
    base_store_release(&p->m, m); // release: m as it began; pairs with the acquire in rv__preempt
    base_store_relaxed(&m->p, p);
    base_store_relaxed(&p->tick, p->tick + 1);                // for sysmon: a new slice
    base_store_release(&p->status, (uintptr_t)RV__P_RUNNING); // release: m
    base_store_release(&p->runq.owner_seq, &m->seq);          // release: before m works on the queue; see runq.c
    if (unlikely(base_load_relaxed(&rv__sched.monitor_asleep))) rv__monitor_wake();
}
struct rv__p *rv__p_release(struct rv__m *m)
{
    struct rv__p *p = rv__p_of(m);
    if (!p) return NULL;
    base_store_release(&p->runq.owner_seq, NULL); // release: what m did to the queue
    base_store_relaxed(&p->m, NULL);
    base_store_relaxed(&m->p, NULL);
    return p;
}
static struct rv__p *take_idle_p_locked(void)
{
    struct rv__p *p = rv__sched.idle_p;
    if (!p) return NULL;
    rv__sched.idle_p = p->idle_next;
    base_store_relaxed(&rv__sched.idle_ps, rv__sched.idle_ps - 1); // relaxed: a hint; the lock guards the list
    return p;
}
struct rv__p *rv__p_idle_get(void)
{
    if (base_load_relaxed(&rv__sched.idle_ps) == 0) return NULL;
    rv__lock(&rv__sched.lock);
    struct rv__p *p = take_idle_p_locked();
    rv__unlock(&rv__sched.lock);
    return p;
}
void rv__p_idle_put_locked(struct rv__p *p)
{
    base_store_release(&p->status, (uintptr_t)RV__P_IDLE);
    p->idle_next = rv__sched.idle_p;
    rv__sched.idle_p = p;
    base_store_relaxed(&rv__sched.idle_ps, rv__sched.idle_ps + 1);
}
void rv__p_hand_off(struct rv__p *p)
{
    struct rv__m *m = rv__wants_m() ? rv__m_next(p) : NULL;
    if (m) {
        rv__m_unpark(m, p);
        return;
    }
    rv__p_idle_put(p);
    sys_membarrier(); // sched.h, lost wake-ups
    if (rv__wants_m()) rv__wake_one();
}

// ---- parking ---------------------------------------------------------------------------------------------------------

void rv__m_park(struct rv__m *m)
{
    // acquire: pairs with the release in rv__m_unpark
    while (base_load_acquire(&m->wake) == 0) sys_futex_wait(&m->wake, 0);
    base_store_relaxed(&m->wake, 0u); // relaxed: ours until it is in reach of a waker again
}
void rv__m_unpark(struct rv__m *m, struct rv__p *next)
{
    m->next_p = next;
    base_store_release(&m->wake, 1u); // release: next_p, and the P with all that is in it
    sys_futex_wake(&m->wake, 1);
}
// In one step with a look at the idle Ps: who puts one there, with work for it or a timer to wait for, and finds no idle M,
// relies on this look.
bool rv__m_idle_put(struct rv__m *m)
{
    rv__lock(&rv__sched.lock);
    const bool idle = !rv__sched.idle_p || !rv__wants_m();
    if (idle) {
        m->idle_next = rv__sched.idle_m;
        rv__sched.idle_m = m;
        base_store_relaxed(&rv__sched.idle_ms, rv__sched.idle_ms + 1);
    }
    rv__unlock(&rv__sched.lock);
    return idle;
}
static struct rv__m *take_idle_m_locked(void)
{
    struct rv__m *m = rv__sched.idle_m;
    if (!m) return NULL;
    rv__sched.idle_m = m->idle_next;
    base_store_relaxed(&rv__sched.idle_ms, rv__sched.idle_ms - 1);
    return m;
}
struct rv__m *rv__m_idle_get(void)
{
    rv__lock(&rv__sched.lock);
    struct rv__m *m = take_idle_m_locked();
    const bool last = rv__sched.idle_m == NULL;
    rv__unlock(&rv__sched.lock);
    if (last) rv__m_want();
    return m;
}
struct rv__m *rv__m_next(struct rv__p *p)
{
    struct rv__m *m = rv__owner_of_next(p);
    return m ? m : rv__m_idle_get();
}
// Both are taken in one step: a P that is off the list for a moment would be seen by nobody who goes idle just then.
bool rv__m_start(void)
{
    rv__lock(&rv__sched.lock);
    struct rv__m *m = rv__sched.idle_p ? take_idle_m_locked() : NULL;
    struct rv__p *p = m ? take_idle_p_locked() : NULL;
    const bool wanted = rv__sched.idle_p || p, last = rv__sched.idle_m == NULL;
    rv__unlock(&rv__sched.lock);
    if (wanted && last) rv__m_want();
    if (m) {
        m->spinning = true;
        rv__m_unpark(m, p);
        return true;
    }
    if (!wanted) return false;
    sys_membarrier(); // against the poller: it sees the work, or we that it polls
    if (base_load_relaxed(&rv__sched.poller)) rv__netpoll_break(); // it takes an idle P when it comes back
    return false;
}

// ---- the end of a thread that its program ends -------------------------------------------------------------------------
// A plain thread's M goes with it. An M of ours ends by itself, or somebody called pthread_exit in a goroutine.

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void at_thread_exit(void *arg)
{
    struct rv__m *m = arg;
    if (m->g != &m->hidden)
        rv__fatal("pthread_exit in a goroutine: it would end all that run in this thread; rv_goexit ends one");
    rv__m_finish(m);
}
static void make_key(void) { pthread_key_create(&key, at_thread_exit); }
void rv__m_watch_exit(struct rv__m *m) // NULL: no more
{
    pthread_once(&once, make_key);
    pthread_setspecific(key, m);
}

// ---- threads ---------------------------------------------------------------------------------------------------------

static struct base_pool pool = {.size = sizeof(struct rv__m) + 64};
static struct rv__m *free_ms; // guarded by sched.lock: linked by idle_next

struct rv__m *rv__m_make(void)
{
    rv__lock(&rv__sched.lock);
    struct rv__m *m = free_ms;
    if (m) free_ms = m->idle_next;
    rv__unlock(&rv__sched.lock);
    if (m) return m;
    m = (struct rv__m *)(((uintptr_t)base_pool_get(&pool) + 63) & ~(uintptr_t)63);
    m->random = (uint32_t)((uintptr_t)m >> 6) | 1;
    m->hidden.kind = RV__THREAD;
    m->hidden.m = m;
    rv__lock(&rv__sched.lock);
    m->all_next = rv__sched.all_m;
    base_store_release(&rv__sched.all_m, m); // release: for who walks the list without the lock
    rv__unlock(&rv__sched.lock);
    return m;
}
int *rv_errno(void) { return __errno_location(); }
void rv__m_begin(struct rv__m *m)
{
    m->seq = 0;
    m->left = &m->nowhere;
    m->errno_at = &errno;
    rv__fiber_of_thread(&m->fiber);
    m->thread = pthread_self();
    m->preempt = m->attention = m->wake = 0;
    m->end = m->spinning = false;
    m->picked = m->g = m->locked = NULL;
    m->p = m->next_p = NULL;
    base_store_release(&m->tid, sys_gettid()); // release: the rest; pairs with the acquire in sysmon
    rv__m_tls = m;
    rv__fault_thread_init();
}
void rv__m_finish(struct rv__m *m)
{
    rv__fault_thread_exit();
    rv__m_tls = NULL;
    base_store_release(&m->tid, 0);
    rv__lock(&rv__sched.lock);
    m->idle_next = free_ms;
    free_ms = m;
    rv__unlock(&rv__sched.lock);
}
static void *m_main(void *arg)
{
    struct rv__m *m = arg;
    rv__m_begin(m);
    rv__m_watch_exit(m);
    rv__section_begin(m);
    base_sub_acq_rel(&rv__sched.starting, 1u);           // acq_rel: pairs with rv_run's wait
    pthread_sigmask(SIG_SETMASK, &rv__sched.mask, NULL); // the maker has all of them blocked
    rv__feed_carry(NULL);
    rv__schedule(m);
    struct rv__p *p = rv__p_release(m); // left by a goroutine that was locked to the thread, and has ended
    if (p && !base_load_relaxed(&rv__sched.stopping)) rv__p_hand_off(p);
    rv__section_end(m);
    rv__m_watch_exit(NULL);
    rv__m_finish(m);
    base_sub_acq_rel(&rv__sched.ms, 1u); // acq_rel: last of all
    return NULL;
}
static bool start_thread(void)
{
    pthread_attr_t attr;
    pthread_t t;
    struct rv__m *m = rv__m_make();
    base_add_acq_rel(&rv__sched.ms, 1u);
    base_add_acq_rel(&rv__sched.starting, 1u);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, M_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    const int err = pthread_create(&t, &attr, m_main, m);
    pthread_attr_destroy(&attr);
    if (!err) return true;
    base_sub_acq_rel(&rv__sched.starting, 1u);
    base_sub_acq_rel(&rv__sched.ms, 1u);
    return false;
}
void rv__m_want(void)
{
    base_store_release(&rv__sched.want_m, 1u); // release: pairs with the maker's exchange
    sys_futex_wake(&rv__sched.want_m, 1);
}
static bool make_one(void)
{
    static bool said;
    if (base_load_relaxed(&rv__sched.ms) < rv__m_most && start_thread()) return true;
    if (!said)
        base_say(
            "no more threads can be made (%u exist): goroutines wait for those in system calls, and are not preempted",
            base_load_relaxed(&rv__sched.ms));
    said = true;
    return false;
}
void *rv__m_maker(void *arg)
{
    (void)arg;
    base_store_relaxed(&rv__sched.maker_tid, sys_gettid()); // relaxed: a number
    rv__feed_carry(NULL);
    while (!base_load_relaxed(&rv__sched.stopping)) {
        if (base_exchange_acquire(&rv__sched.want_m, 0u) == 0) {
            sys_futex_wait(&rv__sched.want_m, 0);
            continue;
        }
        // None can be made: who comes back looks for work himself, and sysmon asks again; asking ourselves would go on and on.
        if (base_load_relaxed(&rv__sched.idle_ms) == 0 && !make_one()) continue;
        if (base_load_relaxed(&rv__sched.idle_ps) && rv__wants_m()) rv__wake_one();
    }
    return NULL;
}

// ---- plain threads ---------------------------------------------------------------------------------------------------

struct rv__m *rv__m_foreign(void)
{
    if (unlikely(base_load_relaxed(&rv__sched.forked))) rv__fatal("in a child of fork only exec and _exit may follow");
    struct rv__m *m = rv__m_make();
    rv__m_begin(m);
    m->g = &m->hidden;
    rv__m_watch_exit(m);
    return m;
}
