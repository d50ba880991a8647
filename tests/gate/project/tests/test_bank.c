#include <criterion/criterion.h>

#include "bank.h"

static struct account account;
static void *pays(void *arg)
{
    account_pay_in(&account, 1);
    return arg;
}

Test(bank, starts_with_what_it_is_given)
{
    account_init(&account, 5);
    cr_assert_eq(account_balance(&account), 5);
}
Test(bank, two_pay_in)
{
    pthread_t a, b;
    account_init(&account, 0);
    pthread_create(&a, NULL, pays, NULL);
    pthread_create(&b, NULL, pays, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    cr_assert_eq(account_balance(&account), 2);
}
