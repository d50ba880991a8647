// mallocs.c: small blocks of random sizes, allocated, touched and freed in random order, some by the other thread.
#include "kernel.h"
#include <string.h>

enum { LIVE = 2048, HANDED = 64 };

static char *handed[HANDED]; // guarded by lock: blocks that the other thread may free
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void hand_over(char *block, unsigned at)
{
    pthread_mutex_lock(&lock);
    char *old = handed[at];
    handed[at] = block;
    pthread_mutex_unlock(&lock);
    free(old);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    char **live = must(calloc(LIVE, sizeof *live));
    uint64_t state = (uint64_t)w->id + 13;
    for (unsigned i = 0; i < w->n; i++) {
        const uint32_t r = next_random(&state);
        char **at = &live[r % LIVE];
        if (*at != NULL) w->sum += (unsigned char)**at;
        if (r >> 28 == 0)
            hand_over(*at, r >> 11 & (HANDED - 1));
        else
            free(*at);
        const unsigned size = 16 + (r >> 16) % 240;
        *at = must(malloc(size));
        memset(*at, (int)(r >> 8), 16);
        (*at)[size - 1] = (char)i;
    }
    for (unsigned i = 0; i < LIVE; i++) free(live[i]);
    free(live);
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 800000));
    for (unsigned i = 0; i < HANDED; i++) free(handed[i]);
    return 0;
}
