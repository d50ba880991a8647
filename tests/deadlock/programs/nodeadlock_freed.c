// The memory of a lock that was never destroyed is freed, and the next block has a lock in the same place.
#include "../../race/race.h"

static pthread_mutex_t b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *block;

static pthread_mutex_t *make(void)
{
    pthread_mutex_t *m = malloc(sizeof *m);
    *m = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    return m;
}
static void first(void)
{
    pthread_mutex_t *a = make();
    const uintptr_t place = (uintptr_t)a;
    pthread_mutex_lock(a);
    pthread_mutex_lock(&b);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(a);
    free(a);
    block = make();
    EXPECT((uintptr_t)block == place);
    pthread_mutex_lock(&b);
    pthread_mutex_lock(block);
    pthread_mutex_unlock(block);
    pthread_mutex_unlock(&b);
}
static void second(void)
{
    pthread_mutex_lock(&b);
    pthread_mutex_t *a = block;
    pthread_mutex_lock(a);
    pthread_mutex_unlock(a);
    pthread_mutex_unlock(&b);
}
