// A sum that a second thread computes while main does something else.
//
// The mend: main joins the thread before it reads. All that the thread did is then done, and visible.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

static long sum;

static void *add_up(void *arg)
{
    long total = 0;
    for (long i = 1; i <= 100; i++) total += i;
    sum = total;
    order_point();
    return arg;
}

int main(void)
{
    pthread_t adder;
    order_init(2);
    pthread_create(&adder, NULL, add_up, NULL);
    order_point(); // a second passes
    pthread_join(adder, NULL);
    printf("the sum is %ld\n", sum);
    return 0;
}
