#include "base/sys.h"
#include "base/lock.h"
#include "base/owned.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <time.h>

static void *map(size_t bytes, int flags)
{
    const long p =
        sys_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (p < 0 && p > -4096) return NULL;
    base_owned_add((void *)p, bytes);
    return (void *)p;
}
void *sys_reserve(size_t bytes)
{
    void *p = map(bytes, MAP_NORESERVE);
    if (p) sys_call3(SYS_madvise, p, bytes, MADV_DONTDUMP);
    return p;
}
void *sys_alloc(size_t bytes) { return map(bytes, 0); }
void sys_unmap(void *p, size_t bytes)
{
    base_owned_remove(p);
    sys_call2(SYS_munmap, p, bytes);
}
void *sys_grow(void *p, size_t had, size_t bytes)
{
    const long to = sys_call4(SYS_mremap, p, had, bytes, MREMAP_MAYMOVE);
    if (to < 0 && to > -4096) return NULL;
    base_owned_remove(p);
    base_owned_add((void *)to, bytes);
    return (void *)to;
}
void sys_zap(void *p, size_t bytes) { sys_call3(SYS_madvise, p, bytes, MADV_DONTNEED); }
void sys_write_all(int fd, const void *buf, size_t n)
{
    const char *p = buf;
    while (n) {
        const long k = sys_call3(SYS_write, fd, p, n);
        if (k == -EINTR || k == -EAGAIN) continue;
        if (k <= 0) return;
        p += k;
        n -= (size_t)k;
    }
}
long sys_read(int fd, void *buf, size_t n)
{
    long k;
    do k = sys_call3(SYS_read, fd, buf, n);
    while (k == -EINTR);
    return k;
}
int sys_gettid(void) { return (int)sys_call0(SYS_gettid); }
int sys_getpid(void) { return (int)sys_call0(SYS_getpid); }
void sys_futex_wait(uint32_t *word, uint32_t val) { sys_call4(SYS_futex, word, FUTEX_WAIT_PRIVATE, val, 0); }
void sys_futex_wake(uint32_t *word, int n) { sys_call3(SYS_futex, word, FUTEX_WAKE_PRIVATE, n); }
void sys_yield(void) { sys_call0(SYS_sched_yield); }
void sys_exit(int code)
{
    for (;;) sys_call1(SYS_exit_group, code);
}
uint64_t sys_now_ns(void)
{
    struct timespec t;
    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
int sys_membarrier(void)
{
    static uint32_t registered;                      // atomic: 0 not yet, 1 yes, 2 the kernel has none
    uint32_t state = base_load_relaxed(&registered); // relaxed: registering twice is harmless
    if (state == 0) {
        state = sys_call3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 ? 1 : 2;
        base_store_relaxed(&registered, state);
    }
    return state == 1 && sys_call3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

enum { SPINS = 100 };
void base_lock_slow(struct base_lock *l)
{
    for (int i = 0; i < SPINS; i++) {
        if (base_load_relaxed(&l->word) == 0 && base_trylock(l)) return;
        base_pause();
    }
    // acquire: pairs with the release in base_unlock; 2 keeps the wake-up owed to other sleepers
    while (base_exchange_acquire(&l->word, 2u) != 0) sys_futex_wait(&l->word, 2);
}
