// A C11 mutex that was not to be had orders nothing.
#define TOGETHER
#include "../race.h"
#include <threads.h>

static mtx_t m;
int a, b;
static __attribute__((constructor)) void make(void) { mtx_init(&m, mtx_timed); }
static void first(void)
{
    mtx_lock(&m);
    a = 1; // race: a
    b = 1; // race: b
    step();
    step();
    mtx_unlock(&m);
}
static void second(void)
{
    step();
    EXPECT(mtx_trylock(&m) == thrd_busy);
    a = 2; // race: a
    EXPECT(mtx_timedlock(&m, &past) == thrd_timedout);
    b = 2; // race: b
    step();
}
