// A thread may be cancelled wherever it waits; its mutexes, and the thread itself, are as usual afterwards.
#define NO_MAIN
#include "../race.h"

static sem_t sem;
static int fd[2];
int data;
static void *in_sem(void *arg)
{
    data++;
    sem_wait(&sem);
    return arg;
}
static void *in_read(void *arg)
{
    data++;
    char c;
    EXPECT(read(fd[0], &c, 1) == 1);
    return arg;
}
static void *asynchronous(void *arg)
{
    data++;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    step();
    for (;;) __asm__ volatile("");
    return arg;
}
static void cancel(pthread_t t)
{
    void *result;
    EXPECT(pthread_cancel(t) == 0);
    EXPECT(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
    data++;
}
int main(void)
{
    steps(2);
    sem_init(&sem, 0, 0);
    EXPECT(pipe(fd) == 0);
    pthread_t t;
    pthread_create(&t, NULL, in_sem, NULL);
    cancel(t);
    pthread_create(&t, NULL, in_read, NULL);
    cancel(t);
    pthread_create(&t, NULL, asynchronous, NULL);
    step();
    cancel(t);
    pthread_create(&t, NULL, in_sem, NULL);
    sem_post(&sem);
    pthread_join(t, NULL);
    pthread_create(&t, NULL, in_read, NULL);
    EXPECT(write(fd[1], "x", 1) == 1);
    pthread_join(t, NULL);
    return 0;
}
