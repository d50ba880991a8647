// test_log.c: records of a log as text and as JSON: levels, who, labels, requests, attributes; one write for each.
#include <math.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

static int out[2];
static char line[4096];
// The next record, without its time, which is of the right form.
static const char *next(void)
{
    size_t n = 0;
    while (n < sizeof line - 1 && read(out[0], line + n, 1) == 1 && line[n] != '\n') n++;
    line[n] = 0;
    const bool json = line[0] == '{';
    char *const time = line + (json ? strlen("{\"time\":\"") : strlen("time="));
    cr_assert_eq(strspn(time, "0123456789-T:.Z"), json ? 27 : 27, "%s", line);
    cr_assert(time[0] == '2' && time[10] == 'T' && time[26] == 'Z');
    return time + 27 + (json ? 2 : 1);
}
static void records(void *arg)
{
    rv_ctx *const ctx = rv_ctx_with_value(rv_ctx_background(), &rv_log_request, (void *)"r 17");
    (void)arg;
    rv_log_setup(out[1], RV_LOG_TEXT, RV_LOG_INFO);
    cr_assert(rv_log_on(RV_LOG_INFO) && !rv_log_on(RV_LOG_DEBUG) && !rv_log_on(-1));
    rv_log(RV_LOG_DEBUG, NULL, "not made");
    rv_log(RV_LOG_INFO, NULL, "started");
    cr_assert_str_eq(next(), "level=INFO msg=started goroutine=1");
    rv_set_labels("job=12,user=Ada L,alone");
    rv_log(RV_LOG_WARN + 1, ctx, "slow \"answer\"", RV_STR("path", "/a b"), RV_INT("ms", -5), RV_BOOL("late", true));
    cr_assert_str_eq(
        next(),
        "level=WARN+1 msg=\"slow \\\"answer\\\"\" goroutine=1 labels.job=12 labels.user=\"Ada L\" labels.alone=\"\" "
        "request=\"r 17\" path=\"/a b\" ms=-5 late=true");
    rv_log_setup(out[1], RV_LOG_JSON, -100);
    rv_set_labels("");
    rv_log(-10, ctx, "x\ny", RV_DOUBLE("half", 0.5), RV_DOUBLE("none", INFINITY), RV_STR("s", NULL),
           RV_BOOL("b", false));
    cr_assert_str_eq(next(), "\"level\":\"DEBUG-6\",\"msg\":\"x\\u000ay\",\"goroutine\":1,\"request\":\"r "
                             "17\",\"half\":0.5,\"none\":\"inf\","
                             "\"s\":\"\",\"b\":false}");
    rv_log(RV_LOG_ERROR, rv_ctx_background(), "");
    cr_assert_str_eq(next(), "\"level\":\"ERROR\",\"msg\":\"\",\"goroutine\":1}");
    rv_ctx_release(ctx);
}
Test(log, records)
{
    cr_assert_eq(pipe(out), 0);
    cr_assert_eq(rv_run(records, NULL), 0);
}

// Of many at once each line is whole, and none is lost.
enum { CROWD = 8, EACH = 200 };
static rv_waitgroup left;
static void chatter(void *arg)
{
    for (int i = 0; i < EACH; i++)
        rv_log(RV_LOG_INFO, NULL, "a message of some length", RV_INT("who", (intptr_t)arg), RV_INT("i", i));
    rv_wg_done(&left);
}
static void *chatter_in_thread(void *arg) { return chatter(arg), NULL; }
static void many(void *arg)
{
    static int seen[CROWD];
    pthread_t t;
    (void)arg;
    rv_log_setup(out[1], RV_LOG_TEXT, RV_LOG_INFO);
    rv_wg_add(&left, CROWD);
    for (intptr_t k = 1; k < CROWD; k++) rv_go(chatter, (void *)k);
    cr_assert_eq(pthread_create(&t, NULL, chatter_in_thread, NULL), 0);
    for (int i = 0; i < CROWD * EACH; i++) { // the pipe is full soon: writers block, and others go on
        int who = -1, k = -1;
        const char *const record = next(), *const end = strstr(record, " who=");
        cr_assert(end && sscanf(end, " who=%d i=%d", &who, &k) == 2 && who >= 0 && who < CROWD, "%s", record);
        cr_assert_eq(strncmp(record, "level=INFO msg=\"a message of some length\" ", 42), 0);
        cr_assert_eq(strstr(record, who ? "goroutine=" : "thread=") != NULL, true);
        cr_assert_eq(seen[who]++, k);
    }
    rv_wg_wait(&left);
    pthread_join(t, NULL);
}
Test(log, whole_lines)
{
    cr_assert_eq(pipe(out), 0);
    cr_assert_eq(rv_run(many, NULL), 0);
}
