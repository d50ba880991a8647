// test_metrics.c: figures of the scheduler and of memory, and published variables, against what the test knows.
#include <errno.h>

#include "runtime/pool.h"
#include "tests/runtime/rig.h"

static uint64_t metric(const char *name)
{
    rv_metric m = {.name = name};
    rv_metrics_read(&m, 1);
    cr_assert_eq(m.kind, RV_METRIC_UINT64, "%s", name);
    cr_assert_not_null(m.help);
    return m.value;
}
static rv_sem go_on;
static rv_waitgroup left;
static void wait_here(void *arg)
{
    (void)arg;
    rv_sem_acquire(NULL, &go_on, 1);
    rv_wg_done(&left);
}
static void nothing(void *arg) { (void)arg; }
static void figures(void *arg)
{
    (void)arg;
    rv_gomaxprocs(2);
    const uint64_t created = metric("/sched/goroutines-created:goroutines");
    rv_wg_add(&left, 50);
    for (int i = 0; i < 50; i++) rv_go(wait_here, NULL);
    RIG_UNTIL(rig_waiting(RV__WHY_SEM) == 50);
    cr_assert_eq(metric("/sched/gomaxprocs:threads"), 2);
    cr_assert_eq(metric("/sched/goroutines:goroutines"), 51);
    cr_assert_eq(metric("/sched/goroutines/waiting:goroutines"), 50);
    cr_assert_eq(metric("/sched/goroutines/running:goroutines"), 1);
    cr_assert_eq(metric("/sched/goroutines/runnable:goroutines"), 0);
    cr_assert_eq(metric("/sched/goroutines/not-in-go:goroutines"), 0);
    cr_assert_eq(metric("/sched/goroutines-created:goroutines"), created + 50);
    cr_assert_geq(metric("/sched/threads/total:threads"), 4);
    rv_sem_release(&go_on, 50);
    rv_wg_wait(&left);
    const int64_t calls = rv_num_blocking_call();
    for (int i = 0; i < 7; i++) rv_blocking(nothing, NULL);
    cr_assert_eq(rv_num_blocking_call(), calls + 7);
    cr_assert_eq(metric("/cgo/go-to-c-calls:calls"), (uint64_t)calls + 7);
    rv_metric unknown[2] = {{.name = "/sched/latencies:seconds", .value = 1}, {.name = "/sched/gomaxprocs:threads"}};
    rv_metrics_read(unknown, 2);
    cr_assert(unknown[0].kind == RV_METRIC_NONE && unknown[0].value == 0 && unknown[1].value == 2);
}
Test(metrics, of_the_scheduler) { cr_assert_eq(rv_run(figures, NULL), 0); }

static void all(void *arg)
{
    rv_metric m[50];
    const int n = rv_metrics_all(NULL, 0);
    (void)arg;
    cr_assert(n > 10 && n <= 50);
    cr_assert_eq(rv_metrics_all(m, 50), n);
    for (int i = 0; i < n; i++) {
        cr_assert_eq(m[i].kind, RV_METRIC_UINT64);
        cr_assert(strchr(m[i].name, ':') && m[i].help[0]);
        if (i) cr_assert_lt(strcmp(m[i - 1].name, m[i].name), 0);
    }
}
Test(metrics, all_that_are_known) { cr_assert_eq(rv_run(all, NULL), 0); }

static void memory(void *arg)
{
    enum { BIG = 64 << 20 };
    rv_memstats before, between, after;
    (void)arg;
    rv_memstats_read(&before);
    char *volatile const p = malloc(BIG); // volatile: or the compiler does without it
    memset(p, 1, BIG);
    struct rv__g *const g = rv__enter();
    rv__pools_age();
    rv__leave(g);
    rv_memstats_read(&between);
    free(p);
    rv_memstats_read(&after);
    cr_assert_geq(between.alloc, before.alloc + BIG);
    cr_assert_geq(between.heap_sys, before.heap_sys + BIG);
    cr_assert_geq(between.sys, before.sys + BIG / 2);
    cr_assert_eq(between.num_gc, before.num_gc + 1);
    cr_assert_lt(after.alloc, before.alloc + BIG);
    cr_assert(before.alloc > 0 && before.heap_sys >= before.alloc && before.sys > 0);
}
Test(metrics, of_memory) { cr_assert_eq(rv_run(memory, NULL), 0); }

static int64_t requests = 42;
static rv_counter hits;
static void put_list(void *arg, rv_buf *out) { rv_buf_printf(out, "[%d, null]", *(int *)arg); }
static void vars(void *arg)
{
    rv_buf b = {0};
    static int seven = 7;
    (void)arg;
    rv_counter_add(&hits, 5);
    cr_assert_eq(rv_var_publish("requests", rv_var_int, &requests), 0);
    cr_assert_eq(rv_var_publish("a \"list\"", put_list, &seven), 0);
    cr_assert_eq(rv_var_publish("hits", rv_var_counter, &hits), 0);
    cr_assert_eq(rv_var_publish("version", rv_var_text, (void *)"1.0\n"), 0);
    cr_assert_eq(rv_var_publish("hits", rv_var_int, &requests), -EEXIST);
    rv_vars_write(&b);
    const char *const published = strstr(b.text, ",\n\"a ");
    cr_assert(published && strcmp(published, ",\n\"a \\\"list\\\"\": [7, null],\n\"hits\": 5,\n\"requests\": "
                                             "42,\n\"version\": \"1.0\\u000a\"\n}\n") == 0,
              "%s", b.text);
    cr_assert_eq(strncmp(b.text, "{\n\"cmdline\": [\"", 15), 0);
    cr_assert(strstr(b.text, "\"memstats\": {\"Alloc\": ") && strstr(b.text, "\"NumGC\": "));
    rv_buf_free(&b);
}
Test(metrics, published_variables) { cr_assert_eq(rv_run(vars, NULL), 0); }
