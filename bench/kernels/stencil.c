// stencil.c: a five-point stencil over doubles; the threads own halves of the grid and meet at a barrier each step.
#include "kernel.h"

enum { SIDE = 512 };

static double grid[2][SIDE][SIDE];
static pthread_barrier_t barrier;

static void relax(double (*to)[SIDE], double (*from)[SIDE], int first, int last)
{
    for (int i = first; i < last; i++)
        for (int j = 1; j < SIDE - 1; j++)
            to[i][j] = 0.2 * (from[i][j] + from[i - 1][j] + from[i + 1][j] + from[i][j - 1] + from[i][j + 1]);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    const int first = w->id == 0 ? 1 : SIDE / 2;
    const int last = w->id == 0 ? SIDE / 2 : SIDE - 1;
    for (unsigned step = 0; step < w->n; step++) {
        relax(grid[(step + 1) % 2], grid[step % 2], first, last);
        pthread_barrier_wait(&barrier);
    }
    for (int i = first; i < last; i++)
        for (int j = 0; j < SIDE; j++) w->sum += (uint64_t)grid[w->n % 2][i][j];
    return NULL;
}

int main(int argc, char **argv)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) grid[0][i][j] = grid[1][i][j] = (i * 31 + j * 17) % 1000;
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_workers(work, scaled(argc, argv, 120));
    pthread_barrier_destroy(&barrier);
    return 0;
}
