// norace_sync.c: an unlock orders what was done before it with the next lock, a reader's with the next writer; once's return, the
// signal that woke a wait, and a release of permits that an acquire got. Locks that one goroutine takes and another one lets go of.
#include "gorace.h"

enum { N = 50 };
static rv_mutex m;
static rv_rwmutex rw;
static rv_once once;
static rv_cond cond;
static rv_sem sem = RV_SEM_INIT(1), posted;
static rv_waitgroup wg;
static int locked, tried, written, made, permitted, handed;
static int read_by[N];

static void make(void *arg)
{
    (void)arg;
    made = 1;
}
static void work(void *arg)
{
    const int i = (int)(intptr_t)arg;
    rv_mutex_lock(&m);
    locked++;
    rv_mutex_unlock(&m);
    if (rv_mutex_trylock(&m) == 0) {
        tried++;
        rv_mutex_unlock(&m);
    }
    rv_rwmutex_rlock(&rw);
    read_by[i] = written;
    rv_rwmutex_runlock(&rw);
    rv_rwmutex_lock(&rw);
    written += read_by[i] < N;
    for (int k = 0; k <= i; k++) read_by[k]++; // what other readers left
    rv_rwmutex_unlock(&rw);
    rv_once_do(&once, make, NULL);
    if (made != 1) abort();
    rv_sem_acquire(NULL, &sem, 1);
    permitted++;
    rv_sem_release(&sem, 1);
    rv_wg_done(&wg);
}
static void wait_for_signal(void *arg)
{
    (void)arg;
    rv_mutex lock = RV_MUTEX_INIT;
    rv_mutex_lock(&lock); // nobody else's: only the signal orders
    next_turn();
    rv_cond_wait(&cond, &lock);
    if (handed != 1) abort();
    rv_mutex_unlock(&lock);
    rv_sem_post(&posted);
}
// passed_on is written under locks that main took, and read by who takes them next.
static int passed_on;
static rv_mutex passed = RV_MUTEX_INIT;
static rv_rwmutex passed_rw = RV_RWMUTEX_INIT;
static void unlock_for_main(void *arg)
{
    (void)arg;
    passed_on++;
    rv_mutex_unlock(&passed);
    rv_rwmutex_lock(&passed_rw); // main has it for reading
    passed_on++;
    rv_rwmutex_unlock(&passed_rw);
}
static void read_unlock_for_main(void *arg)
{
    (void)arg;
    rv_mutex_lock(&passed);
    passed_on++;
    rv_rwmutex_runlock(&passed_rw);
    next_turn();
}
static void pass_on(void)
{
    rv_mutex_lock(&passed);
    rv_rwmutex_rlock(&passed_rw);
    rv_go(unlock_for_main, NULL);
    rv_go(read_unlock_for_main, NULL);
    turn(2);
    rv_rwmutex_lock(&passed_rw);
    if (passed_on != 3) abort();
    rv_rwmutex_unlock(&passed_rw);
}
static void body(void *arg)
{
    (void)arg;
    rv_wg_add(&wg, N);
    for (int i = 0; i < N; i++) rv_go(work, (void *)(intptr_t)i);
    rv_wg_wait(&wg);
    if (locked != N || permitted != N || written != N) abort();
    rv_go(wait_for_signal, NULL);
    turn(1);
    handed = 1;
    while (rv_sem_try(&posted, 1) != 0) {
        rv_cond_signal(&cond);
        rv_gosched();
    }
    handed = 2;
    pass_on();
}
