// A bank that moves money between accounts, each with its own lock.
//
// The mend: every account has a number, and a transfer locks the lower number first, whoever pays.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

struct account {
    pthread_mutex_t lock;
    long balance; // guarded by lock
    int number;   // constant; locks are taken in its order
};

static struct account alice = {PTHREAD_MUTEX_INITIALIZER, 100, 1};
static struct account bob = {PTHREAD_MUTEX_INITIALIZER, 100, 2};

static void transfer(struct account *from, struct account *to, long amount)
{
    struct account *const first = from->number < to->number ? from : to;
    struct account *const second = first == from ? to : from;
    pthread_mutex_lock(&first->lock);
    pthread_mutex_lock(&second->lock);
    from->balance -= amount;
    to->balance += amount;
    pthread_mutex_unlock(&second->lock);
    pthread_mutex_unlock(&first->lock);
}

static void *alice_pays(void *arg)
{
    transfer(&alice, &bob, 30);
    order_point();
    return arg;
}

static void *bob_pays(void *arg)
{
    order_point();
    transfer(&bob, &alice, 50);
    return arg;
}

int main(void)
{
    pthread_t a, b;
    order_init(2);
    pthread_create(&a, NULL, alice_pays, NULL);
    pthread_create(&b, NULL, bob_pays, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("Alice has %ld, Bob has %ld\n", alice.balance, bob.balance);
    return 0;
}
