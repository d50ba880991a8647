// 4.2: ten goroutines take two of five resources each, in the order of the resources' addresses, and so without a deadlock.
//
// The mistakes: the table of holders and waiters is made and never used; the locks are given back before the work that needs them; and the
// order is that of the addresses as texts. The mend: rv_lock_all, which has an order of its own; the locks are kept while work goes on; and
// who has what is rv_locks_snapshot's to tell.
#include "seed.h"

enum { RESOURCES = 5, GOROUTINES = 10, WANTED = 2 };
struct resource {
    char id[16];
    rv_mutex mutex;
};
static struct {
    rv_rwmutex mu;
    struct resource resources[RESOURCES];
} manager;
static rv_waitgroup wg;

static rv_mutex *find(const char *id)
{
    rv_mutex *found = NULL;
    rv_rwmutex_rlock(&manager.mu);
    for (int i = 0; i < RESOURCES && !found; i++)
        if (strcmp(manager.resources[i].id, id) == 0) found = &manager.resources[i].mutex;
    rv_rwmutex_runlock(&manager.mu);
    return found;
}

static int by_text(const void *a, const void *b)
{
    char texts[2][24];
    snprintf(texts[0], sizeof texts[0], "%p", *(void *const *)a);
    snprintf(texts[1], sizeof texts[1], "%p", *(void *const *)b);
    return strcmp(texts[0], texts[1]);
}

static void acquire_and_release(rv_mutex *wanted[WANTED])
{
    qsort(wanted, WANTED, sizeof *wanted, by_text);
    for (int i = 0; i < WANTED; i++) rv_mutex_lock(wanted[i]);
    for (int i = WANTED - 1; i >= 0; i--) rv_mutex_unlock(wanted[i]);
}

static void work(void) { rv_sleep(10 * MILLISECOND); }

// How many resources are held: by one goroutine, or (0) by all.
static int held(rv_gid by)
{
    rv_lock_row rows[RESOURCES + WANTED * GOROUTINES];
    const int n = rv_locks_snapshot(rows, sizeof rows / sizeof *rows);
    int count = 0;
    for (int i = 0; i < n; i++) count += rows[i].role == RV_LOCK_HOLDS && (!by || rows[i].goroutine == by);
    return count;
}

static void work_with(rv_mutex *wanted[WANTED])
{
    rv_lock locks[WANTED] = {RV_LOCK(wanted[0]), RV_LOCK(wanted[1])};
    rv_lock_all(locks, WANTED);
    printf("%d resources are held by one of them\n", held(rv_goid()));
    work();
    rv_unlock_all(locks, WANTED);
}

static void run(void *arg)
{
    const int id = (int)(intptr_t)arg;
    char names[WANTED][16];
    rv_mutex *wanted[WANTED];
    for (int i = 0; i < WANTED; i++) {
        snprintf(names[i], sizeof names[i], "resource_%d", (id + i) % RESOURCES);
        wanted[i] = find(names[i]);
    }
    printf("goroutine %d wants [%s %s]\n", id, names[0], names[1]);
    if (mended)
        work_with(wanted);
    else
        acquire_and_release(wanted);
    printf("goroutine %d has done its work\n", id);
    if (!mended) work();
}

static int demo(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("=== no deadlock ===\n");
    for (int i = 0; i < RESOURCES; i++) {
        snprintf(manager.resources[i].id, sizeof manager.resources[i].id, "resource_%d", i);
        if (mended) rv_mutex_name(&manager.resources[i].mutex, manager.resources[i].id);
    }
    for (intptr_t i = 0; i < GOROUTINES; i++) rv_wg_go(&wg, run, (void *)i);
    rv_wg_wait(&wg);
    if (mended) printf("%d resources are held by anybody\n", held(0));
    printf("all goroutines are done, without a deadlock\n");
    return 0;
}

SEED_MAIN(demo)
