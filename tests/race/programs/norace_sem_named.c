// A named semaphore orders like any other.
#define TOGETHER
#include "../race.h"
#include <fcntl.h>

static sem_t *sem;
int data;
static __attribute__((constructor)) void make(void)
{
    char name[64];
    snprintf(name, sizeof name, "/ravel-test-%d", (int)getpid());
    sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    EXPECT(sem != SEM_FAILED);
    sem_unlink(name);
}
static void first(void)
{
    data = 1;
    sem_post(sem);
}
static void second(void)
{
    sem_wait(sem);
    data = 2;
    sem_close(sem);
}
