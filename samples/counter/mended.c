// A counter for each page of a site, which two threads increment.
//
// The mend: the counters are atomic, so an increment is one step that no other thread can get into. Relaxed order is
// enough, because nobody concludes anything else from a count, and the joins order the final read.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PAGES = 3, VISITS = 1000 };

static atomic_long hits[PAGES];

static void visit(int page) { atomic_fetch_add_explicit(&hits[page], 1, memory_order_relaxed); }

static void *browse(void *arg)
{
    for (int i = 0; i < VISITS; i++) visit(i % PAGES);
    return arg;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, browse, NULL);
    pthread_create(&b, NULL, browse, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("%ld of %d visits counted\n", hits[0] + hits[1] + hits[2], 2 * VISITS);
    return 0;
}
