// tests/race/programs/exits.h: one race (two with TWICE), and then the end of main by EXIT.
#define NO_MAIN
#include "../race.h"

int data, more;
static void *run(void *arg)
{
    data = 1; // race: data
    more = 1;
    step();
    return arg;
}
int main(void)
{
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    step();
    data = 2; // race: data
#ifdef TWICE
    more = 2;
#endif
    pthread_join(t, NULL);
    EXIT;
}
