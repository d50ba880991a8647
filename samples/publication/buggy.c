// A configuration that one thread loads and another uses as soon as the pointer is there.
//
// The bug: the pointer is an ordinary variable. Nothing makes the loader's writes visible in the order in which
// they were made, so the server may see the pointer and, behind it, fields that are not written yet.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "../order.h"

struct config {
    int port;
};

static struct config *current;

static void *load(void *arg)
{
    struct config *const c = malloc(sizeof *c);
    if (c == NULL) abort();
    c->port = 8080; // race: contents
    current = c;    // race: pointer
    order_point();
    return arg;
}

static void *serve(void *port)
{
    order_point();
    const struct config *const c = current; // race: pointer
    if (c != NULL) {
        *(int *)port = c->port; // race: contents
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
    free(current);
    return 0;
}
