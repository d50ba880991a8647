// A proxy that counts the bytes it has moved; one thread receives, one sends.
//
// The mend: one mutex, named for what it guards, and both threads take it.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t total_lock = PTHREAD_MUTEX_INITIALIZER;
static long total_bytes; // guarded by total_lock

static void *receive(void *arg)
{
    pthread_mutex_lock(&total_lock);
    total_bytes += 1500;
    pthread_mutex_unlock(&total_lock);
    return arg;
}

static void *transmit(void *arg)
{
    pthread_mutex_lock(&total_lock);
    total_bytes += 40;
    pthread_mutex_unlock(&total_lock);
    return arg;
}

int main(void)
{
    pthread_t in, out;
    pthread_create(&in, NULL, receive, NULL);
    pthread_create(&out, NULL, transmit, NULL);
    pthread_join(in, NULL);
    pthread_join(out, NULL);
    printf("%ld bytes moved\n", total_bytes);
    return 0;
}
