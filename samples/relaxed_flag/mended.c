// A measurement that is announced through an atomic flag.
//
// The mend: the store releases and the load acquires. Whoever sees the flag up sees what was written before it.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include "../order.h"

static int temperature;
static atomic_int measured;

static void *measure(void *arg)
{
    temperature = 21;
    atomic_store_explicit(&measured, 1, memory_order_release);
    order_point();
    return arg;
}

static void *display(void *shown)
{
    order_point();
    if (atomic_load_explicit(&measured, memory_order_acquire)) {
        *(int *)shown = temperature;
    }
    return NULL;
}

int main(void)
{
    pthread_t sensor, screen;
    int shown = -1;
    order_init(2);
    pthread_create(&sensor, NULL, measure, NULL);
    pthread_create(&screen, NULL, display, &shown);
    pthread_join(sensor, NULL);
    pthread_join(screen, NULL);
    printf("%d degrees\n", shown);
    return 0;
}
