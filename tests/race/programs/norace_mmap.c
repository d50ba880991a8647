// A mapping that was given back and made again is other memory, also where the threads themselves did not see it.
#define NO_MAIN
#include "../race.h"
#include <sys/mman.h>

static void *run(void *arg)
{
    static void *fixed; // the same place for all; they run one after the other
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    for (int i = 0; i < 3; i++) {
        void *at = __atomic_load_n(&fixed, __ATOMIC_RELAXED);
        char *p = mmap(at, 8192, PROT_READ | PROT_WRITE, flags | (at ? MAP_FIXED : 0), -1, 0);
        EXPECT(p != MAP_FAILED);
        __atomic_store_n(&fixed, (void *)p, __ATOMIC_RELAXED);
        memset(p, 1, 8192);
        p = mremap(p, 8192, 4096, 0);
        EXPECT(p == (char *)__atomic_load_n(&fixed, __ATOMIC_RELAXED));
        EXPECT(munmap(p, 4096) == 0);
    }
    step();
    return arg;
}
int main(void)
{
    steps(2);
    for (int i = 0; i < 3; i++) {
        pthread_t t;
        pthread_create(&t, NULL, run, NULL);
        step();
        pthread_detach(t);
    }
    return 0;
}
