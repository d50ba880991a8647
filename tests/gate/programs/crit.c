// A Criterion program: two tests, each in a process of its own; the second races.
#include <criterion/criterion.h>
#include <pthread.h>

int total; // not static: it must not be optimised away
static void *add(void *arg)
{
    total++;
    return arg;
}
Test(numbers, nothing) { cr_assert(1); }
Test(numbers, add)
{
    pthread_t a, b;
    pthread_create(&a, NULL, add, NULL);
    pthread_create(&b, NULL, add, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
}
