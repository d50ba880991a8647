// A counter for each page of a site, which two threads increment.
//
// The bug: ++ is three steps, a read, an addition and a write. When both threads read the same old value, one
// of the two visits is lost, and the total comes out too small, now and then.
#include <pthread.h>
#include <stdio.h>

enum { PAGES = 3, VISITS = 1000 };

static long hits[PAGES];

static void visit(int page)
{
    hits[page]++; // race: A
}

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
