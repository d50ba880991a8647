// A sum that a second thread computes while main does something else.
//
// The bug: main reads the result because "it must be done by now". Nothing waits for the thread: it is detached, and
// neither elapsed time nor sleep() is synchronisation.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

static long sum;

static void *add_up(void *arg)
{
    long total = 0;
    for (long i = 1; i <= 100; i++) total += i;
    sum = total; // race: A
    order_point();
    return arg;
}

int main(void)
{
    pthread_t adder;
    order_init(2);
    pthread_create(&adder, NULL, add_up, NULL);
    pthread_detach(adder);
    order_point();           // a second passes
    const long result = sum; // race: A
    printf("the sum is %ld\n", result);
    return 0;
}
