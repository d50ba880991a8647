// A detached thread is ordered before nothing.
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
    pthread_detach(t);
    step();
    data = 2; // race: data
    return 0;
}
