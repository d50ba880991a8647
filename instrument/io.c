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
// rv_read, rv_write and their kin come here too (goroutines.c).
#include "instrument/io.h"

#include <sys/stat.h>

#include "base/flags.h"
#include "base/sys.h"
#include "instrument/blocking.h"

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
static void touch_vector(struct det_strand *s, uintptr_t pc, const struct iovec *v, size_t count, size_t n,
                         enum det_kind kind)
{
    for (; count > 0 && n > 0; v++, count--) {
        const size_t size = v->iov_len < n ? v->iov_len : n;
        if (size) det_range(s, pc, (uintptr_t)v->iov_base, size, kind);
        n -= size;
    }
}
void ins_fd_out(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t count)
{
    if (s == &det_nobody) return;
    touch_vector(s, pc, v, count, SIZE_MAX, DET_READ);
    const uintptr_t object = object_of(fd);
    if (object) det_release(s, pc, object, 0);
}
// The call's result says whether it did anything; errno is not touched.
void ins_fd_in(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t count, ssize_t result)
{
    if (s == &det_nobody || result < 0) return;
    const uintptr_t object = object_of(fd);
    if (object) det_acquire(s, pc, object, 0);
    touch_vector(s, pc, v, count, (size_t)result, DET_WRITE);
}

// The last arguments of both: memory by vector, one piece, or none.
#define ONE     (&(const struct iovec){(void *)(uintptr_t)p, size}), 1
#define NOTHING NULL, 0
#define VECTOR  v, (size_t)count
#define MESSAGE m->msg_iov, m->msg_iovlen

#define IN(type, name, params, args, ...)                                                                              \
    INTERFACE type name params                                                                                         \
    {                                                                                                                  \
        struct det_strand *s = ins_self();                                                                             \
        const uintptr_t pc = CALLER_PC;                                                                                \
        const type n = INS_BLOCKING(false, REAL(name) args);                                                           \
        ins_fd_in(s, pc, fd, __VA_ARGS__, n);                                                                          \
        return n;                                                                                                      \
    }
#define OUT(type, name, params, args, ...) OUT_BY(INS_BLOCKING(false, REAL(name) args), type, name, params, __VA_ARGS__)
#define OUT_SOON(type, name, params, args) OUT_BY(REAL(name) args, type, name, params, NOTHING) // does not sleep
#define OUT_BY(call, type, name, params, ...)                                                                          \
    INTERFACE type name params                                                                                         \
    {                                                                                                                  \
        ins_fd_out(ins_self(), CALLER_PC, fd, __VA_ARGS__);                                                            \
        return call;                                                                                                   \
    }
IN(ssize_t, read, (int fd, void *p, size_t size), (fd, p, size), ONE)
IN(ssize_t, __read_chk, (int fd, void *p, size_t size, size_t room), (fd, p, size, room), ONE)
IN(ssize_t, recv, (int fd, void *p, size_t size, int flags), (fd, p, size, flags), ONE)
IN(ssize_t, __recv_chk, (int fd, void *p, size_t size, size_t room, int flags), (fd, p, size, room, flags), ONE)
IN(ssize_t, recvfrom, (int fd, void *p, size_t size, int flags, struct sockaddr *a, socklen_t *l),
   (fd, p, size, flags, a, l), ONE)
IN(ssize_t, __recvfrom_chk, (int fd, void *p, size_t size, size_t room, int flags, struct sockaddr *a, socklen_t *l),
   (fd, p, size, room, flags, a, l), ONE)
IN(ssize_t, readv, (int fd, const struct iovec *v, int count), (fd, v, count), VECTOR)
IN(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), MESSAGE)
IN(int, eventfd_read, (int fd, eventfd_t *value), (fd, value), NOTHING)
IN(int, accept, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l), NOTHING)
IN(int, accept4, (int fd, struct sockaddr *a, socklen_t *l, int flags), (fd, a, l, flags), NOTHING)
IN(int, epoll_wait, (int fd, struct epoll_event *e, int max, int ms), (fd, e, max, ms), NOTHING)
IN(int, epoll_pwait, (int fd, struct epoll_event *e, int max, int ms, const sigset_t *m), (fd, e, max, ms, m), NOTHING)

INTERFACE ssize_t write(int fd, const void *p, size_t size)
{
    ins_fd_out(ins_self(), CALLER_PC, fd, ONE);
    const ssize_t n = INS_BLOCKING(false, REAL(write)(fd, p, size));
    if (n > 0) ins_testname_written(fd, p, (size_t)n); // the kernel could read it, so it can be looked at
    return n;
}
OUT(ssize_t, send, (int fd, const void *p, size_t size, int flags), (fd, p, size, flags), ONE)
OUT(ssize_t, sendto, (int fd, const void *p, size_t size, int flags, const struct sockaddr *a, socklen_t l),
    (fd, p, size, flags, a, l), ONE)
OUT(ssize_t, writev, (int fd, const struct iovec *v, int count), (fd, v, count), VECTOR)
OUT(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), MESSAGE)
OUT(int, eventfd_write, (int fd, eventfd_t value), (fd, value), NOTHING)
OUT(int, connect, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l), NOTHING)
OUT_SOON(int, shutdown, (int fd, int how), (fd, how))
OUT_SOON(int, close, (int fd), (fd)) // the other end reads the end of the stream
OUT_SOON(int, epoll_ctl, (int fd, int op, int on, struct epoll_event *e), (fd, op, on, e))
