// A lock that was tried, and taken, is held like any other.
// cycle: first_a->first_b second_b->second_a
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    EXPECT(pthread_mutex_trylock(&a) == 0); // at: first_a
    pthread_mutex_lock(&b);                 // at: first_b
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
}
static void second(void)
{
    EXPECT(pthread_mutex_trylock(&b) == 0); // at: second_b
    pthread_mutex_lock(&a);                 // at: second_a
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}
