// Two races, of first and second, and a cycle of two locks: `two [first] [second] [locks]`.
#include <pthread.h>
#include <stddef.h>
#include <string.h>

void __tsan_testonly_barrier_init(unsigned long long *barrier, unsigned count);
void __tsan_testonly_barrier_wait(unsigned long long *barrier);

// The threads never meet: the second goes when the first is done, by a barrier that the detector does not see.
static unsigned long long turn;

int first, second; // not static: they must not be optimised away
static void *add_first(void *later)
{
    if (later) __tsan_testonly_barrier_wait(&turn);
    first++;
    if (!later) __tsan_testonly_barrier_wait(&turn);
    return NULL;
}
static void *add_second(void *later)
{
    if (later) __tsan_testonly_barrier_wait(&turn);
    second++;
    if (!later) __tsan_testonly_barrier_wait(&turn);
    return NULL;
}
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static void take(pthread_mutex_t *one, pthread_mutex_t *other)
{
    pthread_mutex_lock(one);
    pthread_mutex_lock(other);
    pthread_mutex_unlock(other);
    pthread_mutex_unlock(one);
}
static void *ab(void *arg)
{
    take(&a, &b);
    __tsan_testonly_barrier_wait(&turn);
    return arg;
}
static void *ba(void *arg)
{
    __tsan_testonly_barrier_wait(&turn);
    take(&b, &a);
    return arg;
}
static void both(void *(*f)(void *), void *(*g)(void *))
{
    pthread_t s, t;
    pthread_create(&s, NULL, f, NULL);
    pthread_create(&t, NULL, g, &turn);
    pthread_join(s, NULL);
    pthread_join(t, NULL);
}
int main(int argc, char **argv)
{
    __tsan_testonly_barrier_init(&turn, 2);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "first") == 0) both(add_first, add_first);
        if (strcmp(argv[i], "second") == 0) both(add_second, add_second);
        if (strcmp(argv[i], "locks") == 0) both(ab, ba);
    }
    return 0;
}
