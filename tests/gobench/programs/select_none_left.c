// channel only: a select whose cases are all switched off.
// found: leak
#include "gb.h"
static void merge(void *none)
{
    rv_chan *a = none;
    int v;
    rv_case cases[] = {RV_RECV(a, &v), RV_RECV(a, &v)};
    if (!mended) rv_select(cases, 2, 0);
}
static void test(void *none)
{
    rv_go(merge, none);
    rv_sleep(1000000);
}
GB_MAIN(test)
