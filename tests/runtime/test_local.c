// test_local.c: deferred functions, goroutine-local values, and the end of a goroutine.
#include <errno.h>

#include "runtime/local.h"
#include "tests/runtime/rig.h"

// What happened, as letters. Only one goroutine at a time writes.
static char log_text[256];
static size_t log_n;
static void say(char c) { log_text[log_n++] = c; }
static void say_it(void *c) { say(*(char *)c); }
static void log_is(const char *expected)
{
    log_text[log_n] = 0;
    cr_assert_str_eq(log_text, expected);
    log_n = 0;
}
static uint32_t ended; // atomic
static void tell_the_end(void *arg)
{
    (void)arg;
    base_store_release(&ended, 1u); // release: what the goroutine wrote; pairs with run_one
}
// Runs fn in a goroutine of its own, and waits until all of it is over: the first deferred function is the last to run, and the
// destructors come after it, so a destructor tells.
static rv_key last_key;
static void with_end(void *p)
{
    rv_set(last_key, &ended);
    ((rv_fn *)p)(NULL);
}
static void run_one(rv_fn *fn)
{
    base_store_relaxed(&ended, 0u);
    rv_go(with_end, (void *)fn);
    RIG_UNTIL(base_load_acquire(&ended)); // acquire: pairs with tell_the_end
}
static void deferring_b(void *arg)
{
    (void)arg;
    say('a');
    rv_defer(say_it, "b");
}
static void defers(void *arg)
{
    (void)arg;
    rv_defer(say_it, "1");
    rv_defer(say_it, "2");
    rv_defer(deferring_b, NULL); // its own is the last one now, so it comes next
    rv_defer(say_it, "3");
    say('0');
}
static void goes_in_the_middle(void *arg)
{
    (void)arg;
    rv_defer(say_it, "1");
    rv_defer(defers, NULL);
    say('x');
    rv_goexit();
}
static void exit_again(void *arg)
{
    (void)arg;
    say('e');
    rv_goexit();
}
static void exits_twice(void *arg)
{
    (void)arg;
    rv_defer(say_it, "1");
    rv_defer(exit_again, NULL);
    rv_defer(say_it, "2");
    rv_goexit();
}
static void about_defer(void *arg)
{
    (void)arg;
    cr_assert_eq(rv_key_create(&last_key, tell_the_end), 0);
    run_one(defers);
    log_is("03ab21");
    run_one(goes_in_the_middle);
    log_is("x03ab211");
    run_one(exits_twice);
    log_is("2e1");
}
Test(local, defer) { cr_assert_eq(rv_run(about_defer, NULL), 0); }

static rv_key a, b, never;
static int times;
static void set_again(void *value)
{
    say(*(char *)value);
    cr_assert_null(rv_get(b));
    times++;
    rv_set(b, value);
}
static void destroy_a(void *value)
{
    say(*(char *)value);
    cr_assert_null(rv_get(a));
    rv_defer(say_it, "d");
}
static void sets(void *arg)
{
    (void)arg;
    cr_assert_null(rv_get(a));
    rv_set(a, "A");
    rv_set(b, "B");
    rv_set(never, "N");
    rv_gosched();
    cr_assert_eq(*(char *)rv_get(a), 'A');
    cr_assert_eq(*(char *)rv_get(never), 'N');
}
static void sets_and_takes_back(void *arg)
{
    (void)arg;
    rv_set(a, "A");
    rv_set(a, NULL);
}
static void about_keys(void *arg)
{
    (void)arg;
    cr_assert_eq(rv_key_create(&a, destroy_a), 0);
    cr_assert_eq(rv_key_create(&b, set_again), 0);
    cr_assert_eq(rv_key_create(&never, NULL), 0);
    cr_assert_eq(rv_key_create(&last_key, tell_the_end), 0);
    base_store_relaxed(&ended, 0u);
    rv_set(a, "M"); // mine alone
    run_one(sets);
    RIG_UNTIL(rv_num_goroutine() == 1); // all rounds of destructors
    cr_assert_eq(times, 4);
    log_is("ABdBBB");
    run_one(sets_and_takes_back);
    log_is("");
    cr_assert_eq(*(char *)rv_get(a), 'M');
    rv_set(a, NULL);
    rv_key more;
    for (int i = 4; i < RV__KEYS; i++) cr_assert_eq(rv_key_create(&more, NULL), 0);
    rv_set(more, "the last one");
    cr_assert_eq(rv_key_create(&more, NULL), -EAGAIN);
    cr_assert_null(rv_get((rv_key){RV__KEYS}));
}
Test(local, keys) { cr_assert_eq(rv_run(about_keys, NULL), 0); }

static struct rv__extra *mine(void)
{
    struct rv__g *const g = rv__enter();
    struct rv__extra *const e = g->extra;
    rv__leave(g);
    return e;
}
static void sees_labels(void *text) { cr_assert_str_eq(mine()->labels, text); }
static void has_nothing(void *arg)
{
    (void)arg;
    cr_assert_null(mine());
}
static void is_named(void *arg)
{
    (void)arg;
    cr_assert_str_eq(mine()->name, "0123456789012345678901234567890", "31 bytes of it");
    cr_assert_str_eq(mine()->labels, "");
}
static void about_labels(void *arg)
{
    (void)arg;
    const rv_go_options named = {.name = "01234567890123456789012345678901234567890"}, other = {.labels = "k=other"};
    rv_go(has_nothing, NULL);
    cr_assert_eq(rv_try_go(is_named, NULL, &named, NULL), 0);
    rv_set_labels("k=v");
    rv_go(sees_labels, "k=v");
    cr_assert_eq(rv_try_go(sees_labels, "k=other", &other, NULL), 0);
    rv_set_labels(NULL);
    rv_go(has_nothing, NULL);
    RIG_UNTIL(rv_num_goroutine() == 1);
}
Test(local, labels) { cr_assert_eq(rv_run(about_labels, NULL), 0); }

static void defer_nothing(void *arg)
{
    (void)arg;
    rv_defer(NULL, NULL);
}
static void set_unmade(void *arg)
{
    (void)arg;
    rv_set((rv_key){7}, "x");
}
Test(local, fatal)
{
    rig_dies(defer_nothing, NULL, "fatal error: rv_defer of a NULL function\n");
    rig_dies(set_unmade, NULL, "fatal error: rv_set with a key that rv_key_create did not make\n");
}
