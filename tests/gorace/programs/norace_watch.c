// norace_watch.c: logs, figures and published variables may be used by all at once.
#include "gorace.h"

enum { N = 20 };
static rv_counter hits;
static rv_waitgroup wg;

static void work(void *arg)
{
    rv_buf b = {0};
    rv_metric m[20];
    rv_memstats memory;
    rv_ctx *ctx = rv_ctx_with_value(rv_ctx_background(), &rv_log_request, arg);
    rv_counter_add(&hits, 1);
    rv_log(RV_LOG_WARN, ctx, "at work", RV_STR("arg", arg), RV_DOUBLE("d", 0.5));
    rv_metrics_all(m, 20);
    rv_memstats_read(&memory);
    rv_vars_write(&b);
    if (!strstr(b.text, "\"hits\": ") || rv_num_blocking_call() < 0) abort();
    rv_buf_free(&b);
    rv_ctx_release(ctx);
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_log_setup(1, RV_LOG_TEXT, RV_LOG_INFO);
    rv_var_publish("hits", rv_var_counter, &hits);
    rv_wg_add(&wg, N);
    for (int i = 0; i < N; i++) rv_go(work, (void *)"some text");
    rv_wg_wait(&wg);
    rv_counter_free(&hits);
}
