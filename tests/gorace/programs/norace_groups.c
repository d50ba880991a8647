// norace_groups.c: what the goroutines of an errgroup did comes before its wait returns, with a limit and without; and what fetched a
// result comes before each of the calls that got it.
#include "gorace.h"

enum { N = 20 };
static int done_by[N];
static rv_singleflight table;
static rv_waitgroup wg;

static int work(void *arg)
{
    *(int *)arg = 1;
    return arg == &done_by[3] ? -3 : 0;
}
static void groups(int limit)
{
    rv_errgroup group = {0};
    rv_errgroup_limit(&group, limit);
    for (int i = 0; i < N; i++) rv_errgroup_go(&group, work, &done_by[i]);
    if (rv_errgroup_wait(&group) != -3) abort();
    for (int i = 0; i < N; i++) done_by[i]--;
}
static int fetch(void *arg, void *out)
{
    (void)arg;
    for (int i = 0; i < 5; i++) rv_gosched();
    int *p = malloc(sizeof *p);
    *p = 1;
    *(int **)out = p;
    return 0;
}
static void ask(void *arg)
{
    int *p, callers;
    (void)arg;
    rv_singleflight_do(&table, "key", fetch, NULL, &p, sizeof p, &callers);
    if (*p != 1) abort();
    if (callers == 1) free(p);
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    groups(0);
    groups(2);
    rv_wg_add(&wg, N);
    for (int i = 0; i < N; i++) rv_go(ask, NULL);
    rv_wg_wait(&wg);
}
