// Three philosophers at a round table, three forks between them.
//
// The mend: the forks are numbered, and everybody takes the lower number first. The last philosopher then starts
// with the right fork, and the circle never closes.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

enum { SEATS = 3 };

static pthread_mutex_t forks[SEATS] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static int meals[SEATS];
static const int seats[SEATS] = {0, 1, 2};

static void eat(int seat)
{
    const int left = seat, right = (seat + 1) % SEATS;
    pthread_mutex_t *const low = &forks[left < right ? left : right];
    pthread_mutex_t *const high = &forks[left < right ? right : left];
    pthread_mutex_lock(low);
    pthread_mutex_lock(high);
    meals[seat]++;
    pthread_mutex_unlock(high);
    pthread_mutex_unlock(low);
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
