// 5.1: three results that come later, and one that is made of them.
//
// The mistakes are future.h's. As it is driven here they show in one way only: main has taken the three results by the time they are to be
// combined, and gets an error in place of them. There is no race: one goroutine at a time has the futures.
#include "future.h"

enum { TASKS = 3 };
struct task {
    int64_t ns;
    const char *value;
};

static struct result task_run(void *task)
{
    const struct task *t = task;
    rv_sleep(t->ns);
    return (struct result){.value = t->value};
}

static struct result combine(void *futures)
{
    static char all[100];
    struct future **f = futures;
    size_t n = 0;
    for (int i = 0; i < TASKS; i++) {
        const struct result r = future_get(f[i]);
        if (r.error) return r;
        n += (size_t)snprintf(all + n, sizeof all - n, "%c%s", i ? ' ' : '[', r.value);
    }
    strcpy(all + n, "]");
    return (struct result){.value = all};
}

static void print(const char *what, struct result r)
{
    if (r.error)
        printf("%s, error: %s\n", what, r.error);
    else
        printf("%s: %s\n", what, r.value);
}

static int demo(int argc, char **argv)
{
    (void)argc, (void)argv;
    static struct task tasks[TASKS] = {{SECOND, "the first result"}, {SECOND / 2, "42"}, {SECOND * 3 / 2, "[a b c]"}};
    struct future *futures[TASKS];
    printf("=== futures ===\n");
    for (int i = 0; i < TASKS; i++) futures[i] = async_execute(task_run, &tasks[i]);
    for (int i = 0; i < TASKS; i++) {
        char what[16];
        snprintf(what, sizeof what, "task %d", i + 1);
        print(what, future_get(futures[i]));
    }
    struct future *combined = async_execute(combine, futures);
    print("combined", future_get(combined));
    future_free(combined);
    for (int i = 0; i < TASKS; i++) future_free(futures[i]);
    return 0;
}

SEED_MAIN(demo)
