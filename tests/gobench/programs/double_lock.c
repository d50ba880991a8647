// double lock: a function that takes the lock calls another one that takes it, too.
// found: asleep
#include "gb.h"
static rv_mutex m;
static int total;
static void add_locked(int n) { total += n; }
static void add(int n)
{
    rv_mutex_lock(&m);
    add_locked(n);
    rv_mutex_unlock(&m);
}
static void test(void *none)
{
    (void)none;
    rv_mutex_lock(&m);
    mended ? add_locked(1) : add(1);
    rv_mutex_unlock(&m);
}
GB_MAIN(test)
