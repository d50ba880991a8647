// A wait that timed out, and a signal that found nobody, order nothing but by the mutex.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
int a, b;
static void first(void)
{
    a = 1; // race: a
    b = 1; // race: b
    pthread_cond_signal(&c);
    pthread_cond_broadcast(&c);
}
static void second(void)
{
    pthread_mutex_lock(&m);
    EXPECT(pthread_cond_timedwait(&c, &m, &past) == ETIMEDOUT);
    a = 2; // race: a
    EXPECT(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    b = 2; // race: b
    pthread_mutex_unlock(&m);
}
