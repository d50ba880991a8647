// The second thread has taken a lock after the first one released it. That was chance, and orders nothing.
// cycle: first_a->first_b second_b->second_a
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER,
                       between = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    pthread_mutex_lock(&a); // at: first_a
    pthread_mutex_lock(&b); // at: first_b
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
    pthread_mutex_lock(&between);
    pthread_mutex_unlock(&between);
}
static void second(void)
{
    pthread_mutex_lock(&between);
    pthread_mutex_unlock(&between);
    pthread_mutex_lock(&b); // at: second_b
    pthread_mutex_lock(&a); // at: second_a
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}
