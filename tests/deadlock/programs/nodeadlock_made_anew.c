// The lock of the second order is another one, at the same address.
#include "../../race/race.h"

static pthread_mutex_t a, b = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    pthread_mutex_init(&a, NULL);
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&b);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
    pthread_mutex_destroy(&a);
    pthread_mutex_init(&a, NULL);
}
static void second(void)
{
    pthread_mutex_lock(&b);
    pthread_mutex_lock(&a);
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}
