// base/sys.h: raw system calls. They never touch errno, never pass through an interposer, and return -errno.
// The wrappers that can be interrupted own their EINTR loop.
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
#define sys_call0(nr)             sys_call6((nr), 0, 0, 0, 0, 0, 0)
#define sys_call1(nr, a)          sys_call6((nr), (long)(a), 0, 0, 0, 0, 0)
#define sys_call2(nr, a, b)       sys_call6((nr), (long)(a), (long)(b), 0, 0, 0, 0)
#define sys_call3(nr, a, b, c)    sys_call6((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys_call4(nr, a, b, c, d) sys_call6((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

// Anonymous private memory, read-write, not reserved, left out of core dumps. NULL when there is none.
// A huge reservation (a table's virtual range) costs nothing until it is touched.
void *sys_reserve(size_t bytes);
// Like sys_reserve, for memory that will soon be used in full (counted against overcommit, in core dumps).
void *sys_alloc(size_t bytes);
void sys_unmap(void *p, size_t bytes);
void *sys_grow(void *p, size_t had, size_t bytes); // elsewhere, perhaps, with what is in it. NULL: it stays as it is
// Gives the pages back; they read as zero afterwards. p and bytes are page aligned.
void sys_zap(void *p, size_t bytes);
// Writes everything, through EINTR and short writes; gives up at the first other error.
void sys_write_all(int fd, const void *buf, size_t n);
long sys_read(int fd, void *buf, size_t n); // owns EINTR
int sys_gettid(void);
int sys_getpid(void);
// futex on a private word: wait while *word == val; wake up to n.
void sys_futex_wait(uint32_t *word, uint32_t val);
void sys_futex_wake(uint32_t *word, int n);
void sys_yield(void);
_Noreturn void sys_exit(int code);
uint64_t sys_now_ns(void); // CLOCK_MONOTONIC, by the system call
// After it returns, every thread of the process has executed a full barrier since the call began. The first
// call registers; false when the kernel has no expedited membarrier (then callers must use fences on both sides).
int sys_membarrier(void);

#endif
