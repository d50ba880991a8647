// A table of squares that is filled in by whoever needs it first. Written with C11 threads.
//
// The bug: the check and the filling are not one step. Two threads can both find the table empty, and one that
// finds it marked as filled need not see its contents.
#include <stdbool.h>
#include <stdio.h>
#include <threads.h>
#include "../order.h"

static bool filled;
static int square[16];

static int square_of(int n)
{
    if (!filled) {                                      // race: flag
        for (int i = 0; i < 16; i++) square[i] = i * i; // race: table
        filled = true;                                  // race: flag
    }
    return square[n]; // race: table
}

static int early(void *arg)
{
    (void)arg;
    const int result = square_of(5);
    order_point();
    return result;
}

static int late(void *arg)
{
    (void)arg;
    order_point();
    return square_of(7);
}

int main(void)
{
    thrd_t a, b;
    int five = 0, seven = 0;
    order_init(2);
    if (thrd_create(&a, early, NULL) != thrd_success || thrd_create(&b, late, NULL) != thrd_success) return 1;
    thrd_join(a, &five);
    thrd_join(b, &seven);
    printf("%d and %d\n", five, seven);
    return 0;
}
