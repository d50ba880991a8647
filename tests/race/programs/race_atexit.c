// What it did after it had registered the handler is not.
#define NO_MAIN
#include "../race.h"

int data;
static void handler(void)
{
    data = 2; // race: data
}
static void *run(void *arg)
{
    atexit(handler);
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
