// A recursive mutex is held until its last unlock.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
int data;
static void first(void)
{
    pthread_mutex_lock(&m);
    pthread_mutex_lock(&m);
    pthread_mutex_unlock(&m);
    data = 1;
    pthread_mutex_unlock(&m);
}
static void second(void)
{
    pthread_mutex_lock(&m);
    data = 2;
    pthread_mutex_unlock(&m);
}
