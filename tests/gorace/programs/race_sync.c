// race_sync.c: what orders nothing: a try that fails, another mutex, readers among themselves, a signal that nobody waited for, a failed
// try of a semaphore.
#include "gorace.h"

static rv_mutex m, other;
static rv_rwmutex rw;
static rv_cond cond;
static rv_sem sem, done;
int tried, elsewhere, reading, signalled, counted;

static void first(void *arg)
{
    (void)arg;
    rv_mutex_lock(&m);
    tried = 1;     // race: tried
    elsewhere = 1; // race: elsewhere
    next_turn();
    turn(2);
    rv_mutex_unlock(&m);
    rv_rwmutex_rlock(&rw);
    reading = 1; // race: reading
    rv_rwmutex_runlock(&rw);
    signalled = 1; // race: signalled
    rv_cond_signal(&cond);
    counted = 1; // race: counted
    next_turn();
    turn(4);
    rv_sem_release(&done, 1);
}
static void body(void *arg)
{
    (void)arg;
    rv_go(first, NULL);
    turn(1);
    if (rv_mutex_trylock(&m) == 0) abort();
    tried = 2; // race: tried
    rv_mutex_lock(&other);
    elsewhere = 2; // race: elsewhere
    rv_mutex_unlock(&other);
    next_turn();
    turn(3);
    rv_rwmutex_rlock(&rw);
    reading = 2; // race: reading
    rv_rwmutex_runlock(&rw);
    signalled = 2; // race: signalled
    if (rv_sem_try(&sem, 1) == 0) abort();
    counted = 2; // race: counted
    next_turn();
    rv_sem_acquire(NULL, &done, 1);
}
