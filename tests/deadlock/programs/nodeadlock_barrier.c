// Opposite orders in two phases that a barrier keeps apart.
#define TOGETHER
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t phase;

__attribute__((constructor)) static void init(void) { pthread_barrier_init(&phase, NULL, 2); }
static void first(void)
{
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&b);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
    pthread_barrier_wait(&phase);
}
static void second(void)
{
    pthread_barrier_wait(&phase);
    pthread_mutex_lock(&b);
    pthread_mutex_lock(&a);
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}
