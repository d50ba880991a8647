// A thread that could not be created leaves nothing behind.
#define NO_MAIN
#include "../race.h"
#include <limits.h>

int data;
static void *run(void *arg)
{
    data = 1;
    return arg;
}
int main(void)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, (size_t)1 << 50);
    pthread_t t;
    EXPECT(pthread_create(&t, &attr, run, NULL) == EAGAIN);
    pthread_attr_destroy(&attr);
    EXPECT(pthread_create(&t, NULL, run, NULL) == 0);
    pthread_join(t, NULL);
    data = 2;
    return 0;
}
