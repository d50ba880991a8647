// Critical sections of one mutex are ordered.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
int data;
static void first(void)
{
    pthread_mutex_lock(&m);
    data = 1;
    pthread_mutex_unlock(&m);
}
static void second(void)
{
    pthread_mutex_lock(&m);
    data = 2;
    pthread_mutex_unlock(&m);
}
