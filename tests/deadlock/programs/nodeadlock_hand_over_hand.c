// A list is walked with two locks at a time, and the last one released is taken first by the next walk.
#include "../../race/race.h"

enum { N = 20 };
static pthread_mutex_t node[N];

__attribute__((constructor)) static void init(void)
{
    for (int i = 0; i < N; i++) pthread_mutex_init(&node[i], NULL);
}
static void first(void)
{
    pthread_mutex_lock(&node[0]);
    for (int i = 1; i < N; i++) {
        pthread_mutex_lock(&node[i]);
        pthread_mutex_unlock(&node[i - 1]);
    }
    pthread_mutex_unlock(&node[N - 1]);
}
static void second(void)
{
    pthread_mutex_lock(&node[N - 1]);
    pthread_mutex_unlock(&node[N - 1]);
    first();
}
