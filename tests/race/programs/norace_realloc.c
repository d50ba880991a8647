// realloc keeps what the caller may see, in place or moved.
#include "../race.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
char *p;
size_t n;
static void grow(void)
{
    for (int i = 0; i < 20; i++) {
        pthread_mutex_lock(&m);
        p = realloc(p, n + 1000);
        for (size_t k = n; k < n + 1000; k++) p[k] = 1;
        n += 1000;
        pthread_mutex_unlock(&m);
    }
}
static void first(void) { grow(); }
static void second(void)
{
    grow();
    int sum = 0;
    for (size_t k = 0; k < n; k++) sum += p[k];
    EXPECT(sum == 40000);
    p = realloc(p, 10);
    EXPECT(p[9] == 1);
    free(p);
}
