// A post is ordered before the wait that it lets through, whatever form the wait has.
#define TOGETHER
#include "../race.h"

sem_t sem;
int data[4];
static __attribute__((constructor)) void make(void) { sem_init(&sem, 0, 0); }
static void first(void)
{
    for (int i = 0; i < 4; i++) {
        data[i] = 1;
        sem_post(&sem);
        step();
    }
}
static void second(void)
{
    EXPECT(sem_wait(&sem) == 0);
    data[0] = 2;
    step();
    EXPECT(sem_timedwait(&sem, &never) == 0);
    data[1] = 2;
    step();
    EXPECT(sem_clockwait(&sem, CLOCK_MONOTONIC, &never) == 0);
    data[2] = 2;
    step();
    step();
    EXPECT(sem_trywait(&sem) == 0);
    data[3] = 2;
    sem_destroy(&sem);
}
