// Critical sections of two mutexes are not.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER, n = PTHREAD_MUTEX_INITIALIZER;
int data;
static void first(void)
{
    pthread_mutex_lock(&m);
    data = 1; // race: data
    pthread_mutex_unlock(&m);
}
static void second(void)
{
    pthread_mutex_lock(&n);
    data = 2; // race: data
    pthread_mutex_unlock(&n);
}
