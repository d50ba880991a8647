// What follows the unlock is not covered by it.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
int data;
static void first(void)
{
    pthread_mutex_lock(&m);
    pthread_mutex_unlock(&m);
    data = 1; // race: data
}
static void second(void)
{
    pthread_mutex_lock(&m);
    data = 2; // race: data
    pthread_mutex_unlock(&m);
}
