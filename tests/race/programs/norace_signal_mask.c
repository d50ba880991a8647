// A thread starts with its creator's signal mask, or with the one in its attributes.
#define NO_MAIN
#include "../race.h"
#include <signal.h>
#include <threads.h>

static void *run(void *arg)
{
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    EXPECT(sigismember(&mask, SIGUSR1) == (arg == NULL) && sigismember(&mask, SIGUSR2) == (arg != NULL));
    EXPECT(sigismember(&mask, SIGTERM) == 0);
    return arg;
}
static int run_c11(void *arg) { return run(arg) != arg; }
int main(void)
{
    sigset_t one, two, after;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigemptyset(&two);
    sigaddset(&two, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &one, NULL);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setsigmask_np(&attr, &two);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    pthread_join(t, NULL);
    pthread_create(&t, &attr, run, &two);
    pthread_join(t, NULL);
    thrd_t c11;
    thrd_create(&c11, run_c11, NULL);
    thrd_join(c11, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    EXPECT(sigismember(&after, SIGUSR1) == 1 && sigismember(&after, SIGUSR2) == 0 && sigismember(&after, SIGTERM) == 0);
    return 0;
}
