// matmul.c: the product of two square matrices of doubles; each thread makes every other row of it.
#include "kernel.h"

enum { SIDE = 256 };

static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];

static void make_row(unsigned i)
{
    for (unsigned j = 0; j < SIDE; j++) {
        double sum = 0;
        for (unsigned k = 0; k < SIDE; k++) sum += a[i][k] * b[k][j];
        c[i][j] += sum;
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    for (unsigned round = 0; round < w->n; round++)
        for (unsigned i = (unsigned)w->id; i < SIDE; i += THREADS) make_row(i);
    for (unsigned i = (unsigned)w->id; i < SIDE; i += THREADS)
        for (unsigned j = 0; j < SIDE; j++) w->sum += (uint64_t)c[i][j];
    return NULL;
}

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < SIDE; i++)
        for (unsigned j = 0; j < SIDE; j++) {
            a[i][j] = (i * 7 + j * 3) % 11;
            b[i][j] = (i * 5 + j) % 13;
        }
    run_workers(work, scaled(argc, argv, 6));
    return 0;
}
