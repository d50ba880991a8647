// race_lock_all.c: locks of which none is in both lists order nothing; nor does a list that is refused, or a look at who has what.
#include "gorace.h"

static rv_mutex m[4];
static rv_sem done;
int apart, refused, looked;

static void other(void *arg)
{
    rv_lock locks[2] = {RV_LOCK(&m[1]), RV_LOCK(&m[0])};
    (void)arg;
    rv_lock_all(locks, 2);
    apart = 1;   // race: apart
    refused = 1; // race: refused
    looked = 1;  // race: looked
    rv_unlock_all(locks, 2);
    next_turn();
    rv_sem_release(&done, 1);
}
static void body(void *arg)
{
    rv_lock locks[2] = {RV_LOCK(&m[2]), RV_LOCK(&m[3])}, twice[2] = {RV_LOCK(&m[0]), RV_LOCK(&m[0])};
    (void)arg;
    rv_mutex_name(&m[0], "zero");
    rv_go(other, NULL);
    turn(1);
    rv_lock_all(locks, 2);
    apart = 2; // race: apart
    rv_unlock_all(locks, 2);
    if (rv_lock_all(twice, 2) == 0) abort();
    refused = 2; // race: refused
    if (rv_locks_snapshot(NULL, 0) != 1) abort();
    looked = 2; // race: looked
    rv_sem_acquire(NULL, &done, 1);
}
