// Three philosophers at a round table, three forks between them.
//
// The bug: each takes the fork on the left and then the one on the right. When all three hold their left fork,
// nobody eats again. Any two of them are harmless: it takes all three to close the circle.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

enum { SEATS = 3 };

static pthread_mutex_t forks[SEATS] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static int meals[SEATS];
static const int seats[SEATS] = {0, 1, 2};

static void eat(int seat)
{
    pthread_mutex_t *const left = &forks[seat];
    pthread_mutex_t *const right = &forks[(seat + 1) % SEATS];
    pthread_mutex_lock(left);  // lock-cycle: A
    pthread_mutex_lock(right); // lock-cycle: A
    meals[seat]++;
    pthread_mutex_unlock(right);
    pthread_mutex_unlock(left);
}

static void *philosopher(void *arg)
{
    const int seat = *(const int *)arg;
    for (int i = 0; i < seat; i++) order_point(); // let those before me eat
    eat(seat);
    for (int i = seat; i < SEATS - 1; i++) order_point();
    return NULL;
}

int main(void)
{
    pthread_t guest[SEATS];
    order_init(SEATS);
    for (int i = 0; i < SEATS; i++) pthread_create(&guest[i], NULL, philosopher, (void *)&seats[i]);
    for (int i = 0; i < SEATS; i++) pthread_join(guest[i], NULL);
    printf("%d, %d and %d meals\n", meals[0], meals[1], meals[2]);
    return 0;
}
