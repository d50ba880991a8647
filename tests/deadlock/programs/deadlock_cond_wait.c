// A wait gives its own mutex back and takes it again, while the thread keeps another lock.
// cycle: kept->wait second_m->second_kept
#include "../../race/race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER, kept = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void first(void)
{
    pthread_mutex_lock(&m);
    pthread_mutex_lock(&kept);                                     // at: kept
    EXPECT(pthread_cond_timedwait(&cond, &m, &past) == ETIMEDOUT); // at: wait
    pthread_mutex_unlock(&kept);
    pthread_mutex_unlock(&m);
}
static void second(void)
{
    pthread_mutex_lock(&m);    // at: second_m
    pthread_mutex_lock(&kept); // at: second_kept
    pthread_mutex_unlock(&kept);
    pthread_mutex_unlock(&m);
}
