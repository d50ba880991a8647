// 3.2: ten goroutines allocate, and keep the last of what they have allocated.
//
// The mistakes: the server that is announced has another port than the one that listens, and is never ended; and what is dropped from the store is
// still referred to by the array behind it (here: never freed). The mend frees it.
#include "vars.h"

enum { MOST = 100, DROPPED = 50, GOROUTINES = 10 };
struct large {
    int data[1000];
};
static int rounds;
static rv_mutex mutex;
static struct large *store[MOST + 1];
static int stored;

static struct large *allocate(unsigned *seed)
{
    struct large *l = malloc(sizeof *l);
    for (int i = 0; i < 1000; i++) l->data[i] = (int)((*seed = *seed * 1103515245 + 12345) >> 16) % 1000;
    return l;
}

static void keep(struct large *l)
{
    rv_mutex_lock(&mutex);
    store[stored++] = l;
    if (stored > MOST) {
        for (int i = 0; mended && i < DROPPED; i++) free(store[i]);
        stored -= DROPPED;
        memmove(store, store + DROPPED, (size_t)stored * sizeof *store);
    }
    rv_mutex_unlock(&mutex);
}

static void work(void *id)
{
    unsigned seed = (unsigned)(uintptr_t)id;
    for (int j = 0; j < rounds; j++) {
        keep(allocate(&seed));
        rv_sleep(MILLISECOND);
    }
}

static int demo(int argc, char **argv)
{
    static struct vars vars = {.port = mended ? 0 : 6061};
    rounds = how_many(argc, argv, 1000);
    printf("=== memory ===\n");
    vars_start(&vars);
    printf("allocating\n");
    rv_waitgroup wg = {0};
    for (intptr_t i = 0; i < GOROUTINES; i++) rv_wg_go(&wg, work, (void *)i);
    rv_wg_wait(&wg);
    printf("%d objects are stored\n", stored);
    if (mended)
        while (stored > 0) free(store[--stored]);
    vars_stop(&vars);
    return 0;
}

SEED_MAIN(demo)
