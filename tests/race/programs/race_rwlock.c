// Two readers are not ordered: one of them must not write.
#include "../race.h"

static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
int data;
static void first(void)
{
    pthread_rwlock_rdlock(&l);
    data = 1; // race: data
    pthread_rwlock_unlock(&l);
}
static void second(void)
{
    pthread_rwlock_rdlock(&l);
    data = 2; // race: data
    pthread_rwlock_unlock(&l);
}
