// A page counter that two threads increment.
//
// The mend: the counter is atomic, so an increment is one step that no other thread can get into. Relaxed order is
// enough, because nobody concludes anything else from the count, and the joins order the final read.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { VISITS = 1000 };

static atomic_long hits;

static void visit(void) { atomic_fetch_add_explicit(&hits, 1, memory_order_relaxed); }

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
    printf("%ld of %d visits counted\n", atomic_load(&hits), 2 * VISITS);
    return 0;
}
