// The cleanup handler of a cancelled waiter holds the mutex, and orders nothing after it has unlocked.
#define NO_MAIN
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
int waiting, data;
static void cleanup(void *arg)
{
    (void)arg;
    pthread_mutex_unlock(&m);
    data = 1; // race: data
    step();
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
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, waiter, NULL);
    for (int seen = 0; !seen;) {
        pthread_mutex_lock(&m);
        seen = waiting;
        pthread_mutex_unlock(&m);
    }
    pthread_cancel(t);
    step();
    pthread_mutex_lock(&m);
    data = 2; // race: data
    pthread_mutex_unlock(&m);
    pthread_join(t, NULL);
    return 0;
}
