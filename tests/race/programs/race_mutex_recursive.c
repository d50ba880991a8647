// The inner unlock of a recursive mutex releases nothing, and the outer one does not cover what follows it.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
int data;
static void first(void)
{
    pthread_mutex_lock(&m);
    pthread_mutex_lock(&m);
    pthread_mutex_unlock(&m);
    pthread_mutex_unlock(&m);
    data = 1; // race: data
}
static void second(void)
{
    pthread_mutex_lock(&m);
    data = 2; // race: data
    pthread_mutex_unlock(&m);
}
