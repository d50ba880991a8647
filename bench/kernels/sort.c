// sort.c: each thread sorts its own ints by quicksort, then by insertion once the parts are short.
#include "kernel.h"

enum { COUNT = 1 << 18, SHORT = 12 };

static void insertion_sort(int *a, long n)
{
    for (long i = 1; i < n; i++) {
        const int x = a[i];
        long j = i;
        for (; j > 0 && a[j - 1] > x; j--) a[j] = a[j - 1];
        a[j] = x;
    }
}

static void quicksort(int *a, long n)
{
    while (n > SHORT) {
        const int pivot = a[n / 2];
        long i = 0, j = n - 1;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i > j) break;
            const int t = a[i];
            a[i++] = a[j];
            a[j--] = t;
        }
        quicksort(a, j + 1);
        a += i;
        n -= i;
    }
    insertion_sort(a, n);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    int *a = must(malloc(COUNT * sizeof *a));
    uint64_t state = (uint64_t)w->id + 5;
    for (unsigned round = 0; round < w->n; round++) {
        for (long i = 0; i < COUNT; i++) a[i] = (int)(next_random(&state) >> 1);
        quicksort(a, COUNT);
        for (long i = 0; i < COUNT; i += 97) w->sum = mix(w->sum + (uint64_t)a[i]);
    }
    free(a);
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 4));
    return 0;
}
