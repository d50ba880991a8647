// netpoll.h: goroutines that wait for file descriptors. netpoll.c has the idea and the invariants.
#ifndef RUNTIME_NETPOLL_H
#define RUNTIME_NETPOLL_H

#include <stdbool.h>
#include <stdint.h>

#include "include/ravel.h"

struct rv__glist;

// ---- for the scheduler ---------------------------------------------------------------------------------------------

// Waits up to timeout_ns (0: not at all; < 0: for ever) for ready descriptors, and appends who waits for them to *out.
// Only one M at a time may call it with a time-out other than 0. Inside a section, without a P.
void rv__netpoll(int64_t timeout_ns, struct rv__glist *out);
// Makes a rv__netpoll that waits, or else the next one that would, return at once. Any thread, any time.
void rv__netpoll_break(void);
int64_t rv__netpoll_waiters(void); // goroutines that wait for a descriptor now; 0: nobody need poll
void rv__netpoll_forget(void);     // at the end of rv_run, when no M runs: goroutines that still wait never return
// sysmon's, inside a section: looks after who waits for long, at most ten times a second. True: it wants to be called again.
bool rv__netpoll_check(int64_t now);
extern uint32_t rv__netpoll_old; // atomic: 1: epoll_pwait2 is missing, so waits are of whole milliseconds. Tests set it

// ---- for io.c; outside of a section --------------------------------------------------------------------------------

enum rv__fd_hint {
    RV__FD_OURS = 1,  // a non-blocking socket that we made
    RV__FD_OTHER = 2, // no socket
    RV__FD_FILE = 4,  // a regular file or its like
    RV__FD_TCP = 8,   // one of ours
    RV__FD_INQ = 16,  // of those: TCP_INQ is set
    RV__FD_DRY = 256, // times how often in a row a first attempt to read has come too early
};
// What is known of fd: true of the descriptor that was there last; the caller survives when it is another by now.
uint32_t rv__fd_hints(int fd);
void rv__fd_hint(int fd, uint32_t hints);
// Which life of the number fd this is. Read before the first attempt of a call, for rv__fd_wait.
uint32_t rv__fd_life(int fd);
// A read of fd begins; which one.
uint32_t rv__fd_read_begin(int fd);
// It left nothing: what comes next gives an event.
void rv__fd_drained(int fd, uint32_t read);
// Waits until fd may be ready on one of `sides` (RV_READ, RV_WRITE), at most until `until` (RV__NEVER: for ever). tried: what the
// caller wants has just been attempted in vain.
// Returns the sides, possibly too many; 0: `until` came first. -ETIMEDOUT: the deadline of a side has passed;
// -ECANCELED: `life` was ended by rv_close; -EPERM: it is of a kind that is always ready; -EBADF and the like. Or ctx (NULL: none) is done: its error.
int rv__fd_wait(int fd, int sides, uint32_t life, int64_t until, bool tried, rv_ctx *ctx);
// fd has just been made by us: whatever is left from before is over.
void rv__fd_made(int fd, uint32_t hints);
// Around close(2): ends the life of fd, and everybody's wait in it.
void rv__fd_close_begin(int fd);
void rv__fd_close_end(int fd);

#endif
