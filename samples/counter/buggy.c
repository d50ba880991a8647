// A page counter that two threads increment.
//
// The bug: hits++ is three steps, a read, an addition and a write. When both threads read the same old value, one
// of the two visits is lost, and the total comes out too small, now and then.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { VISITS = 1000 };

static long hits;

static void visit(void)
{
    hits++; // race: A
}

static void *browse(void *arg)
{
    for (int i = 0; i < VISITS; i++) {
        visit();
        sched_yield(); // reads the page
    }
    return arg;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, browse, NULL);
    pthread_create(&b, NULL, browse, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("%ld of %d visits counted\n", hits, 2 * VISITS);
    return 0;
}
