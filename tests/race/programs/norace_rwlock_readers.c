// Readers are ordered before the next writer.
#include "../race.h"

static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
int data;
static void first(void)
{
    pthread_rwlock_rdlock(&l);
    EXPECT(data == 0);
    pthread_rwlock_unlock(&l);
}
static void second(void)
{
    pthread_rwlock_wrlock(&l);
    data = 1;
    pthread_rwlock_unlock(&l);
    EXPECT(pthread_rwlock_destroy(&l) == 0);
}
