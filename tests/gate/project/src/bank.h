#ifndef BANK_H
#define BANK_H

#include <pthread.h>

struct account {
    pthread_mutex_t lock;
    long balance; // guarded by lock
    long visits;  // guarded by lock
    long last;    // paid in; guarded by lock
};
void account_init(struct account *a, long balance);
void account_pay_in(struct account *a, long amount);
long account_balance(struct account *a);

#endif
