// base/hooks.h: the two tables through which the runtime and the detectors know each other.
//
// Neither is needed by the other: libravel_go.a runs without a detector, libravel_rt.a (which `ravel cc` links) without
// goroutines. Where both are in a program the runtime finds ravel_attach, a weak reference of its own, gives its table
// there and gets the detector's. Who has got none calls nothing: one predictable branch a hook.
//
//     runtime/ at rv_run:   hooks = ravel_attach ? ravel_attach(&table) : NULL;
//     at each event:        if (unlikely(hooks)) hooks->acquire(strand, pc, address, flags);
//
// Both archives hold a copy of base/ of their own, hidden from each other; only this header's types are shared. The
// tables are constant, and once given they are good until the process ends.
#ifndef BASE_HOOKS_H
#define BASE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

// ---- what the runtime does for instrument/ -----------------------------------------------------------------------------
// All are called by the thread it is about, with no lock of Ravel's held and not inside a section, and leave errno alone.
// Called for every thread of the program: on a plain thread, and while no rv_run runs, they do nothing.

struct base_runtime {
    uint32_t size; // sizeof(struct base_runtime): two builds that do not match do not meet
    // The calling goroutine is about to make a libc call that may sleep in the kernel (surely: that is its purpose, as
    // with nanosleep). Between begin and end it makes no other call of the runtime's. It may go on in another
    // thread after end, unless it is pinned. Pairs do not nest: inside a pair a second begin does nothing.
    // begin returns whether end is to be called.
    bool (*blocking_begin)(bool surely);
    void (*blocking_end)(void);
    // The calling goroutine has locked / is about to unlock something that belongs to its thread (a pthread mutex, rwlock,
    // spin lock, a FILE): it stays in this thread until it has let go of all. They count.
    void (*pin)(void);
    void (*unpin)(void);
    // The thread's signal mask may have changed: while it is not the one that all threads of the runtime's begin with, the
    // goroutine stays in this thread.
    void (*mask_changed)(void);
    // NULL, both, unless the runtime chooses by a seed who runs when (sched=seed:N). The calling goroutine is about to do something that
    // others may see, an atomic operation or the taking of a lock: perhaps they run first.
    void (*point)(void);
    // It has tried to take a lock that somebody else has: others run, and then it tries again. In the kernel it would keep them
    // from running. False: it may wait in the kernel.
    bool (*give_way)(void);
};

// ---- what the detectors do for the runtime ---------------------------------------------------------------------------
// A goroutine is a strand. pc: the address after the program's call of the rv_ function (__builtin_return_address(0)
// in it). s: the strand of the goroutine, or of the plain thread, that the event happens to; `current` tells. Events of one
// strand come one at a time, from the thread that carries it. None parks, blocks, touches errno, or takes a lock that the
// program's code may hold; all may be called inside a runtime section, except where it says so.
// A strand may be NULL wherever one is passed: then nothing happens.

enum base_order {    // flags of acquire and release
    BASE_MUST = 1,   // no schedule could have ordered these otherwise (a send and its receive), as against an unlock
                     // and the lock that happened to come next
    BASE_REPLACE = 2 // release: what earlier ones left at the address no longer counts
};

enum base_locking {      // flags of the lock events
    BASE_LOCK_RW = 1,    // a lock that readers share, in each event of it
    BASE_LOCK_READ = 16, // shared
    BASE_LOCK_TRY = 32,  // a try that succeeded: it would not have waited
    BASE_LOCK_COND = 64  // let go, or taken again, by a condition wait
};

struct det_strand;
struct base_owned;

struct base_detector {
    uint32_t size; // sizeof(struct base_detector)
    // A strand for a new goroutine, whose creator is the calling thread's current strand: what that did so far happens before what
    // the goroutine does. Nobody joins it. NULL: not to be watched.
    struct det_strand *(*create)(uintptr_t pc, uint64_t goid);
    // Who calls, and from where, for `created_by`.
    uint64_t (*origin)(struct det_strand *s, uintptr_t pc);
    // s, which has not begun, was made in the name of origin, some time ago and by another strand: so reports shall say. Orders nothing.
    void (*created_by)(struct det_strand *s, uint64_t origin);
    // The goroutine, which nobody carries, never runs again, or was not started at all. In its stead come carry, start, ..., finish.
    void (*abandon)(struct det_strand *s);
    void (*name)(struct det_strand *s, const char *name); // copied, at most 31 bytes; any time before the finish
    // The calling thread carries s from now on: what its code does happens to s. NULL: it does its own work (which the
    // program's accesses are not part of). Called by the scheduler, on g0 or in the switch, around each stretch that a
    // goroutine runs, before any code of the program's does; cheap (some ns). Orders nothing.
    void (*carry)(struct det_strand *s);
    // First event of s, which is carried: its stack.
    void (*start)(struct det_strand *s, uintptr_t stack_lo, uintptr_t stack_hi);
    // Last event of s, which is carried: the goroutine's code has ended. The thread carries nobody afterwards, and s is
    // freed. Its stack's memory counts as fresh from here on.
    void (*finish)(struct det_strand *s);
    // The strand of the calling thread: that of the goroutine it carries, or its own.
    struct det_strand *(*current)(void);
    // An address names a sync object. s learns what releases left there; s leaves there what it did so far.
    void (*acquire)(struct det_strand *s, uintptr_t pc, const void *at, int flags);
    void (*release)(struct det_strand *s, uintptr_t pc, const void *at, int flags);
    // An acquire and a release with BASE_REPLACE: a place that one strand after the other passes through.
    void (*pass)(struct det_strand *s, uintptr_t pc, const void *at, int flags);
    void (*sync_destroy)(struct det_strand *s, uintptr_t pc, const void *at); // what was left there is forgotten
    // An address names a lock, for what it orders and for lock orders. s is about to wait for it; has it now (which is the first event
    // of a try); is about to let go of it, before anybody else can have it. Another strand may let go of it than has it.
    void (*lock_request)(struct det_strand *s, uintptr_t pc, const void *at, int how);
    void (*lock_acquired)(struct det_strand *s, uintptr_t pc, const void *at, int how);
    void (*lock_release)(struct det_strand *s, uintptr_t pc, const void *at, int how);
    // s reads / writes memory of the program's on its behalf (channel elements, rv_read's buffer).
    void (*access)(struct det_strand *s, uintptr_t pc, const void *at, size_t size, bool write);
    // A call on the descriptor fd, as libc's of the same name: before it puts out what the n parts of v name (the
    // other end comes after s), and after it returned `result` (not negative: s comes after the other end, and so many bytes went
    // where v says). What has no data, as connect and accept, has n == 0. Not inside a section.
    void (*fd_out)(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t n);
    void (*fd_in)(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t n, ssize_t result);
    // Memory that was handed to another purpose: what happened in it, and objects in it, no longer count.
    void (*forget)(struct det_strand *s, const void *at, size_t size);
    // The thread is inside the detector: a preemption signal only leaves its note. Async-signal-safe.
    bool (*inside)(void);
    // The runtime has found, and reported, n things that are wrong: they count for the exit code. Not inside a section.
    void (*found)(uint32_t n);
    // What the detectors have mapped: nothing in it is the program's.
    const struct base_owned *owned;
};

// instrument/'s. NULL: there is nothing to report to (checking is off, or not for this process). A table of another size than
// the runtime's: they are of different versions, and the runtime ends the process with a line that says so.
const struct base_detector *ravel_attach(const struct base_runtime *runtime);

#endif
