// A wait gives the mutex away: what it protected may change meanwhile, and what the waiter wrote without it races.
#define TOGETHER
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
int ready, data;
static void first(void)
{
    pthread_mutex_lock(&m);
    while (!ready) pthread_cond_wait(&c, &m);
    pthread_mutex_unlock(&m);
    step();
    data = 1; // race: data
}
static void second(void)
{
    pthread_mutex_lock(&m);
    ready = 1;
    pthread_cond_signal(&c);
    pthread_mutex_unlock(&m);
    data = 2; // race: data
    step();
}
