// net.c: what only sockets do: accept, connect, listen, dial, and messages with addresses. io.c has how calls wait.
//
// Sockets that are made here are non-blocking and close-on-exec, and TCP ones without Nagle's delay, as in Go. Those
// that the program made keep their mode: accept4 and connect know no MSG_DONTWAIT, so of a blocking one accept polls
// first, and connect blocks its thread between rv_syscall_enter and _exit.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "base/sys.h"
#include "runtime/ctx.h"
#include "runtime/feed.h"
#include "runtime/io.h"
#include "runtime/netpoll.h"
#include "runtime/rt.h"

// ---- messages ------------------------------------------------------------------------------------------------------

static long try_recvfrom(struct rv__io *io)
{
    return sys_call6(SYS_recvfrom, io->fd, (long)io->iov->iov_base, (long)io->iov->iov_len, io->flags | MSG_DONTWAIT,
                     (long)io->address, (long)io->address_len);
}
static long try_sendto(struct rv__io *io)
{
    return sys_call6(SYS_sendto, io->fd, (long)io->iov->iov_base, (long)io->iov->iov_len,
                     io->flags | MSG_DONTWAIT | MSG_NOSIGNAL, (long)io->address, io->to_len);
}
// Attempts once when the caller asked for that, else waits; whole: until all bytes have passed.
static ssize_t pass(struct rv__io *io, struct iovec *left, bool whole)
{
    ssize_t total = 0;
    do {
        ssize_t r;
        if (io->flags & MSG_DONTWAIT)
            while ((r = io->attempt(io)) == -EINTR) {}
        else
            r = rv__io_run(io);
        if (r <= 0) return total ? total : r;
        total += r;
        left->iov_base = (char *)left->iov_base + r;
        left->iov_len -= (size_t)r;
    } while (whole && left->iov_len);
    return total;
}
static int option(int fd, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    const long r = sys_call6(SYS_getsockopt, fd, SOL_SOCKET, name, (long)&value, (long)&len, 0);
    return r < 0 ? (int)r : value;
}
static ssize_t receive(int fd, struct iovec iov, int flags, struct sockaddr *from, socklen_t *from_len, rv_ctx *ctx)
{
    struct rv__io io = {.fd = fd, .side = RV_READ, .life = rv__fd_life(fd), .attempt = try_recvfrom, .iov = &iov};
    io.flags = flags, io.address = from, io.address_len = from_len, io.ctx = ctx;
    const bool whole = (flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL && option(fd, SO_TYPE) == SOCK_STREAM;
    return pass(&io, &iov, whole);
}
ssize_t rv_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *from_len)
{
    const struct iovec all = {buf, n};
    return rv__feed_fd_in(RV__CALLER, fd, &all, 1, receive(fd, all, flags, from, from_len, NULL));
}
ssize_t rv_recvfrom_ctx(rv_ctx *ctx, int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *from_len)
{
    const struct iovec all = {buf, n};
    const int err = rv__ctx_err(ctx, RV__CALLER);
    if (err) return err;
    const ssize_t r = rv__feed_fd_in(RV__CALLER, fd, &all, 1, receive(fd, all, flags, from, from_len, ctx));
    return rv__io_ended(ctx, r, RV__CALLER);
}
static ssize_t deliver(int fd, struct iovec iov, int flags, const struct sockaddr *to, socklen_t to_len, rv_ctx *ctx)
{
    struct rv__io io = {.fd = fd, .side = RV_WRITE, .life = rv__fd_life(fd), .attempt = try_sendto, .iov = &iov};
    io.flags = flags, io.address = (struct sockaddr *)to, io.to_len = to_len, io.ctx = ctx;
    return pass(&io, &iov, !(flags & MSG_DONTWAIT)); // only a stream passes a part
}
ssize_t rv_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t to_len)
{
    const struct iovec all = {(void *)buf, n};
    rv__feed_fd_out(RV__CALLER, fd, &all, 1);
    return deliver(fd, all, flags, to, to_len, NULL);
}
ssize_t rv_sendto_ctx(rv_ctx *ctx, int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    const struct iovec all = {(void *)buf, n};
    const int err = rv__ctx_err(ctx, RV__CALLER);
    if (err) return err;
    rv__feed_fd_out(RV__CALLER, fd, &all, 1);
    return rv__io_ended(ctx, deliver(fd, all, flags, to, to_len, ctx), RV__CALLER);
}

// ---- accept and connect --------------------------------------------------------------------------------------------

static long block_accept(struct rv__io *io)
{
    return sys_call4(SYS_accept4, io->fd, io->address, io->address_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
static long try_accept(struct rv__io *io)
{
    if (rv__fd_hints(io->fd) & RV__FD_OURS) return rv__io_block(io); // does not, but for a hint that is wrong
    if (option(io->fd, SO_ACCEPTCONN) == 0) return -EINVAL;          // it would never become ready
    return RV__IO_UNSURE;
}
static long accept_one(int fd, struct sockaddr *from, socklen_t *from_len, rv_ctx *ctx)
{
    struct rv__io io = {
        .fd = fd, .side = RV_READ, .life = rv__fd_life(fd), .attempt = try_accept, .block = block_accept};
    io.address = from, io.address_len = from_len, io.ctx = ctx;
    long r;
    do r = rv__io_run(&io);
    while (r == -ECONNABORTED); // that one is gone; others come
    if (r >= 0) rv__fd_made((int)r, RV__FD_OURS | (rv__fd_hints(fd) & RV__FD_TCP));
    return r;
}
int rv_accept(int fd, struct sockaddr *from, socklen_t *from_len)
{
    return (int)rv__feed_fd_in(RV__CALLER, fd, NULL, 0, accept_one(fd, from, from_len, NULL));
}
int rv_accept_ctx(rv_ctx *ctx, int fd, struct sockaddr *from, socklen_t *from_len)
{
    const int err = rv__ctx_err(ctx, RV__CALLER);
    if (err) return err;
    const long r = rv__feed_fd_in(RV__CALLER, fd, NULL, 0, accept_one(fd, from, from_len, ctx));
    return (int)rv__io_ended(ctx, r, RV__CALLER);
}

static long try_connect(struct rv__io *io)
{
    const long r = sys_call3(SYS_connect, io->fd, io->address, io->to_len);
    if (r == -EISCONN && io->flags) return 0;
    io->flags = 1; // the first attempt has been made
    return r == -EINPROGRESS || r == -EALREADY ? -EAGAIN : r;
}
static long block_connect(struct rv__io *io) { return sys_call3(SYS_connect, io->fd, io->address, io->to_len); }
static int connect_to(int fd, const struct sockaddr *to, socklen_t to_len, rv_ctx *ctx)
{
    struct rv__io io = {.fd = fd, .side = RV_WRITE, .life = rv__fd_life(fd), .attempt = try_connect};
    io.address = (struct sockaddr *)to;
    io.to_len = to_len;
    io.ctx = ctx;
    const long mode = sys_call2(SYS_fcntl, fd, F_GETFL);
    if (mode < 0) return (int)mode;
    if (mode & O_NONBLOCK) {
        const long r = sys_call3(SYS_connect, fd, to, to_len);
        if (r != -EINPROGRESS && r != -EINTR)
            return (int)r; // of a Unix socket -EAGAIN: nothing tells when to try again
    } else {
        rv_syscall_enter();
        const long r = block_connect(&io);
        rv_syscall_exit();
        if (r != -EINTR) return (int)r; // interrupted, it goes on by itself
    }
    io.flags = 1;
    const int r = rv__fd_wait(fd, RV_WRITE, io.life, RV__NEVER, true, ctx);
    return r < 0 ? r : (int)rv__io_run(&io);
}
int rv_connect(int fd, const struct sockaddr *to, socklen_t to_len)
{
    rv__feed_fd_out(RV__CALLER, fd, NULL, 0);
    return connect_to(fd, to, to_len, NULL);
}
int rv_connect_ctx(rv_ctx *ctx, int fd, const struct sockaddr *to, socklen_t to_len)
{
    const int err = rv__ctx_err(ctx, RV__CALLER);
    if (err) return err;
    rv__feed_fd_out(RV__CALLER, fd, NULL, 0);
    return (int)rv__io_ended(ctx, connect_to(fd, to, to_len, ctx), RV__CALLER);
}

// ---- listen and dial -----------------------------------------------------------------------------------------------

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};
// 0: host is no numeric address.
static socklen_t to_address(const char *host, int port, union address *a)
{
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
        a->in.sin_family = AF_INET;
        a->in.sin_port = htons((uint16_t)port);
        return sizeof a->in;
    }
    if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) != 1) return 0;
    a->in6.sin6_family = AF_INET6;
    a->in6.sin6_port = htons((uint16_t)port);
    return sizeof a->in6;
}
static int make_socket(int family)
{
    const int fd = (int)sys_call3(SYS_socket, family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fd;
    rv__fd_made(fd, family == AF_UNIX ? RV__FD_OURS : RV__FD_OURS | RV__FD_TCP);
    const int on = 1;
    if (family != AF_UNIX) sys_call6(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, (long)&on, sizeof on, 0);
    return fd;
}
static int listen_at(const union address *a, socklen_t len, int backlog)
{
    const int fd = make_socket(a->any.sa_family), on = 1, off = 0;
    if (fd < 0) return fd;
    if (a->any.sa_family != AF_UNIX) sys_call6(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, (long)&on, sizeof on, 0);
    if (a->any.sa_family == AF_INET6)
        sys_call6(SYS_setsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, (long)&off, sizeof off, 0);
    long r = sys_call3(SYS_bind, fd, a, len);
    if (r == 0) r = sys_call2(SYS_listen, fd, backlog > 0 ? backlog : 4096);
    if (r == 0) return fd;
    rv_close(fd);
    return (int)r;
}
static int bad_port(int port) { return port < 0 || port > 65535; }
int rv_listen_tcp(const char *host, int port, int backlog)
{
    union address a;
    const socklen_t len = to_address(host ? host : "::", port, &a);
    if (len == 0 || bad_port(port)) return -EINVAL;
    const int fd = listen_at(&a, len, backlog);
    if (host || (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL)) return fd;
    return listen_at(&a, to_address("0.0.0.0", port, &a), backlog); // a system without IPv6
}
int rv_listen_unix(const char *path, int backlog)
{
    union address a = {.un = {.sun_family = AF_UNIX}};
    const size_t n = strlen(path);
    if (n == 0) return -EINVAL;
    if (n >= sizeof a.un.sun_path) return -ENAMETOOLONG;
    memcpy(a.un.sun_path, path, n);
    const bool abstract = path[0] == '@';
    if (abstract) a.un.sun_path[0] = 0;
    return listen_at(&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !abstract), backlog);
}
int rv_dial_tcp(const char *host, int port)
{
    union address a;
    const socklen_t len = to_address(host, port, &a);
    if (len == 0 || bad_port(port)) return -EINVAL;
    const int fd = make_socket(a.any.sa_family);
    if (fd < 0) return fd;
    rv__feed_fd_out(RV__CALLER, fd, NULL, 0);
    const int r = connect_to(fd, &a.any, len, NULL);
    if (r == 0) return fd;
    rv_close(fd);
    return r;
}
int rv_local_port(int fd)
{
    union address a;
    socklen_t len = sizeof a;
    const long r = sys_call3(SYS_getsockname, fd, &a, &len);
    if (r < 0) return (int)r;
    if (a.any.sa_family == AF_INET) return ntohs(a.in.sin_port);
    return a.any.sa_family == AF_INET6 ? ntohs(a.in6.sin6_port) : -EAFNOSUPPORT;
}
