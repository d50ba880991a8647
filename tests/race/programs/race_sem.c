// A wait that failed orders nothing, nor does what follows the post.
#define TOGETHER
#include "../race.h"

sem_t sem;
int a, b, c, d;
static __attribute__((constructor)) void make(void) { sem_init(&sem, 0, 0); }
static void first(void)
{
    a = 1; // race: a
    b = 1; // race: b
    c = 1; // race: c
    step();
    step();
    sem_post(&sem);
    d = 1; // race: d
    step();
}
static void second(void)
{
    step();
    EXPECT(sem_trywait(&sem) == -1 && errno == EAGAIN);
    a = 2; // race: a
    EXPECT(sem_timedwait(&sem, &past) == -1 && errno == ETIMEDOUT);
    b = 2; // race: b
    EXPECT(sem_clockwait(&sem, CLOCK_MONOTONIC, &past) == -1 && errno == ETIMEDOUT);
    c = 2; // race: c
    step();
    EXPECT(sem_wait(&sem) == 0);
    step();
    d = 2; // race: d
}
