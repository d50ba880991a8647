// What the creator did before is ordered before the thread, and the thread before what follows the join.
#define NO_MAIN
#include "../race.h"

int data;
static void *run(void *arg)
{
    data++;
    return arg;
}
int main(void)
{
    for (int i = 0; i < 4; i++) {
        pthread_t t;
        data++;
        pthread_create(&t, NULL, run, NULL);
        if (i == 0) EXPECT(pthread_join(t, NULL) == 0);
        if (i == 1) EXPECT(pthread_timedjoin_np(t, NULL, &never) == 0);
        if (i == 2) EXPECT(pthread_clockjoin_np(t, NULL, CLOCK_MONOTONIC, &never) == 0);
        if (i == 3)
            while (pthread_tryjoin_np(t, NULL) != 0) sched_yield();
        data++;
    }
    return 0;
}
