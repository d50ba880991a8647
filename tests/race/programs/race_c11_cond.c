// A C11 wait that timed out orders nothing but by its mutex.
#include "../race.h"
#include <threads.h>

static mtx_t m;
static cnd_t c;
int data;
static __attribute__((constructor)) void make(void)
{
    mtx_init(&m, mtx_plain);
    cnd_init(&c);
}
static void first(void)
{
    data = 1; // race: data
    cnd_signal(&c);
    cnd_broadcast(&c);
}
static void second(void)
{
    mtx_lock(&m);
    EXPECT(cnd_timedwait(&c, &m, &past) == thrd_timedout);
    data = 2; // race: data
    mtx_unlock(&m);
}
