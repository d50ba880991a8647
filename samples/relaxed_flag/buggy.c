// A measurement that is announced through an atomic flag.
//
// The bug: the flag is atomic, so it is no race itself, but relaxed order says nothing about other variables. The
// reader can see the flag up and the old temperature.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include "../order.h"

static int temperature;
static atomic_int measured;

static void *measure(void *arg)
{
    temperature = 21; // race: A
    atomic_store_explicit(&measured, 1, memory_order_relaxed);
    order_point();
    return arg;
}

static void *display(void *shown)
{
    order_point();
    if (atomic_load_explicit(&measured, memory_order_relaxed)) {
        *(int *)shown = temperature; // race: A
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
