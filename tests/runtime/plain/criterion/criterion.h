// criterion.h: what tests/runtime uses of Criterion, by nothing but fork: Criterion's sandbox maps memory where ThreadSanitizer
// has its shadow, and does not start under it. One test after the other, each in a child; what a child says goes to stderr.
//
//     PROGRAM [--filter PATTERN]      PATTERN: a shell's, extended, over suite/name
#ifndef TESTS_PLAIN_CRITERION_H
#define TESTS_PLAIN_CRITERION_H

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct plain_test { // a suite is one without a name
    const char *suite, *name;
    void (*fn)(void);
    void (*init)(void), (*fini)(void);
    int signal, timeout; // of the child's end; seconds
    struct plain_test *next;
};
static struct plain_test *plain_all;
enum { PLAIN_SKIPPED = 77, PLAIN_TIMEOUT = 60 };

#define PLAIN_REGISTER(id, ...)                                                                                        \
    static struct plain_test id##_entry = {__VA_ARGS__};                                                               \
    __attribute__((constructor)) static void id##_register(void)                                                       \
    {                                                                                                                  \
        id##_entry.next = plain_all;                                                                                   \
        plain_all = &id##_entry;                                                                                       \
    }
#define TestSuite(suite_, ...)                                                                                         \
    PLAIN_REGISTER(plain_suite_##suite_, .suite = #suite_ __VA_OPT__(, ) __VA_ARGS__) struct plain_test
#define Test(suite_, name_, ...)                                                                                       \
    static void plain_##suite_##_##name_(void);                                                                        \
    PLAIN_REGISTER(plain_##suite_##_##name_, .suite = #suite_, .name = #name_,                                         \
                   .fn = plain_##suite_##_##name_ __VA_OPT__(, ) __VA_ARGS__)                                          \
    static void plain_##suite_##_##name_(void)

static bool plain_failed;
#define PLAIN_CHECK(condition, fatal, ...)                                                                             \
    do {                                                                                                               \
        if (condition) break;                                                                                          \
        fprintf(stderr, "%s:%d: not so: %s", __FILE__, __LINE__, #condition);                                          \
        fprintf(stderr, " " __VA_ARGS__);                                                                              \
        fputc('\n', stderr);                                                                                           \
        if (fatal) _exit(1);                                                                                           \
        plain_failed = true;                                                                                           \
    } while (0)
#define cr_assert(c, ...)           PLAIN_CHECK(c, true, __VA_ARGS__)
#define cr_assert_not(c, ...)       PLAIN_CHECK(!(c), true, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)     PLAIN_CHECK((a) == (b), true, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)    PLAIN_CHECK((a) != (b), true, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)     PLAIN_CHECK((a) < (b), true, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)    PLAIN_CHECK((a) <= (b), true, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)     PLAIN_CHECK((a) > (b), true, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)    PLAIN_CHECK((a) >= (b), true, __VA_ARGS__)
#define cr_assert_null(p, ...)      PLAIN_CHECK((p) == NULL, true, __VA_ARGS__)
#define cr_assert_not_null(p, ...)  PLAIN_CHECK((p) != NULL, true, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) PLAIN_CHECK(strcmp(a, b) == 0, true, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) PLAIN_CHECK((a)[0] == 0, true, __VA_ARGS__)
#define cr_expect(c, ...)           PLAIN_CHECK(c, false, __VA_ARGS__)
#define cr_expect_not(c, ...)       PLAIN_CHECK(!(c), false, __VA_ARGS__)
#define cr_expect_eq(a, b, ...)     PLAIN_CHECK((a) == (b), false, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)     PLAIN_CHECK((a) < (b), false, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)    PLAIN_CHECK((a) <= (b), false, __VA_ARGS__)
#define cr_expect_null(p, ...)      PLAIN_CHECK((p) == NULL, false, __VA_ARGS__)
#define cr_expect_str_empty(a, ...) PLAIN_CHECK((a)[0] == 0, false, __VA_ARGS__)
#define cr_skip_test(...)           _exit(PLAIN_SKIPPED)

static const struct plain_test *plain_suite_of(const struct plain_test *t)
{
    static const struct plain_test none;
    for (const struct plain_test *s = plain_all; s; s = s->next)
        if (!s->name && strcmp(s->suite, t->suite) == 0) return s;
    return &none;
}
static void plain_run(const struct plain_test *t, const struct plain_test *suite)
{
    alarm((unsigned)(t->timeout ? t->timeout : suite->timeout ? suite->timeout : PLAIN_TIMEOUT));
    if (suite->init) suite->init();
    if (t->init) t->init();
    t->fn();
    if (t->fini) t->fini();
    if (suite->fini) suite->fini();
    exit(plain_failed); // not _exit: the sanitizer has its say
}
static bool plain_passes(const struct plain_test *t)
{
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) plain_run(t, plain_suite_of(t));
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) ? WTERMSIG(status) == t->signal && t->signal
                            : t->signal == 0 && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == PLAIN_SKIPPED))
        return true;
    fprintf(stderr, "FAILED %s/%s: status 0x%x\n", t->suite, t->name, (unsigned)status);
    return false;
}
int main(int argc, char **argv)
{
    const char *const filter = argc == 3 && strcmp(argv[1], "--filter") == 0 ? argv[2] : "*";
    int ran = 0, failed = 0;
    for (const struct plain_test *t = plain_all; t; t = t->next) {
        char name[200];
        snprintf(name, sizeof name, "%s/%s", t->suite, t->name ? t->name : "");
        if (!t->name || fnmatch(filter, name, FNM_EXTMATCH) != 0) continue;
        ran++;
        failed += !plain_passes(t);
    }
    fprintf(stderr, "%d tests, %d failed\n", ran, failed);
    return failed || ran == 0;
}

#endif
