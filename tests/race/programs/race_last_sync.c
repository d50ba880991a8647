// A report says which synchronisation came last before each access, also of a thread that has finished.
#include "../race.h"

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static sem_t done;
int early, late;

static void first(void)
{
    pthread_mutex_lock(&guard);
    pthread_mutex_unlock(&guard); // sync: given_back unlock
    // after: given_back
    early = 1;                  // race: early
    pthread_mutex_lock(&guard); // sync: taken lock
    // after: taken
    late = 1; // race: late
    pthread_mutex_unlock(&guard);
}
static void second(void)
{
    EXPECT(sem_init(&done, 0, 0) == 0);
    // after: start
    early = 2;                    // race: early
    EXPECT(sem_post(&done) == 0); // sync: posted release
    // after: posted
    late = 2; // race: late
}
