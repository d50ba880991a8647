// instrument/interpose.h: how an interposer finds the function that it stands before.
//
// Our definitions of pthread_create, malloc, ... take precedence because the executable (or a preloaded
// libravel.so) comes before libc in the lookup order. The functions behind them are looked up here, all at once when
// Ravel starts, by reading the symbol tables of the loaded objects ourselves: no lock of the dynamic linker, no
// allocation, no errno, so it works at the first malloc, before any constructor. The first object after our own that
// defines a name wins, except that another copy of Ravel is passed over. Of a name with several versions
// (pthread_cond_wait) the default one is taken, which is what dlsym(RTLD_NEXT) gets wrong for some of them.
//
// An interposer's shape: `s = ins_self()` first (it starts Ravel and so fills the table), events around
// REAL(name)(...), errno and the result as the real function left them. Nothing of the detector's is held across REAL().
#ifndef INSTRUMENT_INTERPOSE_H
#define INSTRUMENT_INTERPOSE_H

#undef _FORTIFY_SOURCE // its inline wrappers would be in the way of our definitions
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "instrument/ins.h"

// What has no declaration in a header.
void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t), *__libc_valloc(size_t), *__libc_pvalloc(size_t);
void __libc_free(void *);
int __cxa_atexit(void (*fn)(void *), void *arg, void *dso);
int __cxa_at_quick_exit(void (*fn)(void *), void *dso);
int __libc_start_main(int (*entry)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
void __longjmp_chk(struct __jmp_buf_tag env[1], int) __attribute__((noreturn));
char *__strcpy_chk(char *, const char *, size_t), *__stpcpy_chk(char *, const char *, size_t);
char *__strncpy_chk(char *, const char *, size_t, size_t), *__stpncpy_chk(char *, const char *, size_t, size_t);
char *__strcat_chk(char *, const char *, size_t), *__strncat_chk(char *, const char *, size_t, size_t);
void *__memcpy_chk(void *, const void *, size_t, size_t), *__memmove_chk(void *, const void *, size_t, size_t);
void *__mempcpy_chk(void *, const void *, size_t, size_t), *__memset_chk(void *, int, size_t, size_t);
ssize_t __read_chk(int, void *, size_t, size_t), __recv_chk(int, void *, size_t, size_t, int);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);

// clang-format off
#define INS_REALS(F)                                                                                                   \
    F(__libc_malloc) F(__libc_calloc) F(__libc_realloc) F(__libc_free) F(__libc_memalign) F(__libc_valloc)             \
    F(__libc_pvalloc) F(malloc_usable_size) F(mmap) F(mmap64) F(munmap) F(mremap)                                      \
    F(__cxa_atexit) F(__cxa_at_quick_exit) F(on_exit) F(exit) F(fork) F(__libc_start_main)                                                  \
    F(pthread_create) F(pthread_join) F(pthread_tryjoin_np) F(pthread_timedjoin_np) F(pthread_clockjoin_np)            \
    F(pthread_detach) F(pthread_setname_np) F(pthread_key_create) F(pthread_key_delete) F(pthread_setspecific)         \
    F(pthread_mutex_init) F(pthread_mutex_destroy) F(pthread_mutex_lock) F(pthread_mutex_trylock)                      \
    F(pthread_mutex_timedlock) F(pthread_mutex_clocklock) F(pthread_mutex_unlock)          \
    F(pthread_rwlock_init) F(pthread_rwlock_destroy) F(pthread_rwlock_rdlock) F(pthread_rwlock_tryrdlock)              \
    F(pthread_rwlock_timedrdlock) F(pthread_rwlock_clockrdlock) F(pthread_rwlock_wrlock) F(pthread_rwlock_trywrlock)   \
    F(pthread_rwlock_timedwrlock) F(pthread_rwlock_clockwrlock) F(pthread_rwlock_unlock)                               \
    F(pthread_spin_init) F(pthread_spin_destroy) F(pthread_spin_lock) F(pthread_spin_trylock) F(pthread_spin_unlock)   \
    F(pthread_cond_init) F(pthread_cond_destroy) F(pthread_cond_wait) F(pthread_cond_timedwait)                        \
    F(pthread_cond_clockwait) F(pthread_cond_signal) F(pthread_cond_broadcast)                                         \
    F(pthread_barrier_init) F(pthread_barrier_destroy) F(pthread_barrier_wait) F(pthread_once)                         \
    F(sem_init) F(sem_destroy) F(sem_open) F(sem_close) F(sem_post) F(sem_wait) F(sem_trywait) F(sem_timedwait)        \
    F(sem_clockwait)                                                                                                   \
    F(thrd_create) F(thrd_join) F(thrd_detach) F(mtx_init) F(mtx_destroy) F(mtx_lock) F(mtx_trylock)                   \
    F(mtx_timedlock) F(mtx_unlock) F(cnd_init) F(cnd_destroy) F(cnd_wait) F(cnd_timedwait) F(cnd_signal)               \
    F(cnd_broadcast) F(call_once)                                                                                      \
    F(longjmp) F(_longjmp) F(siglongjmp) F(__longjmp_chk)                                                              \
    F(memcpy) F(memmove) F(mempcpy) F(memset) F(explicit_bzero) F(memcmp) F(memchr) F(memrchr) F(rawmemchr) F(memmem)  \
    F(strlen) F(strnlen) F(strchr) F(strchrnul) F(strrchr) F(strstr) F(strcasestr) F(strspn) F(strcspn) F(strpbrk)     \
    F(strtok_r) F(strcmp) F(strncmp) F(strcasecmp) F(strncasecmp) F(strcpy) F(stpcpy) F(strncpy) F(stpncpy) F(strcat)  \
    F(strncat) F(strdup) F(strndup) F(__strcpy_chk) F(__stpcpy_chk) F(__strncpy_chk) F(__stpncpy_chk) F(__strcat_chk)  \
    F(__strncat_chk) F(__memcpy_chk) F(__memmove_chk) F(__mempcpy_chk) F(__memset_chk)                                 \
    F(read) F(write) F(readv) F(writev) F(recv) F(recvfrom) F(recvmsg) F(send) F(sendto) F(sendmsg) F(close)           \
    F(accept) F(accept4) F(connect) F(shutdown) F(epoll_ctl) F(epoll_wait) F(epoll_pwait) F(eventfd_read)              \
    F(eventfd_write) F(__read_chk) F(__recv_chk) F(__recvfrom_chk) F(fflush) \
    F(sleep) F(usleep) F(nanosleep) F(clock_nanosleep) F(thrd_sleep) F(pause) F(poll) F(__poll_chk) F(ppoll) \
    F(__ppoll_chk) F(select) F(pselect) F(pread) F(pread64) F(pwrite) F(pwrite64) F(flock) F(lockf) F(lockf64) \
    F(fcntl) F(fcntl64) F(wait) F(waitpid) F(waitid) F(wait3) F(wait4) F(system) F(pclose) F(sigsuspend) \
    F(sigwait) F(sigwaitinfo) F(sigtimedwait) F(msgrcv) F(msgsnd) F(semop) F(semtimedop) F(flockfile) \
    F(ftrylockfile) F(funlockfile) F(pthread_sigmask) F(sigprocmask)
// clang-format on

struct ins_real {
#define F(name) __typeof__(name) *name;
    INS_REALS(F)
#undef F
};
extern struct ins_real ins_real; // constant after ins_start
#define REAL(name) (ins_real.name)

// instrument/resolve.c: fills ins_real; ends the process with a line on stderr if libc lacks one of them.
void ins_resolve(void);
// True when pc is in libc or the dynamic linker.
struct ins_text {
    uintptr_t lo, size;
};
extern struct ins_text ins_libc_text[2]; // constant after ins_start
ALWAYS_INLINE bool ins_in_libc(uintptr_t pc)
{
    return pc - ins_libc_text[0].lo < ins_libc_text[0].size || pc - ins_libc_text[1].lo < ins_libc_text[1].size;
}
// Each copy of Ravel has both, at one address, but the first resolves to the copy that comes first in the process.
extern const char ravel_copy, ins_copy_here;
// instrument/copy.c: true if the program itself holds a copy and this is another, whatever its symbols say.
bool ins_copy_in_program(void);
// The same for what decides whether our interposers are called at all.
extern __typeof__(pthread_create) ins_pthread_create_here;
// Compilers take two names for two addresses.
ALWAYS_INLINE bool ins_same(const void *a, const void *b)
{
    __asm__("" : "+r"(a));
    return a == b;
}

// instrument/start.c: true while events go to the detector.
extern bool ins_on;
// What every thread knows of itself.
enum ins_phase {
    INS_NEW,  // no strand yet; the first event makes one
    INS_BUSY, // Ravel itself is at work on this thread: whatever it calls is none of the program's events
    INS_LIVE, // det_tls is its strand
    INS_GONE, // its last event is over
};
struct ins_thread;
struct ins_me {
    enum ins_phase phase;
    int tid;
    bool robust;               // it has held a robust mutex
    bool carries;              // goroutines.c
    struct ins_thread *thread; // threads.c
    struct det_strand *own;    // its own strand, whichever it carries; NULL: none, or no more
};
extern __thread struct ins_me ins_me __attribute__((tls_model("initial-exec")));

// instrument/goroutines.c: what a runtime wants to know; NULL: there is none
struct base_runtime;
extern const struct base_runtime *ins_runtime; // constant once set

// instrument/testname.c
void ins_testname_start(void);
void ins_testname_forked(void);
void ins_testname_finish(void);
void ins_testname_written(int fd, const void *p, size_t n); // the program writes this

// instrument/threads.c
extern char ins_dead_owners; // names what a thread with robust mutexes releases at its end
void ins_threads_init(void);
void ins_threads_main(struct det_strand *s); // the calling thread is the first, and its strand is s
struct det_strand *ins_thread_adopt(void);   // makes the calling thread, which we did not create, a strand
void ins_threads_all_off(void);              // every thread's events go nowhere from now on
bool ins_threads_single(void);               // no other thread is alive that we know of

#endif
