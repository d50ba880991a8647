// recursion.c: many calls (a naive Fibonacci number) and deep ones (a recursion of 5,000 frames, some hundred times).
#include "kernel.h"

static unsigned depth_limit = 5000;

__attribute__((noinline)) static unsigned fibonacci(unsigned n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__attribute__((noinline)) static unsigned descend(const unsigned *above, unsigned depth)
{
    unsigned here[4] = {depth, *above, depth ^ *above, 1};
    if (depth >= depth_limit) return here[2];
    const unsigned below = descend(&here[depth % 3], depth + 1);
    return below + here[below % 4];
}

static void *work(void *arg)
{
    struct worker *w = arg;
    for (unsigned i = 0; i < w->n; i++) {
        const unsigned seed = i;
        w->sum += descend(&seed, 0);
        w->sum = mix(w->sum + fibonacci(18 + i % 4));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 500));
    return 0;
}
