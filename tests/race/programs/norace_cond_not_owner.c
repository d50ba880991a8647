// A wait with an error-checking mutex that the caller does not have is refused, and changes nothing.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
int data;
static void first(void)
{
    EXPECT(pthread_cond_wait(&c, &m) == EPERM);
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
