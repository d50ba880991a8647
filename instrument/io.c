// io.c: reading and writing through descriptors: which memory is touched, and what orders one thread after another.
//
// POSIX does not call read and write synchronisation, but what came out of a pipe was put into it before, and
// programs rely on that: what a thread did before it wrote is ordered before what a thread does after it read. One
// sync object stands for a pipe (both ends have its inode number), one for all sockets (the other end is another
// inode), one for each other descriptor that is an object of its own (eventfd, epoll: by number). Regular files,
// terminals and devices order nothing, or every program that logs would have no races. io_sync=0 turns it off.
//
// A release comes before the real call, an acquire after one that succeeded. The kinds are asked of the kernel each
// time: one fstat by a raw system call, so that no dup, close or inherited descriptor can be missed.
#include "instrument/blocking.h"

#include <limits.h>
#include <sys/stat.h>

#include "base/flags.h"
#include "base/sys.h"

// Sync objects are named by addresses; ours are named by these words. Two that share one are ordered too often.
enum { NAMES = 4096 };
static uint64_t names[NAMES];

// The sync object of a descriptor; 0: none.
static uintptr_t object_of(int fd)
{
    struct stat st;
    if (!base_flags.io_sync || sys_call2(SYS_fstat, fd, &st) != 0) return 0;
    uint64_t number;
    switch (st.st_mode & S_IFMT) {
    case S_IFIFO: number = 1 + st.st_ino; break;
    case S_IFSOCK: number = 0; break;
    case 0: number = ~(uint64_t)fd; break; // an anonymous inode
    default: return 0;
    }
    return (uintptr_t)&names[number == 0 ? 0 : 1 + number * 0x9e3779b97f4a7c15u % (NAMES - 1)];
}
static void releases(struct det_strand *s, uintptr_t pc, int fd)
{
    const uintptr_t object = s == &det_nobody ? 0 : object_of(fd);
    if (object) det_release(s, pc, object, 0);
}
// The call's result says whether it did anything; errno is not touched.
static void acquires(struct det_strand *s, uintptr_t pc, int fd, ssize_t result)
{
    const uintptr_t object = s == &det_nobody || result < 0 ? 0 : object_of(fd);
    if (object) det_acquire(s, pc, object, 0);
}
static void touch(struct det_strand *s, uintptr_t pc, const void *p, ssize_t n, enum det_kind kind)
{
    if (n > 0) det_range(s, pc, (uintptr_t)p, (size_t)n, kind);
}
// The first n bytes of what the vector names.
static void touch_vector(struct det_strand *s, uintptr_t pc, const struct iovec *v, size_t count, ssize_t n,
                         enum det_kind kind)
{
    for (size_t i = 0; i < count && n > 0; n -= (ssize_t)v[i++].iov_len)
        touch(s, pc, v[i].iov_base, (ssize_t)v[i].iov_len < n ? (ssize_t)v[i].iov_len : n, kind);
}

#define IN(type, name, params, args, buffer)                                                                           \
    INTERFACE type name params                                                                                         \
    {                                                                                                                  \
        struct det_strand *s = ins_self();                                                                             \
        const uintptr_t pc = CALLER_PC;                                                                                \
        const type n = INS_BLOCKING(false, REAL(name) args);                                                           \
        acquires(s, pc, fd, n);                                                                                        \
        buffer;                                                                                                        \
        return n;                                                                                                      \
    }
#define OUT(type, name, params, args, buffer) OUT_BY(INS_BLOCKING(false, REAL(name) args), type, name, params, buffer)
#define OUT_SOON(type, name, params, args)    OUT_BY(REAL(name) args, type, name, params, (void)0) // does not sleep
#define OUT_BY(call, type, name, params, buffer)                                                                       \
    INTERFACE type name params                                                                                         \
    {                                                                                                                  \
        struct det_strand *s = ins_self();                                                                             \
        const uintptr_t pc = CALLER_PC;                                                                                \
        buffer;                                                                                                        \
        releases(s, pc, fd);                                                                                           \
        return call;                                                                                                   \
    }
#define TO(p)   touch(s, pc, p, n, DET_WRITE)
#define FROM(p) touch(s, pc, p, (ssize_t)size, DET_READ)
IN(ssize_t, read, (int fd, void *p, size_t size), (fd, p, size), TO(p))
IN(ssize_t, __read_chk, (int fd, void *p, size_t size, size_t room), (fd, p, size, room), TO(p))
IN(ssize_t, recv, (int fd, void *p, size_t size, int flags), (fd, p, size, flags), TO(p))
IN(ssize_t, __recv_chk, (int fd, void *p, size_t size, size_t room, int flags), (fd, p, size, room, flags), TO(p))
IN(ssize_t, recvfrom, (int fd, void *p, size_t size, int flags, struct sockaddr *a, socklen_t *l),
   (fd, p, size, flags, a, l), TO(p))
IN(ssize_t, __recvfrom_chk, (int fd, void *p, size_t size, size_t room, int flags, struct sockaddr *a, socklen_t *l),
   (fd, p, size, room, flags, a, l), TO(p))
IN(ssize_t, readv, (int fd, const struct iovec *v, int count), (fd, v, count),
   touch_vector(s, pc, v, (size_t)count, n, DET_WRITE))
IN(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags),
   touch_vector(s, pc, m->msg_iov, m->msg_iovlen, n, DET_WRITE))
IN(int, eventfd_read, (int fd, eventfd_t *value), (fd, value), (void)0)
IN(int, accept, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l), (void)0)
IN(int, accept4, (int fd, struct sockaddr *a, socklen_t *l, int flags), (fd, a, l, flags), (void)0)
IN(int, epoll_wait, (int fd, struct epoll_event *e, int max, int ms), (fd, e, max, ms), (void)0)
IN(int, epoll_pwait, (int fd, struct epoll_event *e, int max, int ms, const sigset_t *m), (fd, e, max, ms, m), (void)0)

INTERFACE ssize_t write(int fd, const void *p, size_t size)
{
    struct det_strand *s = ins_self();
    const uintptr_t pc = CALLER_PC;
    FROM(p);
    releases(s, pc, fd);
    const ssize_t n = INS_BLOCKING(false, REAL(write)(fd, p, size));
    if (n > 0) ins_testname_written(fd, p, (size_t)n); // the kernel could read it, so it can be looked at
    return n;
}
OUT(ssize_t, send, (int fd, const void *p, size_t size, int flags), (fd, p, size, flags), FROM(p))
OUT(ssize_t, sendto, (int fd, const void *p, size_t size, int flags, const struct sockaddr *a, socklen_t l),
    (fd, p, size, flags, a, l), FROM(p))
OUT(ssize_t, writev, (int fd, const struct iovec *v, int count), (fd, v, count),
    touch_vector(s, pc, v, (size_t)count, SSIZE_MAX, DET_READ))
OUT(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags),
    touch_vector(s, pc, m->msg_iov, m->msg_iovlen, SSIZE_MAX, DET_READ))
OUT(int, eventfd_write, (int fd, eventfd_t value), (fd, value), (void)0)
OUT(int, connect, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l), (void)0)
OUT_SOON(int, shutdown, (int fd, int how), (fd, how))
OUT_SOON(int, close, (int fd), (fd)) // the other end reads the end of the stream
OUT_SOON(int, epoll_ctl, (int fd, int op, int on, struct epoll_event *e), (fd, op, on, e))
