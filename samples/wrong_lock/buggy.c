// A proxy that counts the bytes it has moved; one thread receives, one sends.
//
// The bug: each thread holds a mutex while it adds, but not the same one. The report lists the locks that each side
// held: two different ones protect nothing.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t in_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static long total_bytes;

static void *receive(void *arg)
{
    pthread_mutex_lock(&in_lock);
    total_bytes += 1500; // race: A
    pthread_mutex_unlock(&in_lock);
    return arg;
}

static void *transmit(void *arg)
{
    pthread_mutex_lock(&out_lock);
    total_bytes += 40; // race: A
    pthread_mutex_unlock(&out_lock);
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
