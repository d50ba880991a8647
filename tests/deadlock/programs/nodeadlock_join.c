// Opposite orders, but the first thread is joined before the second one is created.
#define NO_MAIN
#include "../../race/race.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void *first(void *arg)
{
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&b);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
    return arg;
}
static void *second(void *arg)
{
    pthread_mutex_lock(&b);
    pthread_mutex_lock(&a);
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
    return arg;
}
int main(void)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, first, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(pthread_create(&thread, NULL, second, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    return 0;
}
