// channel only (as a semaphore): a permit that a rare branch does not give back.
// found: asleep
#include "gb.h"
static rv_sem limit = RV_SEM_INIT(1);
static void serve(int request)
{
    rv_sem_acquire(0, &limit, 1);
    if (request == 1 && !mended) return;
    rv_sem_release(&limit, 1);
}
static void test(void *none)
{
    (void)none;
    for (int i = 0; i < 3; i++) serve(i);
}
GB_MAIN(test)
