// A configuration that one thread loads and another uses as soon as the pointer is there.
//
// The mend: the pointer is atomic, stored with release and loaded with acquire. Whoever sees it sees all that was
// written before it.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "../order.h"

struct config {
    int port;
};

static struct config *_Atomic current;

static void *load(void *arg)
{
    struct config *const c = malloc(sizeof *c);
    if (c == NULL) abort();
    c->port = 8080;
    atomic_store_explicit(&current, c, memory_order_release);
    order_point();
    return arg;
}

static void *serve(void *port)
{
    order_point();
    const struct config *const c = atomic_load_explicit(&current, memory_order_acquire);
    if (c != NULL) {
        *(int *)port = c->port;
    }
    return NULL;
}

int main(void)
{
    pthread_t loader, server;
    int port = 0;
    order_init(2);
    pthread_create(&loader, NULL, load, NULL);
    pthread_create(&server, NULL, serve, &port);
    pthread_join(loader, NULL);
    pthread_join(server, NULL);
    printf("serving port %d\n", port);
    free(atomic_load(&current));
    return 0;
}
