// feed.h: what the runtime tells the detectors, if there are any in the program (base/hooks.h). feed.c has the idea.
#ifndef RUNTIME_FEED_H
#define RUNTIME_FEED_H

#include "base/atomic.h"
#include "base/hooks.h"

struct rv__g;
extern const struct base_detector *rv__feed; // NULL: nobody listens; constant from the first rv_run on

void rv__feed_init(void);
COLD void rv__feed_finish_slow(struct rv__g *g);
COLD void rv__feed_drop(void); // all goroutines that no M runs: they never go on

// In a public function: where the program called it.
#define RV__CALLER ((uintptr_t)__builtin_return_address(0))

// The running strand is inside the detector: it must not be stopped now.
static inline bool rv__feed_inside(void) { return unlikely(rv__feed != NULL) && rv__feed->inside(); }
static inline struct det_strand *rv__feed_create(uintptr_t pc, uint64_t goid)
{
    return unlikely(rv__feed != NULL) ? rv__feed->create(pc, goid) : NULL;
}
// The goroutine's code has ended, or goes no further: its last event, in the thread that carries it.
static inline void rv__feed_finish(struct rv__g *g)
{
    if (unlikely(rv__feed != NULL)) rv__feed_finish_slow(g);
}
// Where a goroutine was asked for that is made later, and by another; that s is one.
static inline uint64_t rv__feed_origin(uintptr_t pc)
{
    return unlikely(rv__feed != NULL) ? rv__feed->origin(rv__feed->current(), pc) : 0;
}
static inline void rv__feed_created_by(struct det_strand *s, uint64_t origin)
{
    if (unlikely(rv__feed != NULL)) rv__feed->created_by(s, origin);
}
// The thread works for s from now on; NULL: for the runtime.
static inline void rv__feed_carry(struct det_strand *s)
{
    if (unlikely(rv__feed != NULL)) rv__feed->carry(s);
}

// What the calling strand did so far, to whoever takes it from there; what others left there. pc: of the program's call.
static inline void rv__feed_put(uintptr_t pc, const void *at)
{
    if (unlikely(rv__feed != NULL)) rv__feed->release(rv__feed->current(), pc, at, BASE_MUST);
}
static inline void rv__feed_get(uintptr_t pc, const void *at)
{
    if (unlikely(rv__feed != NULL)) rv__feed->acquire(rv__feed->current(), pc, at, BASE_MUST);
}
// As put, but what lay there no longer counts: a place that was somebody else's before.
static inline void rv__feed_leave(uintptr_t pc, const void *at)
{
    if (unlikely(rv__feed != NULL)) rv__feed->release(rv__feed->current(), pc, at, BASE_MUST | BASE_REPLACE);
}
// What lay there no longer counts: the object is made anew.
static inline void rv__feed_anew(uintptr_t pc, const void *at)
{
    if (unlikely(rv__feed != NULL)) rv__feed->sync_destroy(rv__feed->current(), pc, at);
}
// Both: a place that one strand after the other passes through.
COLD void rv__feed_pass_slow(uintptr_t pc, const void *at);
static inline void rv__feed_pass(uintptr_t pc, const void *at)
{
    if (unlikely(rv__feed != NULL)) rv__feed_pass_slow(pc, at);
}
// Locks, for races and lock orders. how: enum base_locking. request: before it may wait; release: before the real one.
static inline void rv__feed_lock_request(uintptr_t pc, const void *at, int how)
{
    if (unlikely(rv__feed != NULL)) rv__feed->lock_request(rv__feed->current(), pc, at, how);
}
static inline void rv__feed_lock_acquired(uintptr_t pc, const void *at, int how)
{
    if (unlikely(rv__feed != NULL)) rv__feed->lock_acquired(rv__feed->current(), pc, at, how);
}
static inline void rv__feed_lock_release(uintptr_t pc, const void *at, int how)
{
    if (unlikely(rv__feed != NULL)) rv__feed->lock_release(rv__feed->current(), pc, at, how);
}
static inline void rv__feed_touch(uintptr_t pc, const void *at, size_t n, bool write)
{
    if (unlikely(rv__feed != NULL) && at && n) rv__feed->access(rv__feed->current(), pc, at, n, write);
}
// A call on a descriptor: before it puts out what v names; after it returned r, and put what came where v says.
static inline void rv__feed_fd_out(uintptr_t pc, int fd, const struct iovec *v, int n)
{
    if (unlikely(rv__feed != NULL)) rv__feed->fd_out(rv__feed->current(), pc, fd, v, (size_t)n);
}
static inline ssize_t rv__feed_fd_in(uintptr_t pc, int fd, const struct iovec *v, int n, ssize_t r)
{
    if (unlikely(rv__feed != NULL)) rv__feed->fd_in(rv__feed->current(), pc, fd, v, (size_t)n, r);
    return r;
}
static inline void rv__feed_forget(const void *at, size_t n)
{
    if (unlikely(rv__feed != NULL)) rv__feed->forget(rv__feed->current(), at, n);
}

#endif
