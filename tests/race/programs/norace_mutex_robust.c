// The death of a robust mutex's owner is ordered before the lock that finds out about it.
#include "../race.h"

static pthread_mutex_t m;
int data;
static __attribute__((constructor)) void make(void)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m, &attr);
}
static void *dies(void *arg)
{
    pthread_mutex_lock(&m);
    data = 1;
    return arg;
}
static void first(void)
{
    pthread_t t;
    pthread_create(&t, NULL, dies, NULL);
    pthread_join(t, NULL);
}
static void second(void)
{
    EXPECT(pthread_mutex_lock(&m) == EOWNERDEAD);
    data = 2;
    EXPECT(pthread_mutex_consistent(&m) == 0);
    EXPECT(pthread_mutex_unlock(&m) == 0);
    EXPECT(pthread_mutex_lock(&m) == 0);
    data = 3;
    EXPECT(pthread_mutex_unlock(&m) == 0);
}
