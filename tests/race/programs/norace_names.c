// Naming threads is no access, and errors are reported as they are.
#define NO_MAIN
#include "../race.h"

static void *run(void *arg)
{
    EXPECT(pthread_setname_np(pthread_self(), "worker") == 0);
    EXPECT(pthread_setname_np(pthread_self(), "a name of more than sixteen bytes") == ERANGE);
    char name[16];
    EXPECT(pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strcmp(name, "worker") == 0);
    step();
    return arg;
}
int main(void)
{
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    step();
    pthread_join(t, NULL);
    return 0;
}
