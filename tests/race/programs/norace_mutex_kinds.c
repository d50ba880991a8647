// Mutexes of every kind and attribute order, and answer as glibc's do.
#include "../race.h"

static pthread_mutex_t kinds[2 * 2 * 2 * 3];
int data[2 * 2 * 2 * 3];
static __attribute__((constructor)) void make(void)
{
    static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK};
    for (int i = 0; i < 2 * 2 * 2 * 3; i++) {
        pthread_mutexattr_t attr;
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_settype(&attr, types[i / 8]);
        if (i & 1) pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
        if (i & 2) pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        if (i & 4) pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
        EXPECT(pthread_mutex_init(&kinds[i], &attr) == 0);
        pthread_mutexattr_destroy(&attr);
    }
}
static void first(void)
{
    for (int i = 0; i < 2 * 2 * 2 * 3; i++) {
        EXPECT(pthread_mutex_lock(&kinds[i]) == 0);
        if (i / 8 == 1) EXPECT(pthread_mutex_lock(&kinds[i]) == 0 && pthread_mutex_unlock(&kinds[i]) == 0);
        if (i / 8 == 2) EXPECT(pthread_mutex_lock(&kinds[i]) == EDEADLK);
        data[i]++;
        EXPECT(pthread_mutex_unlock(&kinds[i]) == 0);
    }
}
static void second(void)
{
    for (int i = 0; i < 2 * 2 * 2 * 3; i++) {
        EXPECT(pthread_mutex_lock(&kinds[i]) == 0);
        data[i]++;
        EXPECT(pthread_mutex_unlock(&kinds[i]) == 0);
        if (i / 8 > 0) EXPECT(pthread_mutex_unlock(&kinds[i]) == EPERM);
        EXPECT(pthread_mutex_destroy(&kinds[i]) == 0);
    }
}
