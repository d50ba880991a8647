// The gate is only held shared, so it keeps nobody out.
// cycle: x->y x->y
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

static void both(pthread_mutex_t *x, pthread_mutex_t *y)
{
    pthread_rwlock_rdlock(&gate);
    pthread_mutex_lock(x); // at: x
    pthread_mutex_lock(y); // at: y
    pthread_mutex_unlock(y);
    pthread_mutex_unlock(x);
    pthread_rwlock_unlock(&gate);
}
static void first(void) { both(&a, &b); }
static void second(void) { both(&b, &a); }
