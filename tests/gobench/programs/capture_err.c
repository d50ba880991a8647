// anonymous-function capture: a goroutine and its starter share the variable for the error.
// found: race
#include "gb.h"
static void work(void *err) { *(int *)err = 1; }
struct both {
    rv_waitgroup wg;
    int err;
};
static void counted(void *p)
{
    struct both *const b = p;
    work(&b->err);
    rv_wg_done(&b->wg);
}
static void test(void *none)
{
    struct both b = {0};
    int own = 0;
    (void)none;
    rv_wg_add(&b.wg, 1);
    rv_go(counted, &b);
    *(mended ? &own : &b.err) = 2;
    rv_wg_wait(&b.wg);
}
GB_MAIN(test)
