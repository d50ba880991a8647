// Two goroutines take two mutexes in opposite orders, one after the other.
// cycle: first_a->first_b second_b->second_a
#include "../../gorace/programs/gorace.h"

static rv_mutex a, b;
static rv_waitgroup wg;

static void first(void *arg)
{
    (void)arg;
    rv_mutex_lock(&a); // at: first_a
    rv_mutex_lock(&b); // at: first_b
    rv_mutex_unlock(&b);
    rv_mutex_unlock(&a);
    next_turn();
    rv_wg_done(&wg);
}
static void second(void *arg)
{
    (void)arg;
    turn(1);
    rv_mutex_lock(&b); // at: second_b
    rv_mutex_lock(&a); // at: second_a
    rv_mutex_unlock(&a);
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
