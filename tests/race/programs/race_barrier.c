// What two threads do after the same round is not ordered.
#define TOGETHER
#include "../race.h"

static pthread_barrier_t b;
int data;
static __attribute__((constructor)) void make(void) { pthread_barrier_init(&b, NULL, 2); }
static void first(void)
{
    pthread_barrier_wait(&b);
    data = 1; // race: data
    step();
}
static void second(void)
{
    pthread_barrier_wait(&b);
    step();
    data = 2; // race: data
}
