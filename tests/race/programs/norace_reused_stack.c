// A new thread's stack and thread-local variables are its own, although another thread had that memory before.
#define NO_MAIN
#include "../race.h"

static __thread int local[64];
static void *run(void *arg)
{
    volatile int on_stack[256];
    for (int i = 0; i < 256; i++) on_stack[i] = i;
    for (int i = 0; i < 64; i++) local[i] += on_stack[i];
    step();
    return arg;
}
int main(void)
{
    steps(2);
    for (int i = 0; i < 20; i++) {
        pthread_t t;
        pthread_create(&t, NULL, run, NULL);
        pthread_detach(t);
        step();
    }
    return 0;
}
