// Detached threads, made so before, during and after; each orders what it did by a semaphore.
#define NO_MAIN
#include "../race.h"

sem_t sem;
int data;
static void *run(void *arg)
{
    if (arg) pthread_detach(pthread_self());
    data++;
    sem_post(&sem);
    return NULL;
}
int main(void)
{
    sem_init(&sem, 0, 0);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 300; i++) {
        pthread_t t;
        EXPECT(pthread_create(&t, i % 3 == 0 ? &attr : NULL, run, i % 3 == 1 ? &data : NULL) == 0);
        if (i % 3 == 2) EXPECT(pthread_detach(t) == 0);
        sem_wait(&sem);
        data++;
    }
    return 0;
}
