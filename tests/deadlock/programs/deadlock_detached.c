// As nodeadlock_join, but the first thread is detached: nothing keeps it from being late.
// cycle: first_a->first_b second_b->second_a
#define NO_MAIN
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void *first(void *arg)
{
    pthread_mutex_lock(&a); // at: first_a
    pthread_mutex_lock(&b); // at: first_b
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
    step();
    return arg;
}
static void *second(void *arg)
{
    pthread_mutex_lock(&b); // at: second_b
    pthread_mutex_lock(&a); // at: second_a
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
    return arg;
}
int main(void)
{
    pthread_t thread;
    steps(2);
    EXPECT(pthread_create(&thread, NULL, first, NULL) == 0);
    EXPECT(pthread_detach(thread) == 0);
    step();
    EXPECT(pthread_create(&thread, NULL, second, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    return 0;
}
