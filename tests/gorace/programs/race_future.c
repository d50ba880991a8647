// race_future.c: the caller of rv_async is not ordered with the function until it has got the result; nor are those who get it
// among themselves; a look that finds it not over orders nothing; and what a result points to is everybody's.
#include "gorace.h"

int early, pointed_to, seen;

static int work(void *arg, void *out)
{
    (void)arg;
    early = 1; // race: early
    seen = 1;  // race: seen
    next_turn();
    *(int **)out = &pointed_to;
    turn(2);
    return 0;
}
static int use(void *arg, void *out)
{
    int *p;
    (void)out;
    rv_future_get(arg, &p);
    *p = 1; // race: pointed_to
    return 0;
}
static void body(void *arg)
{
    (void)arg;
    rv_future *const f = rv_async(work, NULL, sizeof(int *));
    turn(1);
    early = 2; // race: early
    if (rv_future_try_get(f, NULL) != -EAGAIN) abort();
    seen = 2; // race: seen
    next_turn();
    rv_future *const users[] = {rv_async(use, f, 0), rv_async(use, f, 0)};
    rv_future_all(users, 2);
    for (int i = 0; i < 2; i++) rv_future_release(users[i]);
    rv_future_release(f);
}
