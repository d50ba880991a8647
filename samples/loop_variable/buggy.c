// Workers that are told their number through a pointer to the loop variable.
//
// The bug: all workers get the address of the same variable. By the time a worker reads it, the loop may have moved
// on, so that one number is worked on twice and another never.
#include <pthread.h>
#include <stdio.h>

enum { WORKERS = 3 };

static int result[WORKERS];

static void *work(void *arg)
{
    const int number = *(const int *)arg; // race: A
    return number < WORKERS ? &result[number] : NULL;
}

int main(void)
{
    pthread_t worker[WORKERS];
    for (int i = 0; i < WORKERS; i++) { // race: A
        pthread_create(&worker[i], NULL, work, &i);
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
