// A successful trylock, timedlock or clocklock orders like a lock.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
int data;
static void first(void)
{
    pthread_mutex_lock(&m);
    data = 1;
    pthread_mutex_unlock(&m);
}
static void second(void)
{
    EXPECT(pthread_mutex_trylock(&m) == 0);
    data = 2;
    pthread_mutex_unlock(&m);
    EXPECT(pthread_mutex_timedlock(&m, &never) == 0);
    data = 3;
    pthread_mutex_unlock(&m);
    EXPECT(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &never) == 0);
    data = 4;
    pthread_mutex_unlock(&m);
}
