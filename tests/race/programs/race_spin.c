// A spin trylock that failed orders nothing.
#define TOGETHER
#include "../race.h"

static pthread_spinlock_t l;
int data;
static __attribute__((constructor)) void make(void) { pthread_spin_init(&l, PTHREAD_PROCESS_PRIVATE); }
static void first(void)
{
    pthread_spin_lock(&l);
    data = 1; // race: data
    step();
    step();
    pthread_spin_unlock(&l);
}
static void second(void)
{
    step();
    EXPECT(pthread_spin_trylock(&l) == EBUSY);
    data = 2; // race: data
    step();
}
