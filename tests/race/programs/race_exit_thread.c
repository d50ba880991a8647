// The exit code is changed whichever thread ends the process.
#define NO_MAIN
#include "../race.h"

int data;
static void *run(void *arg)
{
    step();
    data = 1; // race: data
    exit(arg != NULL);
}
int main(void)
{
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    data = 2; // race: data
    step();
    pthread_join(t, NULL);
    return 0;
}
