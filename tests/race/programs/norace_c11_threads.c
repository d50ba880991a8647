// C11 threads: creation, join, results, detaching, exit, and ends of their thread-specific values.
#define NO_MAIN
#include "../race.h"
#include <threads.h>

int data;
int run(void *arg)
{
    data++;
    if (arg) thrd_exit(43);
    return 42;
}
int run_detached(void *arg)
{
    data++;
    sem_post(arg);
    return 0;
}
int main(void)
{
    thrd_t t;
    int result;
    data++;
    EXPECT(thrd_create(&t, run, NULL) == thrd_success);
    EXPECT(thrd_join(t, &result) == thrd_success && result == 42);
    data++;
    EXPECT(thrd_create(&t, run, &data) == thrd_success);
    EXPECT(!thrd_equal(t, thrd_current()));
    EXPECT(thrd_join(t, &result) == thrd_success && result == 43);
    data++;
    sem_t sem;
    sem_init(&sem, 0, 0);
    EXPECT(thrd_create(&t, run_detached, &sem) == thrd_success);
    EXPECT(thrd_detach(t) == thrd_success);
    sem_wait(&sem);
    data++;
    thrd_yield();
    EXPECT(thrd_sleep(&(struct timespec){.tv_nsec = 1}, NULL) == 0);
    return 0;
}
