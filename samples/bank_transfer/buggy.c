// A bank that moves money between accounts, each with its own lock.
//
// The bug: transfer() locks the payer and then the payee. Two transfers in opposite directions at the same time
// take the same two locks in opposite order. No line of the code looks wrong; only the two calls together are.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

struct account {
    pthread_mutex_t lock;
    long balance; // guarded by lock
};

static struct account alice = {PTHREAD_MUTEX_INITIALIZER, 100};
static struct account bob = {PTHREAD_MUTEX_INITIALIZER, 100};

static void transfer(struct account *from, struct account *to, long amount)
{
    pthread_mutex_lock(&from->lock); // lock-cycle: A
    pthread_mutex_lock(&to->lock);   // lock-cycle: A
    from->balance -= amount;
    to->balance += amount;
    pthread_mutex_unlock(&to->lock);
    pthread_mutex_unlock(&from->lock);
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
