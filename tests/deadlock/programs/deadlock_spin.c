// Spin locks.
// cycle: first_a->first_b second_b->second_a
#include "../../race/race.h"

static pthread_spinlock_t a, b;

__attribute__((constructor)) static void init(void)
{
    pthread_spin_init(&a, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_init(&b, PTHREAD_PROCESS_PRIVATE);
}
static void first(void)
{
    pthread_spin_lock(&a); // at: first_a
    pthread_spin_lock(&b); // at: first_b
    pthread_spin_unlock(&b);
    pthread_spin_unlock(&a);
}
static void second(void)
{
    pthread_spin_lock(&b); // at: second_b
    pthread_spin_lock(&a); // at: second_a
    pthread_spin_unlock(&a);
    pthread_spin_unlock(&b);
}
