// io.h: how a call on a descriptor runs: attempt, wait, attempt again. io.c has the idea. Outside of a section.
#ifndef RUNTIME_IO_H
#define RUNTIME_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "include/ravel.h"

// What attempt may return beside a result or an error: it cannot tell without blocking; block is the thing to do.
#define RV__IO_UNSURE (-10000L)
#define RV__IO_BLOCK  (-10001L)

struct rv__io {
    int fd, side;                     // RV_READ or RV_WRITE: what to wait for at -EAGAIN
    uint32_t life;                    // rv__fd_life when the call began
    long (*attempt)(struct rv__io *); // never blocks
    long (*block)(struct rv__io *);   // may block
    const struct iovec *iov;
    int n;
    rv_ctx *ctx;             // that ends its waits, or NULL
    bool attempted, skipped; // reading: the first attempt has been made; it was left out
    // net.c's
    int flags;
    struct sockaddr *address;
    socklen_t *address_len, to_len;
};
long rv__io_run(struct rv__io *io);
long rv__io_block(struct rv__io *io); // between rv_syscall_enter and rv_syscall_exit
// For a call with a context, which has returned r: r, which may have come from there.
long rv__io_ended(rv_ctx *ctx, long r, uintptr_t pc);
int rv__poll_now(int fd, int sides); // which of the sides are ready; 0: none

#endif
