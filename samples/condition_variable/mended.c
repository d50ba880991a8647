// A cook says that dinner is ready; a waiter waits for it on a condition variable.
//
// The mend: the flag belongs to the mutex, for the one who sets it as for the one who waits. The signal can then
// not fall between the check and the wait.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include "../order.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool ready; // guarded by lock

static void *cook(void *arg)
{
    pthread_mutex_lock(&lock);
    ready = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    order_point();
    return arg;
}

static void *wait_at_table(void *arg)
{
    order_point();
    pthread_mutex_lock(&lock);
    while (!ready) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    pthread_t c, w;
    order_init(2);
    pthread_create(&c, NULL, cook, NULL);
    pthread_create(&w, NULL, wait_at_table, NULL);
    pthread_join(c, NULL);
    pthread_join(w, NULL);
    printf("dinner is served\n");
    return 0;
}
