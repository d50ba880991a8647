// channel only: a worker does not listen to `quit` while it sends.
// found: leak
#include "gb.h"
struct both {
    rv_chan *out, *quit;
};
static void work(void *p)
{
    const struct both b = *(struct both *)p;
    int v = 1;
    rv_wg_done((rv_waitgroup *)((struct both *)p + 1));
    rv_case cases[] = {RV_SEND(b.out, &v), RV_RECV(b.quit, 0)};
    if (mended)
        rv_select(cases, 2, 0);
    else
        rv_chan_send(b.out, &v);
}
__attribute__((noinline)) static void run(void)
{
    struct {
        struct both b;
        rv_waitgroup copied;
    } s = {.b = {RV_CHAN(int, 0), rv_chan_make(0, 0)}};
    rv_wg_add(&s.copied, 1);
    rv_go(work, &s);
    rv_wg_wait(&s.copied);
    rv_chan_close(s.b.quit);
}
static void test(void *none)
{
    (void)none;
    run();
    rv_sleep(1000000);
}
GB_MAIN(test)
