// race_pool.c: an object that is used after its put: by who put it, though nobody has got it, and by another goroutine.
// And what comes after a put is not ordered by it.
#include "gorace.h"

struct thing {
    int first, second;
};
enum { MANY = 40 }; // not all of them are for this P only
static struct thing things[3];
static char many[MANY];
static rv_pool pool = RV_POOL_OF_SIZE(sizeof(struct thing), NULL, NULL, NULL), bare, two;
static rv_sem done;
int apart;

static void other(void *arg)
{
    struct thing *t = arg;
    turn(1);
    t->second = 1; // race: by_another
    next_turn();
    turn(3);
    if (!rv_pool_get(&two)) abort();
    apart = 1; // race: apart
    rv_sem_release(&done, 1);
}
static void body(void *arg)
{
    (void)arg;
    rv_pool_put(&pool, &things[0]); // race: by_putter
    things[0].second = 1;           // race: by_putter
    rv_pool_put(&bare, &things[1]); // race: of_no_size
    things[1].first = 1;            // race: of_no_size
    things[1].second = 1;           // beyond what a put without a size counts as written
    rv_go(other, &things[2]);
    rv_pool_put(&pool, &things[2]); // race: by_another
    next_turn();
    turn(2);
    for (int i = 0; i < MANY; i++) rv_pool_put(&two, &many[i]);
    apart = 2; // race: apart
    next_turn();
    rv_sem_acquire(NULL, &done, 1);
    rv_pool_get(&pool);
    rv_pool_get(&pool);
    rv_pool_get(&bare);
    rv_pool_drain(&pool);
    rv_pool_drain(&bare);
    rv_pool_drain(&two);
}
