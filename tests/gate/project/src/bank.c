#include "bank.h"

void account_init(struct account *a, long balance)
{
    pthread_mutex_init(&a->lock, NULL);
    a->balance = balance;
    a->visits = 0;
    a->last = 0;
}
void account_pay_in(struct account *a, long amount)
{
    pthread_mutex_lock(&a->lock);
    a->balance += amount;
    a->visits++;
    a->last = amount;
    pthread_mutex_unlock(&a->lock);
}
long account_balance(struct account *a)
{
    pthread_mutex_lock(&a->lock);
    const long balance = a->balance;
    pthread_mutex_unlock(&a->lock);
    return balance;
}
