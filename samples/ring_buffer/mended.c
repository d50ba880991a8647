// A ring buffer between one producer and one consumer, without locks.
//
// The mend: each index is stored with release by the side that owns it, and loaded with acquire by the other.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { SLOTS = 4, ITEMS = 20 };

static int slot[SLOTS];
static atomic_uint head, tail; // next to read, next to write

static void *produce(void *arg)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        while (i - atomic_load_explicit(&head, memory_order_acquire) == SLOTS) sched_yield();
        slot[i % SLOTS] = (int)i;
        atomic_store_explicit(&tail, i + 1, memory_order_release);
    }
    return arg;
}

static void *consume(void *sum)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        while (atomic_load_explicit(&tail, memory_order_acquire) == i) sched_yield();
        *(int *)sum += slot[i % SLOTS];
        atomic_store_explicit(&head, i + 1, memory_order_release);
    }
    return NULL;
}

int main(void)
{
    pthread_t producer, consumer;
    int sum = 0;
    pthread_create(&producer, NULL, produce, NULL);
    pthread_create(&consumer, NULL, consume, &sum);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    printf("the sum is %d\n", sum);
    return 0;
}
