// C11 mutexes of all kinds.
#include "../race.h"
#include <threads.h>

static mtx_t m, r, t;
int data;
static __attribute__((constructor)) void make(void)
{
    EXPECT(mtx_init(&m, mtx_plain) == thrd_success);
    EXPECT(mtx_init(&r, mtx_plain | mtx_recursive) == thrd_success);
    EXPECT(mtx_init(&t, mtx_timed) == thrd_success);
}
static void first(void)
{
    mtx_lock(&m);
    data = 1;
    mtx_unlock(&m);
}
static void second(void)
{
    EXPECT(mtx_trylock(&m) == thrd_success);
    data = 2;
    mtx_lock(&r);
    mtx_lock(&r);
    mtx_unlock(&r);
    mtx_unlock(&r);
    EXPECT(mtx_timedlock(&t, &never) == thrd_success);
    mtx_unlock(&t);
    mtx_unlock(&m);
    mtx_destroy(&m);
    mtx_destroy(&r);
    mtx_destroy(&t);
}
