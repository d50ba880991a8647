// hashtable.c: one chained hash table under one mutex; both threads insert, count and look up.
#include "kernel.h"

enum { BUCKETS = 1 << 14, KEYS = 1 << 15 };

struct entry {
    struct entry *next;
    uint32_t key, count;
};

static struct entry *bucket[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void count_key(uint32_t key)
{
    struct entry **at = &bucket[mix(key) % BUCKETS];
    for (struct entry *e = *at; e != NULL; e = e->next)
        if (e->key == key) {
            e->count++;
            return;
        }
    struct entry *e = must(malloc(sizeof *e));
    *e = (struct entry){.next = *at, .key = key, .count = 1};
    *at = e;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t state = (uint64_t)w->id + 11;
    for (unsigned i = 0; i < w->n; i++) {
        const uint32_t key = next_random(&state) % KEYS;
        pthread_mutex_lock(&lock);
        count_key(key);
        pthread_mutex_unlock(&lock);
        w->sum += key;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 1000000));
    uint64_t total = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct entry *e = bucket[i], *next; e != NULL; e = next) {
            next = e->next;
            total += (uint64_t)e->key * e->count;
            free(e);
        }
    printf("%llu\n", (unsigned long long)total);
    return 0;
}
