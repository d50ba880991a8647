// What the creator does after creating the thread is not ordered with it, and neither is a join that did not happen.
#define NO_MAIN
#include "../race.h"

int a, b, c, d;
static void *run(void *arg)
{
    step();
    a = 1; // race: a
    b = 1; // race: b
    c = 1; // race: c
    d = 1; // race: d
    step();
    step();
    return arg;
}
int main(void)
{
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    a = 2; // race: a
    step();
    step();
    EXPECT(pthread_tryjoin_np(t, NULL) == EBUSY);
    b = 2; // race: b
    EXPECT(pthread_timedjoin_np(t, NULL, &past) == ETIMEDOUT);
    c = 2; // race: c
    EXPECT(pthread_clockjoin_np(t, NULL, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    d = 2; // race: d
    step();
    pthread_join(t, NULL);
    return 0;
}
