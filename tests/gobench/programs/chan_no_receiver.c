// channel only: who asked gives up by a time-out, and the answer finds nobody.
// found: leak
#include "gb.h"
static void answer(void *ch)
{
    rv_sleep(2000);
    rv_chan_send(ch, &(int){1});
    rv_chan_unref(ch);
}
__attribute__((noinline)) static void ask(void)
{
    int v;
    rv_chan *const ch = RV_CHAN(int, mended);
    rv_go(answer, rv_chan_ref(ch));
    rv_case cases[] = {RV_RECV(ch, &v), RV_TIMEOUT(1000)};
    rv_select(cases, 2, 0);
    if (mended) rv_chan_unref(ch);
}
static void test(void *none)
{
    (void)none;
    ask();
    rv_sleep(1000000);
}
GB_MAIN(test)
