// Workers that are told their number through a pointer.
//
// The mend: each worker gets the address of its own number, in an array that outlives the threads.
#include <pthread.h>
#include <stdio.h>

enum { WORKERS = 3 };

static int result[WORKERS];

static void *work(void *arg)
{
    const int number = *(const int *)arg;
    return number < WORKERS ? &result[number] : NULL;
}

int main(void)
{
    pthread_t worker[WORKERS];
    int number[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        number[i] = i;
        pthread_create(&worker[i], NULL, work, &number[i]);
    }
    int served = 0;
    for (int w = 0; w < WORKERS; w++) {
        void *slot;
        pthread_join(worker[w], &slot);
        if (slot == &result[w]) served++;
    }
    printf("%d of %d workers got their own number\n", served, WORKERS);
    return 0;
}
