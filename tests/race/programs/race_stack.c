// Another thread's stack, before that thread is done with it.
#define NO_MAIN
#include "../race.h"

static void *run(void *arg)
{
    *(int *)arg = 1; // race: data
    step();
    return NULL;
}
int main(void)
{
    steps(2);
    int data = 0;
    pthread_t t;
    pthread_create(&t, NULL, run, &data);
    step();
    data = 2; // race: data
    pthread_join(t, NULL);
    return data - 2;
}
