// All that came before a barrier is ordered before all that follows it, round after round; one thread is told so.
#define TOGETHER
#include "../race.h"

static pthread_barrier_t b;
int data[2], serial;
static __attribute__((constructor)) void make(void) { pthread_barrier_init(&b, NULL, 2); }
static void rounds(int me)
{
    for (int i = 0; i < 10; i++) {
        data[me]++;
        const int last = pthread_barrier_wait(&b);
        EXPECT(last == 0 || last == PTHREAD_BARRIER_SERIAL_THREAD);
        EXPECT(data[!me] == i + 1);
        if (last) serial++;
        pthread_barrier_wait(&b);
    }
}
static void first(void) { rounds(0); }
static void second(void)
{
    rounds(1);
    EXPECT(serial == 10);
    EXPECT(pthread_barrier_destroy(&b) == 0);
}
