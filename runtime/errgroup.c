// errgroup.c: goroutines with one purpose: a waitgroup, the first of their errors, and a semaphore if there may be only so many at once.
#include <errno.h>

#include "runtime/feed.h"
#include "runtime/rt.h"
#include "runtime/small.h"

struct task {
    rv_errgroup *group;
    int (*fn)(void *arg);
    void *arg;
    bool limited;
};
static void *get(size_t bytes)
{
    struct rv__g *const g = rv__enter();
    void *const p = rv__small_get(rv__small_here(), bytes);
    rv__leave(g);
    if (!p) rv__fatal("out of memory in rv_errgroup_go");
    return p;
}
static struct task take(struct task *p) // frees it
{
    const struct task t = *p;
    struct rv__g *const g = rv__enter();
    rv__small_put(rv__small_here(), p, sizeof *p);
    rv__leave(g);
    return t;
}
// By rv_goexit, too.
static void end(void *p)
{
    const struct task *const t = p;
    if (t->limited) rv_sem_release(&t->group->slots, 1);
    rv_wg_done(&t->group->running); // from here on the group may be gone
}
static void rv__run_task(void *p)
{
    struct task t = take(p);
    int none = 0;
    RV_DEFER(end, &t);
    const int err = t.fn(t.arg);
    if (!err || !base_cas_relaxed(&t.group->error, &none, err)) return; // relaxed: who looks has waited for our done
    if (t.group->ctx) rv_ctx_cancel(t.group->ctx, err < 0 ? err : -ECANCELED);
}
static void start(rv_errgroup *group, int (*fn)(void *arg), void *arg)
{
    struct task *const t = get(sizeof *t);
    *t = (struct task){group, fn, arg, group->limit > 0};
    rv_wg_add(&group->running, 1);
    rv_go(rv__run_task, t);
}
rv_ctx *rv_errgroup_with_ctx(rv_errgroup *group, rv_ctx *parent)
{
    if (group->ctx) rv__fatal("errgroup: it has a context already");
    return group->ctx = rv_ctx_with_cancel(parent);
}
void rv_errgroup_limit(rv_errgroup *group, int64_t n)
{
    if (base_load_relaxed(&group->running.state)) // relaxed: a mistake of the caller's is what it is
        rv__fatal("errgroup: its limit is changed while goroutines of it run");
    group->limit = n > 0 ? n : 0;
    group->slots = (rv_sem)RV_SEM_INIT(group->limit);
}
void rv_errgroup_go(rv_errgroup *group, int (*fn)(void *arg), void *arg)
{
    if (!fn) rv__fatal("go of a NULL function");
    if (group->limit > 0) rv_sem_acquire(NULL, &group->slots, 1);
    start(group, fn, arg);
}
int rv_errgroup_try_go(rv_errgroup *group, int (*fn)(void *arg), void *arg)
{
    if (!fn) rv__fatal("go of a NULL function");
    if (group->limit > 0 && rv_sem_try(&group->slots, 1) != 0) return -EAGAIN;
    start(group, fn, arg);
    return 0;
}
int rv_errgroup_wait(rv_errgroup *group)
{
    rv_wg_wait(&group->running);
    if (group->ctx) {
        rv_ctx_cancel(group->ctx, -ECANCELED);
        rv_ctx_release(group->ctx);
        group->ctx = NULL;
    }
    return base_load_relaxed(&group->error); // relaxed: the wait has ordered it
}
