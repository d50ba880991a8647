// A thread pool with a queue; a worker looks whether there is work.
//
// The mend: the look is inside the lock. A lock that nobody else holds is cheaper than a bug.
#include <pthread.h>
#include <stdio.h>
#include "../order.h"

enum { JOBS = 8 };

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static int queue[JOBS], queued; // guarded by queue_lock

static void *submit(void *arg)
{
    pthread_mutex_lock(&queue_lock);
    queue[queued] = 42;
    queued++;
    pthread_mutex_unlock(&queue_lock);
    order_point();
    return arg;
}

static void *work(void *job)
{
    order_point();
    pthread_mutex_lock(&queue_lock);
    if (queued > 0) *(int *)job = queue[--queued];
    pthread_mutex_unlock(&queue_lock);
    return NULL;
}

int main(void)
{
    pthread_t client, worker;
    int job = 0;
    order_init(2);
    pthread_create(&client, NULL, submit, NULL);
    pthread_create(&worker, NULL, work, &job);
    pthread_join(client, NULL);
    pthread_join(worker, NULL);
    printf("job %d\n", job);
    return 0;
}
