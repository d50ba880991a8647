// A router with a table of routes and a table of neighbours, each under a reader-writer lock.
//
// The mend: whoever needs both locks takes the one of the routes first, whichever of the two it writes.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

static pthread_rwlock_t routes_lock = PTHREAD_RWLOCK_INITIALIZER; // taken before neighbours_lock
static pthread_rwlock_t neighbours_lock = PTHREAD_RWLOCK_INITIALIZER;
static int routes = 2, neighbours = 3;

static void *drop_idle_neighbours(void *arg)
{
    pthread_rwlock_rdlock(&routes_lock);
    pthread_rwlock_wrlock(&neighbours_lock);
    if (neighbours > routes) neighbours = routes;
    pthread_rwlock_unlock(&neighbours_lock);
    pthread_rwlock_unlock(&routes_lock);
    order_point();
    return arg;
}

static void *drop_dead_routes(void *arg)
{
    order_point();
    pthread_rwlock_wrlock(&routes_lock);
    pthread_rwlock_rdlock(&neighbours_lock);
    if (routes > neighbours) routes = neighbours;
    pthread_rwlock_unlock(&neighbours_lock);
    pthread_rwlock_unlock(&routes_lock);
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
