// A fresh block counts as written by the thread that allocated it.
#include "../race.h"

static int *_Atomic p;
static void first(void)
{
    int *fresh = malloc(sizeof *fresh); // race: block
    __atomic_store_n((int **)&p, fresh, __ATOMIC_RELAXED);
}
static void second(void)
{
    int *got = __atomic_load_n((int **)&p, __ATOMIC_RELAXED);
    *got = 2; // race: block
}
