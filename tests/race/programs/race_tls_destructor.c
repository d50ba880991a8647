// A destructor of thread-specific data is part of its thread.
#define NO_MAIN
#include "../race.h"

static pthread_key_t key;
int data;
static void destroy(void *arg)
{
    (void)arg;
    data = 1; // race: data
    step();
}
static void *run(void *arg)
{
    pthread_setspecific(key, &data);
    return arg;
}
int main(void)
{
    steps(2);
    pthread_key_create(&key, destroy);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    step();
    data = 2; // race: data
    pthread_join(t, NULL);
    return 0;
}
