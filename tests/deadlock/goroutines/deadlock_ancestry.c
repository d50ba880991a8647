// Opposite orders in goroutines whose creators are goroutines: the report tells of all of them, back to main's.
// cycle: first_a->first_b second_b->second_a
// creators: spawn deeper body main
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
static void spawn(void *fn)
{
    rv_go(*(rv_fn **)fn, NULL);
    rv_wg_done(&wg);
}
static void deeper(void *fn)
{
    rv_go(spawn, fn);
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    static rv_fn *fns[2] = {first, second};
    (void)arg;
    rv_wg_add(&wg, 6);
    rv_go(deeper, &fns[0]);
    rv_go(deeper, &fns[1]);
    rv_wg_wait(&wg);
}
