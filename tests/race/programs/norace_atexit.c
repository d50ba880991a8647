// What a thread did before it registered an exit handler is ordered before the handler.
#define NO_MAIN
#include "../race.h"

int data;
static void handler(void) { data = 2; }
static void *run(void *arg)
{
    data = 1;
    atexit(handler);
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
