// A waiter that is cancelled has the mutex again when its cleanup handlers run.
#define NO_MAIN
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
int waiting, data;
static void cleanup(void *arg)
{
    (void)arg;
    data++;
    pthread_mutex_unlock(&m);
}
static void *waiter(void *arg)
{
    pthread_mutex_lock(&m);
    pthread_cleanup_push(cleanup, NULL);
    waiting = 1;
    for (;;) pthread_cond_wait(&c, &m);
    pthread_cleanup_pop(0);
    return arg;
}
int main(void)
{
    pthread_t t;
    pthread_create(&t, NULL, waiter, NULL);
    for (int seen = 0; !seen;) {
        pthread_mutex_lock(&m);
        seen = waiting;
        data++;
        pthread_mutex_unlock(&m);
    }
    pthread_cancel(t);
    pthread_mutex_lock(&m);
    data++;
    pthread_mutex_unlock(&m);
    void *result;
    EXPECT(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
    data++;
    return 0;
}
