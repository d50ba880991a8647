// norace_after_run.c: what main and the main goroutine do is ordered by rv_run, both ways, twice.
#include <ravel.h>
#include <stdlib.h>

static int data;
static void body(void *arg)
{
    (void)arg;
    data++;
}
int main(void)
{
    for (int i = 0; i < 2; i++) {
        data++;
        if (rv_run(body, NULL) != 0) abort();
        data++;
    }
    return data == 6 ? 0 : 1;
}
