// An error-checking mutex refuses to be taken twice: nobody waits.
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, b = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&b);
    EXPECT(pthread_mutex_lock(&a) == EDEADLK);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
}
static void second(void) { first(); }
