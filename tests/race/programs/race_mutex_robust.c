// A robust mutex that can no longer be made consistent is not held by whoever is told so.
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
    return arg;
}
static void first(void)
{
    pthread_t t;
    pthread_create(&t, NULL, dies, NULL);
    pthread_join(t, NULL);
    EXPECT(pthread_mutex_lock(&m) == EOWNERDEAD);
    data = 1; // race: data
    EXPECT(pthread_mutex_unlock(&m) == 0);
}
static void second(void)
{
    EXPECT(pthread_mutex_lock(&m) == ENOTRECOVERABLE);
    data = 2; // race: data
}
