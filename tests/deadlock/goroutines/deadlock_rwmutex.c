// A reader of one lock writes the other, and the other way round.
// cycle: first_read->first_write second_read->second_write
#include "../../gorace/programs/gorace.h"

static rv_rwmutex a, b;
static rv_waitgroup wg;

static void first(void *arg)
{
    (void)arg;
    rv_rwmutex_rlock(&a); // at: first_read
    rv_rwmutex_lock(&b);  // at: first_write
    rv_rwmutex_unlock(&b);
    rv_rwmutex_runlock(&a);
    next_turn();
    rv_wg_done(&wg);
}
static void second(void *arg)
{
    (void)arg;
    turn(1);
    rv_rwmutex_rlock(&b); // at: second_read
    rv_rwmutex_lock(&a);  // at: second_write
    rv_rwmutex_unlock(&a);
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
