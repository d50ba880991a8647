// io.c: rv_read, rv_write and their kin; net.c has what only sockets do.
//
// Every call is attempted in a way that cannot block, whatever the description's O_NONBLOCK says, and waits in
// netpoll.c only when it would have:
//   a socket         MSG_DONTWAIT
//   anything else    RWF_NOWAIT; where the kernel does not have it for this kind of file (terminals; pipes before Linux
//                    6.4): poll, and if that says ready, the plain call. Another process may be faster; then this
//                    thread blocks, between rv_syscall_enter and _exit, and no other goroutine does. Of a pipe that is
//                    ready to be written 4,096 bytes are taken.
//   regular files    the plain call at once, between the same
// What epoll refuses (EPERM) is always ready, or at any rate not worth waiting for: the plain call, again.
// Which kind a descriptor is gets remembered as a hint. When the number has been reused behind our back the hint is
// wrong, and every way still works: ENOTSOCK leads from the first to the second, which serves sockets too.
// A call remembers the life of its descriptor from its beginning: rv_close ends it at whatever stage it is.
#include "runtime/io.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "runtime/ctx.h"
#include "runtime/feed.h"
#include "runtime/netpoll.h"
#include "runtime/rt.h"
#include "runtime/time.h"

enum { PIPE_CHUNK = 4096, NOWAIT = 8 /* RWF_NOWAIT */ };

// ---- attempt, wait, attempt again ----------------------------------------------------------------------------------

int rv__poll_now(int fd, int sides)
{
    struct pollfd p = {fd, (short)((sides & RV_READ ? POLLIN | POLLRDHUP : 0) | (sides & RV_WRITE ? POLLOUT : 0)), 0};
    const struct timespec none = {0, 0};
    if (fd < 0) return -EBADF; // poll overlooks it
    const long n = sys_call6(SYS_ppoll, (long)&p, 1, (long)&none, 0, 0, 0);
    if (n <= 0) return n == -EINTR ? 0 : (int)n;
    if (p.revents & POLLNVAL) return -EBADF;
    const int both = p.revents & (POLLERR | POLLHUP) ? RV_READ | RV_WRITE : 0;
    const int ready = (p.revents & (POLLIN | POLLRDHUP) ? RV_READ : 0) | (p.revents & POLLOUT ? RV_WRITE : 0);
    return (ready | both) & sides;
}
long rv__io_run(struct rv__io *io)
{
    for (;;) {
        const bool had = io->skipped;
        long r = io->attempt(io);
        const bool skipped = io->skipped && !had; // this time
        if (r == RV__IO_UNSURE) {                 // it cannot be attempted: is it ready?
            const int sides = rv__poll_now(io->fd, io->side);
            if (sides < 0) return sides;
            if (sides) r = RV__IO_BLOCK;
        }
        if (r == -EINTR) continue;
        if (r == RV__IO_BLOCK) return rv__io_block(io);
        if (r != -EAGAIN && r != RV__IO_UNSURE) return r;
        r = rv__fd_wait(io->fd, io->side, io->life, RV__NEVER, r == -EAGAIN && !skipped, io->ctx);
        if (r == -EPERM) return rv__io_block(io);
        if (r == -ETIMEDOUT && io->skipped) { // what can be had without waiting is had, whatever the deadline
            r = io->attempt(io);
            return r == -EAGAIN ? -ETIMEDOUT : r;
        }
        if (r < 0) return r;
    }
}
long rv__io_block(struct rv__io *io)
{
    long r;
    rv_syscall_enter();
    do r = io->block(io);
    while (r == -EINTR);
    rv_syscall_exit();
    return r;
}
// fd is no socket: what is it?
static uint32_t look_closer(int fd)
{
    struct stat st;
    if (sys_call2(SYS_fstat, fd, &st) < 0) return 0;
    const bool file = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode);
    const uint32_t hints = file ? RV__FD_FILE | RV__FD_OTHER : RV__FD_OTHER;
    rv__fd_hint(fd, hints);
    return hints;
}

// ---- reading and writing -------------------------------------------------------------------------------------------

static long no_wait(long nr, const struct rv__io *io)
{
    const long r = sys_call6(nr, io->fd, (long)io->iov, io->n, -1, -1, NOWAIT);
    return r == -EOPNOTSUPP || r == -ENOSYS ? RV__IO_UNSURE : r;
}
// A reader that answers requests comes too early each time: the first attempt is a system call in vain. After DRY of
// those it is left out, but for one in 16. Arming looks whether there is something to read, so what there is comes by a
// detour only.
enum { DRY = 8, DRY_AGAIN = DRY + 16 };
static bool skip(struct rv__io *io, uint32_t hints)
{
    if (io->attempted || hints < DRY * RV__FD_DRY || hints >= DRY_AGAIN * RV__FD_DRY) return false;
    rv__fd_hint(io->fd, hints + RV__FD_DRY);
    io->attempted = true;
    return io->skipped = true;
}
// A TCP socket's recvmsg tells from now on whether something is left: 0.4 us each, against an epoll_ctl or an attempt in
// vain at the next read, 1.3 us.
COLD static void ask_what_is_left(int fd, uint32_t kind)
{
    const int on = 1;
    const bool ok = sys_call6(SYS_setsockopt, fd, SOL_TCP, TCP_INQ, (long)&on, sizeof on, 0) == 0;
    rv__fd_hint(fd, DRY * RV__FD_DRY + (ok ? kind | RV__FD_INQ : kind & ~(uint32_t)RV__FD_TCP));
}
static void learn(struct rv__io *io, uint32_t hints, bool dry)
{
    if (io->attempted) return;
    io->attempted = true;
    const uint32_t kind = hints % RV__FD_DRY;
    if (dry && (hints & (RV__FD_TCP | RV__FD_INQ)) == RV__FD_TCP && hints >= (DRY - 1) * RV__FD_DRY)
        ask_what_is_left(io->fd, kind);
    else if (dry)
        rv__fd_hint(io->fd, hints < DRY * RV__FD_DRY ? hints + RV__FD_DRY : kind + DRY * RV__FD_DRY);
    else if (hints != kind)
        rv__fd_hint(io->fd, kind);
}
static bool nothing_left(const struct msghdr *m)
{
    const struct cmsghdr *h = CMSG_FIRSTHDR(m);
    if (!h || h->cmsg_level != SOL_TCP || h->cmsg_type != TCP_CM_INQ) return false;
    int left;
    memcpy(&left, CMSG_DATA(h), sizeof left);
    return left == 0;
}
static long receive(struct rv__io *io, uint32_t hints)
{
    const struct iovec *v = io->iov;
    if (io->n == 1 && !(hints & RV__FD_INQ))
        return sys_call6(SYS_recvfrom, io->fd, (long)v->iov_base, (long)v->iov_len, MSG_DONTWAIT, 0, 0);
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(16)));
    struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)io->n};
    if (!(hints & RV__FD_INQ)) return sys_call3(SYS_recvmsg, io->fd, &m, MSG_DONTWAIT);
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    const uint32_t read = rv__fd_read_begin(io->fd);
    const long r = sys_call3(SYS_recvmsg, io->fd, &m, MSG_DONTWAIT);
    if (r > 0 && nothing_left(&m)) rv__fd_drained(io->fd, read);
    return r;
}
static long try_read(struct rv__io *io)
{
    uint32_t hints = rv__fd_hints(io->fd);
    if (likely(!(hints & RV__FD_OTHER))) {
        if (skip(io, hints)) return -EAGAIN;
        const long r = receive(io, hints);
        learn(io, hints, r == -EAGAIN);
        if (likely(r != -ENOTSOCK)) return r;
        hints = look_closer(io->fd);
    }
    return hints & RV__FD_FILE ? RV__IO_BLOCK : no_wait(SYS_preadv2, io);
}
static long block_read(struct rv__io *io) { return sys_call3(SYS_readv, io->fd, io->iov, io->n); }

static long try_write(struct rv__io *io)
{
    uint32_t hints = rv__fd_hints(io->fd);
    if (likely(!(hints & RV__FD_OTHER))) {
        const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
        struct msghdr m = {.msg_iov = (struct iovec *)io->iov, .msg_iovlen = (size_t)io->n};
        const long r = io->n == 1
                           ? sys_call6(SYS_sendto, io->fd, (long)io->iov->iov_base, (long)io->iov->iov_len, flags, 0, 0)
                           : sys_call3(SYS_sendmsg, io->fd, &m, flags);
        if (likely(r != -ENOTSOCK)) return r;
        hints = look_closer(io->fd);
    }
    return hints & RV__FD_FILE ? RV__IO_BLOCK : no_wait(SYS_pwritev2, io);
}
static long block_write(struct rv__io *io)
{
    if (rv__fd_hints(io->fd) & RV__FD_FILE) return sys_call3(SYS_writev, io->fd, io->iov, io->n);
    const size_t n = io->iov->iov_len;
    return sys_call3(SYS_write, io->fd, io->iov->iov_base, n < PIPE_CHUNK ? n : PIPE_CHUNK);
}
static bool nothing(const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++)
        if (iov[i].iov_len) return false;
    return true;
}
static ssize_t read_some(int fd, const struct iovec *iov, int n, rv_ctx *ctx)
{
    if (n < 0 || n > IOV_MAX) return -EINVAL;
    if (nothing(iov, n)) return sys_call3(SYS_read, fd, NULL, 0); // of a socket, too, 0 and not a wait
    struct rv__io io = {.fd = fd,
                        .side = RV_READ,
                        .life = rv__fd_life(fd),
                        .attempt = try_read,
                        .block = block_read,
                        .iov = iov,
                        .n = n,
                        .ctx = ctx};
    return rv__io_run(&io);
}
ssize_t rv_readv(int fd, const struct iovec *iov, int n)
{
    return rv__feed_fd_in(RV__CALLER, fd, iov, n, read_some(fd, iov, n, NULL));
}
ssize_t rv_read(int fd, void *buf, size_t n)
{
    const struct iovec all = {buf, n};
    return rv__feed_fd_in(RV__CALLER, fd, &all, 1, read_some(fd, &all, 1, NULL));
}

static ssize_t write_all(int fd, const struct iovec *iov, int n, rv_ctx *ctx)
{
    if (n < 0 || n > IOV_MAX) return -EINVAL;
    struct rv__io io = {.fd = fd,
                        .side = RV_WRITE,
                        .life = rv__fd_life(fd),
                        .attempt = try_write,
                        .block = block_write,
                        .iov = iov,
                        .n = n,
                        .ctx = ctx};
    ssize_t total = 0;
    struct iovec rest; // of an element that was written in part
    do {
        const ssize_t r = rv__io_run(&io);
        if (r < 0) return total ? total : r;
        total += r;
        size_t left = (size_t)r;
        for (; n > 0 && left >= io.iov->iov_len; n--) {
            left -= io.iov->iov_len;
            io.iov = ++iov;
        }
        if (n > 0 && left) {
            rest = (struct iovec){(char *)io.iov->iov_base + left, io.iov->iov_len - left};
            io.iov = &rest;
        }
        io.n = io.iov == &rest ? 1 : n;
        if (r == 0) break; // nothing to write, or a device that takes nothing
    } while (n > 0);
    return total;
}
ssize_t rv_writev(int fd, const struct iovec *iov, int n)
{
    if (n > 0 && n <= IOV_MAX) rv__feed_fd_out(RV__CALLER, fd, iov, n);
    return write_all(fd, iov, n, NULL);
}
ssize_t rv_write(int fd, const void *buf, size_t n)
{
    const struct iovec all = {(void *)buf, n};
    rv__feed_fd_out(RV__CALLER, fd, &all, 1);
    return write_all(fd, &all, 1, NULL);
}

long rv__io_ended(rv_ctx *ctx, long r, uintptr_t pc)
{
    if (r == -ECANCELED || r == -ETIMEDOUT) rv__ctx_err(ctx, pc);
    return r;
}
ssize_t rv_read_ctx(rv_ctx *ctx, int fd, void *buf, size_t n)
{
    const struct iovec all = {buf, n};
    const int err = rv__ctx_err(ctx, RV__CALLER);
    if (err) return err;
    return rv__io_ended(ctx, rv__feed_fd_in(RV__CALLER, fd, &all, 1, read_some(fd, &all, 1, ctx)), RV__CALLER);
}
ssize_t rv_write_ctx(rv_ctx *ctx, int fd, const void *buf, size_t n)
{
    const struct iovec all = {(void *)buf, n};
    const int err = rv__ctx_err(ctx, RV__CALLER);
    if (err) return err;
    rv__feed_fd_out(RV__CALLER, fd, &all, 1);
    return rv__io_ended(ctx, write_all(fd, &all, 1, ctx), RV__CALLER);
}

int rv_close(int fd)
{
    rv__feed_fd_out(RV__CALLER, fd, NULL, 0); // the other end reads the end of the stream
    rv__fd_close_begin(fd);
    rv_syscall_enter();
    const long r = sys_call1(SYS_close, fd);
    rv_syscall_exit();
    rv__fd_close_end(fd);
    return r == -EINTR ? 0 : (int)r; // interrupted, and closed all the same
}

int rv_poll(int fd, int sides, int64_t timeout_ns)
{
    if (sides == 0 || (sides & ~(RV_READ | RV_WRITE)) != 0) return -EINVAL;
    const uint32_t life = rv__fd_life(fd);
    const int64_t until = timeout_ns < 0 ? RV__NEVER : rv__after(timeout_ns);
    for (;;) {
        int r = rv__poll_now(fd, sides);
        if (r != 0 || timeout_ns == 0) return r;
        r = rv__fd_wait(fd, sides, life, until, true, NULL);
        if (r == -EPERM) return sides;
        if (r <= 0) return r;
    }
}
