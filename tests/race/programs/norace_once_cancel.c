// A once function that is cancelled is run again by the next caller.
#define NO_MAIN
#include "../race.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
int data, runs;
static void set(void)
{
    if (__atomic_fetch_add(&runs, 1, __ATOMIC_RELAXED) == 0) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    data = 1;
}
static void *run(void *arg)
{
    pthread_once(&once, set);
    return arg;
}
int main(void)
{
    pthread_t t, u;
    void *result;
    pthread_create(&t, NULL, run, NULL);
    EXPECT(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
    pthread_create(&u, NULL, run, NULL);
    run(NULL);
    EXPECT(data == 1 && runs == 2);
    pthread_join(u, NULL);
    return 0;
}
