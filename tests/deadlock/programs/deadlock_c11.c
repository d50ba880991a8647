// C11 mutexes.
// cycle: first_a->first_b second_b->second_a
#include "../../race/race.h"

#include <threads.h>

static mtx_t a, b;

__attribute__((constructor)) static void init(void)
{
    mtx_init(&a, mtx_plain);
    mtx_init(&b, mtx_plain);
}
static void first(void)
{
    mtx_lock(&a); // at: first_a
    mtx_lock(&b); // at: first_b
    mtx_unlock(&b);
    mtx_unlock(&a);
}
static void second(void)
{
    mtx_lock(&b); // at: second_b
    mtx_lock(&a); // at: second_a
    mtx_unlock(&a);
    mtx_unlock(&b);
}
