// A connection that one thread closes while another still counts what it sent.
//
// The bug: nobody owns the connection. The closing thread frees it as soon as it is done itself. The report shows
// the free as one of the two accesses, with both stacks and the place where the block was allocated.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "../order.h"

struct connection {
    char peer[64];
    int sent;
};

static void *close_connection(void *connection)
{
    free(connection); // race: A
    order_point();
    return NULL;
}

static void *report_connection(void *connection)
{
    const struct connection *const c = connection;
    order_point();
    const int sent = c->sent; // race: A
    printf("still sending: %s\n", sent < 0 ? "no" : "perhaps");
    return NULL;
}

int main(void)
{
    struct connection *const c = calloc(1, sizeof *c);
    if (c == NULL) abort();
    pthread_t closer, reporter;
    order_init(2);
    pthread_create(&closer, NULL, close_connection, c);
    pthread_create(&reporter, NULL, report_connection, c);
    pthread_join(closer, NULL);
    pthread_join(reporter, NULL);
    return 0;
}
