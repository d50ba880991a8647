// A trylock, timedlock or clocklock that did not get the mutex orders nothing.
#define TOGETHER
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
int a, b, c;
static void first(void)
{
    pthread_mutex_lock(&m);
    a = 1; // race: a
    b = 1; // race: b
    c = 1; // race: c
    step();
    step();
    pthread_mutex_unlock(&m);
}
static void second(void)
{
    step();
    EXPECT(pthread_mutex_trylock(&m) == EBUSY);
    a = 2; // race: a
    EXPECT(pthread_mutex_timedlock(&m, &past) == ETIMEDOUT);
    b = 2; // race: b
    EXPECT(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    c = 2; // race: c
    step();
}
