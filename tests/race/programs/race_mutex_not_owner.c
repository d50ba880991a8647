// An unlock that is refused because the caller does not have the mutex orders nothing.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
int data;
static void first(void)
{
    data = 1; // race: data
    EXPECT(pthread_mutex_unlock(&m) == EPERM);
}
static void second(void)
{
    pthread_mutex_lock(&m);
    data = 2; // race: data
    pthread_mutex_unlock(&m);
}
