// A mutex made anew knows nothing of what the old one ordered.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
int data;
static void first(void)
{
    pthread_mutex_lock(&m);
    data = 1; // race: data
    pthread_mutex_unlock(&m);
}
static void second(void)
{
    pthread_mutex_destroy(&m);
    pthread_mutex_init(&m, NULL);
    pthread_mutex_lock(&m);
    data = 2; // race: data
    pthread_mutex_unlock(&m);
}
