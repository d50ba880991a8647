// order.c: goroutines that meet at atomics, a mutex, a read-write lock, a semaphore and a channel, and say in which order they did. The
// first line names an address, which differs from run to run.
#include <pthread.h>
#include <ravel.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 6, ROUNDS = 4 };
static _Atomic int sum;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static rv_chan *results;
static int order[WORKERS * ROUNDS], n, readers;

static void meet(int me)
{
    pthread_mutex_lock(&mutex);
    atomic_fetch_add(&sum, 1); // others may run here, and find the mutex taken
    order[n++] = me;
    pthread_mutex_unlock(&mutex);
    pthread_rwlock_rdlock(&rwlock);
    const int seen = readers;
    atomic_fetch_add(&sum, seen);
    pthread_rwlock_unlock(&rwlock);
    pthread_rwlock_wrlock(&rwlock);
    readers = seen + 1;
    rv_gosched();
    pthread_rwlock_unlock(&rwlock);
    sem_wait(&semaphore);
    rv_sleep(me * 1000);
    sem_post(&semaphore);
}
static void work(void *arg)
{
    const int me = (int)(intptr_t)arg;
    char *const text = malloc(16);
    for (int i = 0; i < ROUNDS; i++) {
        meet(me);
        snprintf(text, 16, "%d", me);
        rv_chan_send(results, text);
    }
    free(text);
}
static void start(void *arg)
{
    char text[16];
    (void)arg;
    printf("%p\n", (void *)text);
    sem_init(&semaphore, 0, 2);
    results = rv_chan_make(sizeof text, 2);
    for (intptr_t i = 0; i < WORKERS; i++) rv_go(work, (void *)i);
    for (int i = 0; i < WORKERS * ROUNDS; i++) {
        rv_chan_recv(results, text);
        fputs(text, stdout);
    }
    pthread_mutex_lock(&mutex);
    printf(" %d\n", sum);
    for (int i = 0; i < n; i++) printf("%d", order[i]);
    printf("\n");
    pthread_mutex_unlock(&mutex);
    rv_chan_free(results);
}
int main(void) { return rv_run(start, NULL); }
