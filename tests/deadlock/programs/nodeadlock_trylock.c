// Who tries, or waits for a limited time, does not wait for ever.
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    pthread_mutex_lock(&a);
    EXPECT(pthread_mutex_trylock(&b) == 0);
    pthread_mutex_unlock(&b);
    EXPECT(pthread_mutex_timedlock(&b, &never) == 0);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
}
static void second(void)
{
    pthread_mutex_lock(&b);
    pthread_mutex_lock(&a);
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}
