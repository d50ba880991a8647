// One request closes two cycles.
// cycle: one_c->one_a all_a->all_c
// cycle: two_c->two_b all_b->all_c
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER, c = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    pthread_mutex_lock(&c); // at: one_c
    pthread_mutex_lock(&a); // at: one_a
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&c);
    pthread_mutex_lock(&c); // at: two_c
    pthread_mutex_lock(&b); // at: two_b
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&c);
}
static void second(void)
{
    pthread_mutex_lock(&a); // at: all_a
    pthread_mutex_lock(&b); // at: all_b
    pthread_mutex_lock(&c); // at: all_c
    pthread_mutex_unlock(&c);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
}
