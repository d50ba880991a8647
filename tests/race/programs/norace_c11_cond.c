// C11 condition variables.
#define TOGETHER
#include "../race.h"
#include <threads.h>

static mtx_t m;
static cnd_t c;
int ready;
static __attribute__((constructor)) void make(void)
{
    mtx_init(&m, mtx_timed);
    EXPECT(cnd_init(&c) == thrd_success);
}
static void first(void)
{
    mtx_lock(&m);
    ready = 1;
    cnd_signal(&c);
    mtx_unlock(&m);
    step();
    mtx_lock(&m);
    ready = 2;
    cnd_broadcast(&c);
    mtx_unlock(&m);
}
static void second(void)
{
    mtx_lock(&m);
    while (ready < 1) cnd_wait(&c, &m);
    mtx_unlock(&m);
    step();
    mtx_lock(&m);
    while (ready < 2) EXPECT(cnd_timedwait(&c, &m, &never) == thrd_success);
    EXPECT(cnd_timedwait(&c, &m, &past) == thrd_timedout);
    mtx_unlock(&m);
    cnd_destroy(&c);
}
