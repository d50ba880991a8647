// adjacent.c: neighbouring counters of 4, 2 and 1 bytes, each under a lock of its own, taken by both threads.
#include "kernel.h"

enum { GROUPS = 512, LOCKS = 4 };

static struct {
    uint32_t word;     // guarded by lock[0]
    uint16_t half;     // guarded by lock[1]
    uint8_t byte;      // guarded by lock[2]
    uint8_t neighbour; // guarded by lock[3]
} group[GROUPS];
static pthread_mutex_t lock[LOCKS] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                      PTHREAD_MUTEX_INITIALIZER};

static void bump(unsigned which, unsigned first)
{
    pthread_mutex_lock(&lock[which]);
    for (unsigned i = first; i < first + 16; i++) switch (which) {
        case 0: group[i].word++; break;
        case 1: group[i].half++; break;
        case 2: group[i].byte++; break;
        default: group[i].neighbour++; break;
        }
    pthread_mutex_unlock(&lock[which]);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t state = (uint64_t)w->id + 19;
    for (unsigned i = 0; i < w->n; i++) {
        const uint32_t r = next_random(&state);
        bump(r % LOCKS, (r >> 8) % (GROUPS - 16));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 1000000));
    uint64_t sum = 0;
    for (unsigned i = 0; i < GROUPS; i++)
        sum = mix(sum + group[i].word + group[i].half + group[i].byte + group[i].neighbour);
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
