// A thread that does not call call_once is not ordered after the function.
#include "../race.h"
#include <threads.h>

static once_flag once = ONCE_FLAG_INIT;
int data;
static void set(void)
{
    data = 1; // race: data
}
static void first(void) { call_once(&once, set); }
static void second(void)
{
    data = 2; // race: data
}
