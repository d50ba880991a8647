// main may end by pthread_exit; the last thread ends the process.
#define NO_MAIN
#include "../race.h"

int data;
static void *run(void *arg)
{
    EXPECT(pthread_join(*(pthread_t *)arg, NULL) == 0);
    data = 2;
    pthread_exit(NULL);
}
int main(void)
{
    static pthread_t me;
    me = pthread_self();
    pthread_t t;
    pthread_create(&t, NULL, run, &me);
    data = 1;
    pthread_exit(NULL);
}
