// A file cache with one lock for its table and one for its statistics.
//
// The bug: a lookup takes table and then statistics, a dump takes statistics and then table. When each has its first
// lock, both wait for ever. It did not happen in this run, and is reported all the same.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t stats_lock = PTHREAD_MUTEX_INITIALIZER;
static int entries, lookups; // guarded by table_lock; by stats_lock

static void *look_up(void *arg)
{
    pthread_mutex_lock(&table_lock); // lock-cycle: A
    entries++;
    pthread_mutex_lock(&stats_lock); // lock-cycle: A
    lookups++;
    pthread_mutex_unlock(&stats_lock);
    pthread_mutex_unlock(&table_lock);
    order_point();
    return arg;
}

static void *dump(void *arg)
{
    order_point();
    pthread_mutex_lock(&stats_lock); // lock-cycle: A
    pthread_mutex_lock(&table_lock); // lock-cycle: A
    printf("%d entries, %d lookups\n", entries, lookups);
    pthread_mutex_unlock(&table_lock);
    pthread_mutex_unlock(&stats_lock);
    return arg;
}

int main(void)
{
    pthread_t a, b;
    order_init(2);
    pthread_create(&a, NULL, look_up, NULL);
    pthread_create(&b, NULL, dump, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
