// The same inversion many times over: one report.
// cycle: first_a->first_b second_b->second_a
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void first(void)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&a); // at: first_a
        pthread_mutex_lock(&b); // at: first_b
        pthread_mutex_unlock(&b);
        pthread_mutex_unlock(&a);
    }
}
static void second(void)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&b); // at: second_b
        pthread_mutex_lock(&a); // at: second_a
        pthread_mutex_unlock(&a);
        pthread_mutex_unlock(&b);
    }
    first();
}
