// Eight threads take random locks in rising order, release them in either order, share and write tables, and make and
// destroy locks of their own in between, all at once.
#define NO_MAIN
#include "../../race/race.h"

#include <stdbool.h>

enum { THREADS = 8, LOCKS = 24, ROUNDS = 3000 };
static pthread_mutex_t lock[LOCKS];
static pthread_rwlock_t table_lock[LOCKS];
static long data[LOCKS], table[LOCKS];

static void use_table(int i, bool write)
{
    if (write) {
        pthread_rwlock_wrlock(&table_lock[i]);
        table[i]++;
    } else {
        pthread_rwlock_rdlock(&table_lock[i]);
        EXPECT(table[i] >= 0);
    }
    pthread_rwlock_unlock(&table_lock[i]);
}
static void use_lock_of_its_own(void)
{
    pthread_mutex_t *own = malloc(sizeof *own);
    pthread_mutex_init(own, NULL);
    pthread_mutex_lock(own);
    pthread_mutex_unlock(own);
    pthread_mutex_destroy(own);
    free(own);
}
static void round_of(uint32_t r)
{
    const int a = (int)(r % LOCKS), b = a + 1 + (int)(r >> 8) % (LOCKS - a);
    pthread_mutex_lock(&lock[a]);
    data[a]++;
    if (b < LOCKS) {
        pthread_mutex_lock(&lock[b]);
        data[b]++;
    }
    use_table(a, r >> 16 & 1);
    if ((r >> 17) % 8 == 0) use_lock_of_its_own();
    if (r >> 20 & 1) pthread_mutex_unlock(&lock[a]);
    if (b < LOCKS) pthread_mutex_unlock(&lock[b]);
    if (!(r >> 20 & 1)) pthread_mutex_unlock(&lock[a]);
}
static void *run(void *arg)
{
    uint32_t r = (uint32_t)(uintptr_t)arg * 7919u + 1;
    for (int i = 0; i < ROUNDS; i++) {
        r ^= r << 13, r ^= r >> 17, r ^= r << 5;
        round_of(r);
    }
    return NULL;
}
int main(void)
{
    pthread_t thread[THREADS];
    for (int i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&lock[i], NULL);
        pthread_rwlock_init(&table_lock[i], NULL);
    }
    for (uintptr_t i = 0; i < THREADS; i++) EXPECT(pthread_create(&thread[i], NULL, run, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) EXPECT(pthread_join(thread[i], NULL) == 0);
    return 0;
}
