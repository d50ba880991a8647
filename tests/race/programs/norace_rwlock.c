// A writer is ordered before and after readers and writers; every form of taking the lock counts.
#include "../race.h"

static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
int data;
static void first(void)
{
    pthread_rwlock_wrlock(&l);
    EXPECT(pthread_rwlock_wrlock(&l) == EDEADLK && pthread_rwlock_rdlock(&l) == EDEADLK);
    data = 1;
    pthread_rwlock_unlock(&l);
}
int taken(int error)
{
    EXPECT(error == 0);
    const int seen = data;
    pthread_rwlock_unlock(&l);
    return seen;
}
static void second(void)
{
    EXPECT(taken(pthread_rwlock_rdlock(&l)) + taken(pthread_rwlock_tryrdlock(&l)) == 2);
    taken(pthread_rwlock_timedrdlock(&l, &never));
    taken(pthread_rwlock_clockrdlock(&l, CLOCK_MONOTONIC, &never));
    taken(pthread_rwlock_trywrlock(&l));
    taken(pthread_rwlock_timedwrlock(&l, &never));
    taken(pthread_rwlock_clockwrlock(&l, CLOCK_MONOTONIC, &never));
    pthread_rwlock_wrlock(&l);
    data = 2;
    pthread_rwlock_unlock(&l);
}
