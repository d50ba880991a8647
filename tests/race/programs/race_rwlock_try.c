// A try or timed form that did not get the lock orders nothing.
#define TOGETHER
#include "../race.h"

static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
int data[6];
static void first(void)
{
    pthread_rwlock_wrlock(&l);
    data[0] = 1; // race: a
    data[1] = 1; // race: b
    data[2] = 1; // race: c
    data[3] = 1; // race: d
    data[4] = 1; // race: e
    data[5] = 1; // race: f
    step();
    step();
    pthread_rwlock_unlock(&l);
}
static void second(void)
{
    step();
    EXPECT(pthread_rwlock_tryrdlock(&l) == EBUSY);
    data[0] = 2; // race: a
    EXPECT(pthread_rwlock_timedrdlock(&l, &past) == ETIMEDOUT);
    data[1] = 2; // race: b
    EXPECT(pthread_rwlock_clockrdlock(&l, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    data[2] = 2; // race: c
    EXPECT(pthread_rwlock_trywrlock(&l) == EBUSY);
    data[3] = 2; // race: d
    EXPECT(pthread_rwlock_timedwrlock(&l, &past) == ETIMEDOUT);
    data[4] = 2; // race: e
    EXPECT(pthread_rwlock_clockwrlock(&l, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    data[5] = 2; // race: f
    step();
}
