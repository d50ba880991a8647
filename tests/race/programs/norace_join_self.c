// A thread that joins itself is refused, and goes on; so is one that joins a detached thread.
#define NO_MAIN
#include "../race.h"

int data;
static void *run(void *arg)
{
    EXPECT(pthread_join(pthread_self(), NULL) == EDEADLK);
    data = 1;
    return arg;
}
int main(void)
{
    EXPECT(pthread_join(pthread_self(), NULL) == EDEADLK);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    EXPECT(pthread_join(t, NULL) == 0);
    data = 2;
    EXPECT(pthread_detach(pthread_self()) == 0);
    EXPECT(pthread_detach(pthread_self()) == EINVAL);
    EXPECT(pthread_join(pthread_self(), NULL) == EINVAL);
    return 0;
}
