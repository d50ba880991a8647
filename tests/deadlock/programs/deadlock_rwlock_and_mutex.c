// A reader wants a mutex whose owner wants to write.
// cycle: reader->mutex owner->writer
#include "../../race/race.h"

static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t row = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    pthread_rwlock_rdlock(&table); // at: reader
    pthread_mutex_lock(&row);      // at: mutex
    pthread_mutex_unlock(&row);
    pthread_rwlock_unlock(&table);
}
static void second(void)
{
    pthread_mutex_lock(&row);      // at: owner
    pthread_rwlock_wrlock(&table); // at: writer
    pthread_rwlock_unlock(&table);
    pthread_mutex_unlock(&row);
}
