// race_watch.c: to log, to read figures and to write published variables orders nothing, so that a line of a log hides no race.
#include "gorace.h"

int logged, published, counted;
static int64_t number;
static rv_sem done;

static void other(void *arg)
{
    rv_buf b = {0};
    rv_metric m = {.name = "/sched/goroutines:goroutines"};
    (void)arg;
    logged = 1; // race: logged
    rv_log(RV_LOG_INFO, NULL, "one", RV_INT("n", 1));
    published = 1; // race: published
    rv_vars_write(&b);
    counted = 1; // race: counted
    rv_metrics_read(&m, 1);
    rv_buf_free(&b);
    next_turn();
    rv_sem_release(&done, 1);
}
static void body(void *arg)
{
    rv_buf b = {0};
    rv_metric m = {.name = "/sched/goroutines:goroutines"};
    (void)arg;
    rv_log_setup(1, RV_LOG_JSON, RV_LOG_INFO);
    rv_var_publish("number", rv_var_int, &number);
    rv_go(other, NULL);
    turn(1);
    rv_log(RV_LOG_INFO, NULL, "two");
    logged = 2; // race: logged
    rv_vars_write(&b);
    published = 2; // race: published
    rv_metrics_read(&m, 1);
    counted = 2; // race: counted
    rv_buf_free(&b);
    rv_sem_acquire(NULL, &done, 1);
}
