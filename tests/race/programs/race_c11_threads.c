// C11 threads race like others.
#define NO_MAIN
#include "../race.h"
#include <threads.h>

int data;
int run(void *arg)
{
    (void)arg;
    data = 1; // race: data
    step();
    return 0;
}
int main(void)
{
    steps(2);
    thrd_t t;
    thrd_create(&t, run, NULL);
    step();
    data = 2; // race: data
    thrd_join(t, NULL);
    return 0;
}
