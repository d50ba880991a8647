// order violation: the goroutine is started before what it uses is set.
// found: race
#include "gb.h"
struct server {
    rv_waitgroup wg;
    int port;
};
static volatile int used;
static void serve(void *p)
{
    struct server *const s = p;
    used = s->port;
    rv_wg_done(&s->wg);
}
static void test(void *none)
{
    struct server s = {0};
    (void)none;
    rv_wg_add(&s.wg, 1);
    if (mended) s.port = 80;
    rv_go(serve, &s);
    if (!mended) s.port = 80;
    rv_wg_wait(&s.wg);
}
GB_MAIN(test)
