// A connection that one thread closes while another still counts what it sent.
//
// The mend: each thread holds a reference, and the last one to let go frees. The decrement acquires and releases,
// so that the free comes after all that the other thread did.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "../order.h"

struct connection {
    char peer[64];
    int sent;
    atomic_int references;
};

static void put_connection(struct connection *c)
{
    if (atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1) free(c);
}

static void *close_connection(void *connection)
{
    put_connection(connection);
    order_point();
    return NULL;
}

static void *report_connection(void *connection)
{
    struct connection *const c = connection;
    order_point();
    const int sent = c->sent;
    printf("still sending: %s\n", sent < 0 ? "no" : "perhaps");
    put_connection(c);
    return NULL;
}

int main(void)
{
    struct connection *const c = calloc(1, sizeof *c);
    if (c == NULL) abort();
    atomic_init(&c->references, 2);
    pthread_t closer, reporter;
    order_init(2);
    pthread_create(&closer, NULL, close_connection, c);
    pthread_create(&reporter, NULL, report_connection, c);
    pthread_join(closer, NULL);
    pthread_join(reporter, NULL);
    return 0;
}
