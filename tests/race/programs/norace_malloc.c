// A block that goes from thread to thread through the allocator is another block each time.
#define NO_MAIN
#include "../race.h"
#include <malloc.h>

static void use(char *p, size_t n)
{
    EXPECT(p != NULL);
    for (size_t i = 0; i < n; i++) p[i] = (char)i;
    step();
    free(p);
}
static void *run(void *arg)
{
    (void)arg;
    void *p = NULL;
    for (size_t n = 1; n < 2000000; n *= 11) {
        use(malloc(n), n);
        use(calloc(n, 1), n);
        use(realloc(malloc(n / 2), n), n);
        use(reallocarray(NULL, n, 1), n);
        use(memalign(64, n), n);
        use(aligned_alloc(64, (n + 63) & ~(size_t)63), n);
        use(valloc(n), n);
        use(pvalloc(n), n);
        EXPECT(posix_memalign(&p, 256, n) == 0);
        use(p, n);
        use(strndup("0123456789", 5), 6);
    }
    EXPECT(posix_memalign(&p, 3, 8) == EINVAL);
    volatile size_t huge = SIZE_MAX / 2;
    void *volatile none = malloc(huge); // volatile, or compilers would take it to succeed
    EXPECT(none == NULL && errno == ENOMEM);
    none = reallocarray(NULL, huge, 3);
    EXPECT(none == NULL && errno == ENOMEM);
    char *volatile keeps = malloc(10);
    keeps[0] = 1;
    none = realloc(keeps, huge);
    EXPECT(none == NULL && keeps[0] == 1 && malloc_usable_size(keeps) >= 10);
    free(keeps);
    free(NULL);
    return NULL;
}
int main(void)
{
    mallopt(M_ARENA_MAX, 1); // so that the threads are given each other's blocks
    steps(2);
    pthread_t a, b;
    pthread_create(&a, NULL, run, NULL);
    pthread_create(&b, NULL, run, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
