// A race in the destructor of the program, after all exit handlers, is found and counts.
#define NO_MAIN
#include "../race.h"

int data;
static void *run(void *arg)
{
    data = 1; // race: data
    step();
    return arg;
}
int main(void)
{
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    step();
    return 0;
}
static __attribute__((destructor)) void late(void)
{
    data = 2; // race: data
}
