// race_groups.c: the goroutines of an errgroup are not ordered among themselves; nor does a call of a key come after one that had its own run; and
// copies of a result are the callers' own, what they point to is not.
#include "gorace.h"

int among, pointed_to, apart;
static rv_errgroup group;
static rv_singleflight table;
static rv_sem fetching, done;

static int first(void *arg)
{
    (void)arg;
    among = 1; // race: among
    next_turn();
    return 0;
}
static int second(void *arg)
{
    (void)arg;
    turn(1);
    among = 2; // race: among
    return 0;
}
static int fetch(void *arg, void *out)
{
    if (arg) rv_sem_acquire(NULL, &fetching, 1);
    *(int **)out = &pointed_to;
    return 0;
}
static void ask(void *arg)
{
    int *p;
    rv_singleflight_do(&table, "key", fetch, arg, &p, sizeof p, NULL);
    *p = 1; // race: pointed_to
    rv_sem_release(&done, 1);
}
static void ask_alone(void *arg)
{
    int *p;
    (void)arg;
    apart = 1; // race: apart
    rv_singleflight_do(&table, "other", fetch, NULL, &p, sizeof p, NULL);
    next_turn();
    rv_sem_release(&done, 1);
}
static void body(void *arg)
{
    int *p;
    (void)arg;
    rv_errgroup_go(&group, first, NULL);
    rv_errgroup_go(&group, second, NULL);
    rv_errgroup_wait(&group);
    rv_go(ask_alone, NULL);
    turn(2);
    rv_singleflight_do(&table, "other", fetch, NULL, &p, sizeof p, NULL);
    apart = 2; // race: apart
    rv_sem_acquire(NULL, &done, 1);
    rv_go(ask, &fetching);
    rv_go(ask, &fetching);
    for (int i = 0; i < 1000; i++) rv_gosched();
    rv_sem_release(&fetching, 2);
    rv_sem_acquire(NULL, &done, 2);
}
