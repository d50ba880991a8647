// Two goroutines take two mutexes in one order; a try goes the other way, and does not wait.
#include "../../gorace/programs/gorace.h"

static rv_mutex a, b;
static rv_waitgroup wg;

static void first(void *arg)
{
    (void)arg;
    rv_mutex_lock(&a);
    rv_mutex_lock(&b);
    rv_mutex_unlock(&b);
    rv_mutex_unlock(&a);
    next_turn();
    rv_wg_done(&wg);
}
static void second(void *arg)
{
    (void)arg;
    turn(1);
    rv_mutex_lock(&b);
    if (rv_mutex_trylock(&a) == 0) rv_mutex_unlock(&a);
    rv_mutex_unlock(&b);
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
