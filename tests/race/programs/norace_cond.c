// A signal under the mutex, and the data with it.
#define TOGETHER
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
int ready, data;
static void first(void)
{
    data = 1;
    for (int i = 1; i <= 3; i++) {
        pthread_mutex_lock(&m);
        ready = i;
        if (i & 1)
            pthread_cond_signal(&c);
        else
            pthread_cond_broadcast(&c);
        pthread_mutex_unlock(&m);
        step();
    }
}
static void second(void)
{
    pthread_mutex_lock(&m);
    while (ready < 1) pthread_cond_wait(&c, &m);
    data++;
    pthread_mutex_unlock(&m);
    step();
    pthread_mutex_lock(&m);
    while (ready < 2) pthread_cond_timedwait(&c, &m, &never);
    pthread_mutex_unlock(&m);
    step();
    pthread_mutex_lock(&m);
    while (ready < 3) pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &never);
    pthread_mutex_unlock(&m);
    step();
    pthread_cond_destroy(&c);
}
