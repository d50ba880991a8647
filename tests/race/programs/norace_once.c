// What a once function did is ordered before every return of the call, in whichever thread it ran.
#include "../race.h"

static pthread_once_t once = PTHREAD_ONCE_INIT, inner = PTHREAD_ONCE_INIT;
int data, more;
static void set_inner(void) { more = 1; }
static void set(void)
{
    pthread_once(&inner, set_inner);
    data = 1;
}
static void first(void) { pthread_once(&once, set); }
static void second(void)
{
    pthread_once(&once, set);
    EXPECT(data == 1 && more == 1);
}
