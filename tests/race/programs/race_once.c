// A thread that does not call pthread_once is not ordered after the function.
#include "../race.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
int data;
static void set(void)
{
    data = 1; // race: data
}
static void first(void) { pthread_once(&once, set); }
static void second(void)
{
    data = 2; // race: data
}
