// A cook says that dinner is ready; a waiter waits for it on a condition variable.
//
// The bug: the cook sets the flag without the mutex. Beside the race on the flag, the signal can fall between the
// waiter's check and its wait, where nobody hears it, and the waiter then waits for ever.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include "../order.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool ready;

static void *cook(void *arg)
{
    ready = true; // race: A
    pthread_cond_signal(&changed);
    order_point();
    return arg;
}

static void *wait_at_table(void *arg)
{
    order_point();
    pthread_mutex_lock(&lock);
    while (!ready) { // race: A
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
