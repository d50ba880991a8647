// Spin locks order, by lock and by a successful trylock.
#include "../race.h"

static pthread_spinlock_t l;
int data;
static __attribute__((constructor)) void make(void) { pthread_spin_init(&l, PTHREAD_PROCESS_PRIVATE); }
static void first(void)
{
    pthread_spin_lock(&l);
    data = 1;
    pthread_spin_unlock(&l);
}
static void second(void)
{
    EXPECT(pthread_spin_trylock(&l) == 0);
    data = 2;
    pthread_spin_unlock(&l);
    pthread_spin_lock(&l);
    data = 3;
    pthread_spin_unlock(&l);
    pthread_spin_destroy(&l);
}
