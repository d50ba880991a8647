// Threads come and go, allocate and lock while a timer's signals land anywhere in them, Ravel included.
#define NO_MAIN
#include "../race.h"
#include <signal.h>
#include <sys/time.h>

static sem_t ticks;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
int guarded;
static void on_alarm(int signal)
{
    (void)signal;
    const int saved = errno;
    sem_post(&ticks);
    errno = saved;
}
static void *work(void *arg)
{
    for (size_t i = 1; i < 2000; i += 10) {
        char *p = malloc(i);
        memset(p, 1, i);
        pthread_mutex_lock(&m);
        guarded++;
        pthread_mutex_unlock(&m);
        free(p);
    }
    return arg;
}
int main(void)
{
    sem_init(&ticks, 0, 0);
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_interval.tv_usec = 500, .it_value.tv_usec = 500};
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int round = 0; round < 10; round++) {
        pthread_t t[6];
        for (int i = 0; i < 6; i++) EXPECT(pthread_create(&t[i], NULL, work, NULL) == 0);
        for (int i = 0; i < 6; i++) EXPECT(pthread_join(t[i], NULL) == 0);
    }
    timer = (struct itimerval){0};
    setitimer(ITIMER_REAL, &timer, NULL);
    EXPECT(guarded == 10 * 6 * 200);
    EXPECT(sem_wait(&ticks) == 0); // at least one came
    return 0;
}
