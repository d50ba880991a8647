// race_locked.c: goroutines that are locked to threads, and one that used the same thread before; a goroutine's locals. Neither the
// lock to a thread nor a key orders anything.
#include "gorace.h"

int locked, local;
static rv_key key;
static rv_waitgroup wg;
static void first(void *arg)
{
    (void)arg;
    rv_lock_os_thread();
    rv_set(key, &locked);
    locked = 1; // race: locked
    rv_unlock_os_thread();
    local = 1; // race: local
    next_turn();
    rv_wg_done(&wg);
}
static void second(void *arg)
{
    (void)arg;
    turn(1);
    rv_lock_os_thread();
    if (rv_get(key)) abort();
    rv_set(key, &locked);
    locked = 2; // race: locked
    rv_unlock_os_thread();
    local = 2; // race: local
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    if (rv_key_create(&key, NULL)) abort();
    rv_wg_add(&wg, 2);
    rv_go(second, NULL);
    rv_go(first, NULL);
    rv_wg_wait(&wg);
}
