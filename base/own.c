// own.c: the libc that Ravel's innards see inside a program.
//
// libunwind and liblzma must not reach the program, nor must calls of memcpy and its kin that a compiler makes in our own files: the
// program's memcpy may be instrumented, and an interposer takes a call for the program's access; its mmap may be
// interposed, its malloc its own. link_runtime.sh renames what those objects call, `read` to `base__own_read`, wherever this
// file has the function; the malloc family is in detector/stack.c. Nobody else may call these.
//   (1) No function here calls anything but base/sys.h and base/lock.h.
//   (2) errno is a word of our own; the program's is never touched.
// What stays with libc is what needs its state: dl_iterate_phdr, pthread_setspecific, and abort.
#include "base/lock.h"
#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static __thread int own_errno;
int *base__own___errno_location(void) { return &own_errno; }

static long result(long r)
{
    if (r >= 0 || r < -4095) return r;
    own_errno = (int)-r;
    return -1;
}

// ---- system calls --------------------------------------------------------------------------------------------

int base__own_open(const char *path, int flags, ...) // libunwind only reads; a mode is never given
{
    return (int)result(sys_call3(SYS_open, path, flags, 0));
}
int base__own_close(int fd) { return (int)result(sys_call1(SYS_close, fd)); }
ssize_t base__own_read(int fd, void *p, size_t n) { return result(sys_call3(SYS_read, fd, p, n)); }
ssize_t base__own_write(int fd, const void *p, size_t n) { return result(sys_call3(SYS_write, fd, p, n)); }
int base__own_stat(const char *path, struct stat *st) { return (int)result(sys_call2(SYS_stat, path, st)); }
int base__own_fstat(int fd, struct stat *st) { return (int)result(sys_call2(SYS_fstat, fd, st)); }
int base__own_pipe2(int fd[2], int flags) { return (int)result(sys_call2(SYS_pipe2, fd, flags)); }
void *base__own_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    return (void *)result(sys_call6(SYS_mmap, (long)at, (long)n, prot, flags, fd, offset));
}
int base__own_munmap(void *p, size_t n) { return (int)result(sys_call2(SYS_munmap, p, n)); }
int base__own_mincore(void *p, size_t n, unsigned char *vec) { return (int)result(sys_call3(SYS_mincore, p, n, vec)); }
int base__own_msync(void *p, size_t n, int flags) { return (int)result(sys_call3(SYS_msync, p, n, flags)); }
pid_t base__own_getpid(void) { return (pid_t)sys_call0(SYS_getpid); }
long base__own_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    return result(sys_call6(nr, a, b, c, d, e, f));
}
int base__own_sigfillset(sigset_t *set)
{
    for (size_t i = 0; i < sizeof *set / sizeof(long); i++) ((unsigned long *)set)[i] = ~0ul;
    return 0;
}
int base__own_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return (int)result(sys_call4(SYS_rt_sigprocmask, how, set, old, 8));
}
enum { PAGE = 4096 };
long base__own_sysconf(int name) { return name == _SC_PAGESIZE ? PAGE : result(-EINVAL); }
int base__own_getpagesize(void) { return PAGE; }

// ---- locks ---------------------------------------------------------------------------------------------------

// A pthread_mutex_t of libunwind's is used as a base_lock: PTHREAD_MUTEX_INITIALIZER is zero, and zero is unlocked.
static_assert(sizeof(struct base_lock) <= sizeof(pthread_mutex_t), "a base_lock fits");
int base__own_pthread_mutex_init(struct base_lock *l, const void *attr)
{
    (void)attr;
    l->word = 0;
    return 0;
}
int base__own_pthread_mutex_lock(struct base_lock *l)
{
    base_lock(l);
    return 0;
}
int base__own_pthread_mutex_unlock(struct base_lock *l)
{
    base_unlock(l);
    return 0;
}

// ---- once, and thread-specific data: a key frees a thread's cache of frames at its end ------------------------------

int base__own_pthread_once(pthread_once_t *once, void (*fn)(void))
{
    static struct base_lock lock;
    if (base_load_acquire(once)) return 0; // acquire: pairs with the release below
    base_lock(&lock);
    if (!base_load_relaxed(once)) { // relaxed: guarded by lock
        fn();
        base_store_release(once, 1); // release: publishes what fn did
    }
    base_unlock(&lock);
    return 0;
}
int __pthread_key_create(pthread_key_t *key, void (*end)(void *)); // glibc's name for it that nobody interposes
int base__own_pthread_key_create(pthread_key_t *key, void (*end)(void *)) { return __pthread_key_create(key, end); }

// ---- memory and strings ----------------------------------------------------------------------------------------

void *base__own_memcpy(void *to, const void *from, size_t n)
{
    void *p = to;
    __asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n)::"memory");
    return to;
}
void *base__own_memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to - (uintptr_t)from >= n) return base__own_memcpy(to, from, n);
    for (size_t i = n; i-- > 0;) ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *base__own_memset(void *to, int c, size_t n)
{
    void *p = to;
    __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(c) : "memory");
    return to;
}
int base__own_memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;
    for (; n; n--, p++, q++)
        if (*p != *q) return *p - *q;
    return 0;
}
void *base__own_memchr(const void *p, int c, size_t n)
{
    for (const unsigned char *q = p; n; n--, q++)
        if (*q == (unsigned char)c) return (void *)q;
    return NULL;
}
size_t base__own_strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) n++;
    return n;
}
int base__own_strcmp(const char *a, const char *b)
{
    while (*a && *a == *b) a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}
char *base__own_stpcpy(char *to, const char *from)
{
    while ((*to = *from)) to++, from++;
    return to;
}
char *base__own_strcpy(char *to, const char *from)
{
    base__own_stpcpy(to, from);
    return to;
}
char *base__own_strncpy(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = *from;
        if (*from) from++;
    }
    return to;
}
char *base__own_strrchr(const char *s, int c)
{
    const char *found = NULL;
    do
        if (*s == (char)c) found = s;
    while (*s++);
    return (char *)found;
}
char *base__own_strerror(int error)
{
    (void)error;
    return "system call failed"; // libunwind only prints it in its debugging builds
}
