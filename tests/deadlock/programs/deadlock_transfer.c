// Accounts with a lock each, on the heap; the locks are taken in one function, in the order of its arguments.
// cycle: from->to from->to
#include "../../race/race.h"

struct account {
    pthread_mutex_t lock;
    long balance;
} * mine, *yours;

static void transfer(struct account *from, struct account *to, long amount)
{
    pthread_mutex_lock(&from->lock); // at: from
    pthread_mutex_lock(&to->lock);   // at: to
    from->balance -= amount;
    to->balance += amount;
    pthread_mutex_unlock(&to->lock);
    pthread_mutex_unlock(&from->lock);
}
__attribute__((constructor)) static void open_accounts(void)
{
    mine = malloc(sizeof *mine);
    yours = malloc(sizeof *yours);
    pthread_mutex_init(&mine->lock, NULL);
    pthread_mutex_init(&yours->lock, NULL);
    mine->balance = yours->balance = 100;
}
static void first(void) { transfer(mine, yours, 10); }
static void second(void) { transfer(yours, mine, 20); }
