// The destructors of thread-specific data run before the join returns, also those that need another round.
#define NO_MAIN
#include "../race.h"
#include <threads.h>

static pthread_key_t key, again;
static tss_t c11;
int data, rounds;
static void destroy(void *arg)
{
    data = 1;
    free(arg);
}
static void destroy_again(void *arg)
{
    if (++rounds < 4) pthread_setspecific(again, arg);
}
static void *run(void *arg)
{
    pthread_setspecific(key, malloc(10));
    pthread_setspecific(again, &data);
    tss_set(c11, malloc(10));
    return arg;
}
int main(void)
{
    pthread_key_create(&key, destroy);
    pthread_key_create(&again, destroy_again);
    tss_create(&c11, destroy);
    for (int i = 0; i < 3; i++) {
        pthread_t t;
        rounds = 0;
        pthread_create(&t, NULL, run, NULL);
        pthread_join(t, NULL);
        EXPECT(data == 1 && rounds == 4);
        data = 0;
    }
    return 0;
}
