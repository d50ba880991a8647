// call_once orders like pthread_once.
#include "../race.h"
#include <threads.h>

static once_flag once = ONCE_FLAG_INIT;
int data;
static void set(void) { data = 1; }
static void first(void) { call_once(&once, set); }
static void second(void)
{
    call_once(&once, set);
    EXPECT(data == 1);
}
