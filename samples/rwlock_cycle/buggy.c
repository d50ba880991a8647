// A router with a table of routes and a table of neighbours, each under a reader-writer lock.
//
// The bug: each function reads one table while it writes the other. A held read lock keeps the writer out as a
// mutex would, so when both have their read locks, both wait for ever for the write lock.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

static pthread_rwlock_t routes_lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t neighbours_lock = PTHREAD_RWLOCK_INITIALIZER;
static int routes = 2, neighbours = 3;

static void *drop_idle_neighbours(void *arg)
{
    pthread_rwlock_rdlock(&routes_lock);     // lock-cycle: A
    pthread_rwlock_wrlock(&neighbours_lock); // lock-cycle: A
    if (neighbours > routes) neighbours = routes;
    pthread_rwlock_unlock(&neighbours_lock);
    pthread_rwlock_unlock(&routes_lock);
    order_point();
    return arg;
}

static void *drop_dead_routes(void *arg)
{
    order_point();
    pthread_rwlock_rdlock(&neighbours_lock); // lock-cycle: A
    pthread_rwlock_wrlock(&routes_lock);     // lock-cycle: A
    if (routes > neighbours) routes = neighbours;
    pthread_rwlock_unlock(&routes_lock);
    pthread_rwlock_unlock(&neighbours_lock);
    return arg;
}

int main(void)
{
    pthread_t a, b;
    order_init(2);
    pthread_create(&a, NULL, drop_idle_neighbours, NULL);
    pthread_create(&b, NULL, drop_dead_routes, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("%d routes, %d neighbours\n", routes, neighbours);
    return 0;
}
