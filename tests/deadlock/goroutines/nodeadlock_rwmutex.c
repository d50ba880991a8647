// Readers of two locks, in both orders: no reader keeps another out.
#include "../../gorace/programs/gorace.h"

static rv_rwmutex a, b;
static rv_waitgroup wg;

static void first(void *arg)
{
    (void)arg;
    rv_rwmutex_rlock(&a);
    rv_rwmutex_rlock(&b);
    rv_rwmutex_runlock(&b);
    rv_rwmutex_runlock(&a);
    next_turn();
    rv_wg_done(&wg);
}
static void second(void *arg)
{
    (void)arg;
    turn(1);
    rv_rwmutex_rlock(&b);
    rv_rwmutex_rlock(&a);
    rv_rwmutex_runlock(&a);
    rv_rwmutex_runlock(&b);
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_wg_add(&wg, 2);
    rv_go(first, NULL);
    rv_go(second, NULL);
    rv_wg_wait(&wg);
}
