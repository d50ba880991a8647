// Three philosophers.
// cycle: left0->right0 left1->right1 left2->right2
#define NO_MAIN
#include "../../race/race.h"

static pthread_mutex_t fork_of[3] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static uint64_t turn[3];

static void *philosopher0(void *arg)
{
    pthread_mutex_lock(&fork_of[0]); // at: left0
    pthread_mutex_lock(&fork_of[1]); // at: right0
    pthread_mutex_unlock(&fork_of[1]);
    pthread_mutex_unlock(&fork_of[0]);
    __tsan_testonly_barrier_wait(&turn[0]);
    return arg;
}
static void *philosopher1(void *arg)
{
    __tsan_testonly_barrier_wait(&turn[0]);
    pthread_mutex_lock(&fork_of[1]); // at: left1
    pthread_mutex_lock(&fork_of[2]); // at: right1
    pthread_mutex_unlock(&fork_of[2]);
    pthread_mutex_unlock(&fork_of[1]);
    __tsan_testonly_barrier_wait(&turn[1]);
    return arg;
}
static void *philosopher2(void *arg)
{
    __tsan_testonly_barrier_wait(&turn[1]);
    pthread_mutex_lock(&fork_of[2]); // at: left2
    pthread_mutex_lock(&fork_of[0]); // at: right2
    pthread_mutex_unlock(&fork_of[0]);
    pthread_mutex_unlock(&fork_of[2]);
    return arg;
}
int main(void)
{
    void *(*const life[3])(void *) = {philosopher0, philosopher1, philosopher2};
    pthread_t thread[3];
    for (int i = 0; i < 2; i++) __tsan_testonly_barrier_init(&turn[i], 2);
    for (int i = 0; i < 3; i++) EXPECT(pthread_create(&thread[i], NULL, life[i], NULL) == 0);
    for (int i = 0; i < 3; i++) EXPECT(pthread_join(thread[i], NULL) == 0);
    return 0;
}
