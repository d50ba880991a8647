// locks.c: several locks at once, without a deadlock whatever order they are given in.
//
// Each lock gets a number when it is first asked for one, and all who take several take them in the order of the numbers. So of those who
// wait for each other, the one that waits for the lock with the highest number waits for somebody who waits for a higher one, or for nobody: there
// is no cycle. Addresses would do as well, but runs with one seed are to be the same wherever memory lies. Numbers come again after 2^31 - 1
// locks; then the address decides, and both stay as they are while the lock lives.
#include "runtime/locks.h"

#include <errno.h>

#include "runtime/feed.h"

uint32_t rv__lock_number(uint32_t *number)
{
    static uint32_t last; // atomic
    uint32_t seen = base_load_relaxed(number), mine = 0;
    while (!(seen & ~RV__NAMED)) {
        while (!mine) mine = (base_add_relaxed(&last, 1u) + 1) & ~RV__NAMED; // relaxed, all: it is only a number
        if (base_cas_relaxed(number, &seen, seen | mine)) return mine;
    }
    return seen & ~RV__NAMED;
}
static const void *address(const rv_lock *l) { return l->mutex ? (const void *)l->mutex : l->rwmutex; }
static uint32_t number_of(const rv_lock *l)
{
    return rv__lock_number(l->mutex ? &l->mutex->number : &l->rwmutex->number);
}
static bool less(const rv_lock *a, const rv_lock *b)
{
    const uint32_t x = number_of(a), y = number_of(b);
    return x != y ? x < y : (uintptr_t)address(a) < (uintptr_t)address(b);
}
static void sort(rv_lock *locks, int n) // Shell's
{
    int gap = 1;
    while (gap < n / 3) gap = 3 * gap + 1;
    for (; gap; gap /= 3)
        for (int i = gap; i < n; i++) {
            const rv_lock l = locks[i];
            int at = i;
            for (; at >= gap && less(&l, &locks[at - gap]); at -= gap) locks[at] = locks[at - gap];
            locks[at] = l;
        }
}
static void lock(const rv_lock *l, uintptr_t pc)
{
    if (l->mutex)
        rv__mutex_lock_at(l->mutex, pc);
    else
        (l->read ? rv__rwmutex_rlock_at : rv__rwmutex_lock_at)(l->rwmutex, pc);
}
static void unlock(const rv_lock *l, uintptr_t pc)
{
    if (l->mutex)
        rv__mutex_unlock_at(l->mutex, pc);
    else
        (l->read ? rv__rwmutex_runlock_at : rv__rwmutex_unlock_at)(l->rwmutex, pc);
}
int rv_lock_all(rv_lock *locks, int n)
{
    for (int i = 0; i < n; i++)
        if (!address(&locks[i]) || (locks[i].mutex && locks[i].rwmutex)) return -EINVAL;
    sort(locks, n);
    for (int i = 1; i < n; i++)
        if (address(&locks[i - 1]) == address(&locks[i])) return -EDEADLK;
    for (int i = 0; i < n; i++) lock(&locks[i], RV__CALLER);
    return 0;
}
void rv_unlock_all(rv_lock *locks, int n)
{
    while (n-- > 0) unlock(&locks[n], RV__CALLER);
}
