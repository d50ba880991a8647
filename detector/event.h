// detector/event.h: everything that happens to a program enters the detector here.
//
// Each function takes the strand it happens to, and the pc where there is one (the address of the instruction
// after the call or access, as __builtin_return_address(0) gives it). None asks which thread it runs on, so a
// recorded stream of events, fed by one thread, gives the verdicts that the threads themselves would have got.
// None blocks on anything of the program's, allocates by the program's malloc, or touches errno.
//
// Who may call: for one strand, one thread at a time. Different strands, any threads at once. A call that
// arrives for a strand that is already inside the detector (a signal handler) is dropped and counted.
//
// Sources: FastTrack (Flanagan, Freund, PLDI 2009) for races; Pearce, Kelly (JEA 2007) for lock-order cycles.
#ifndef DETECTOR_EVENT_H
#define DETECTOR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct det_strand;

// ---- the detector's own life -------------------------------------------------------------------------------

struct det_config {
    uint32_t stamp_limit;  // stamps before the first sweep; 0: 64 Ki (1 MiB)
    uint32_t max_time;     // the last time of a slot; 0: 2^32 - 2. The oracle runs with 7
    bool report_races;     // look at accesses
    bool detect_deadlocks; // keep the lock-order graph
    bool report_atomic_races;
    bool memory_model_c20; // a release sequence is not continued by the releasing strand's own plain stores
};

struct det_report;
// Takes each finding, before merging; runs on the strand that found it, outside every detector lock, with the
// strand marked as inside the detector. The report lives until it returns.
typedef void det_sink(struct det_report *r, void *ctx);

// Starts the detector. Once per process, except in tests, which may det_reset() first.
void det_init(const struct det_config *cfg, det_sink *sink, void *ctx);
// Forgets everything, for tests: no strand may be alive in another thread.
void det_reset(void);

// ---- strands -----------------------------------------------------------------------------------------------

// A new strand, created by parent (NULL: the first strand, or a thread that nobody we know created). What parent
// did so far is ordered before what the child does. The creation stack is taken here.
struct det_strand *det_strand_create(struct det_strand *parent, uintptr_t pc);
// The child's first event, on its own thread. tid is for reports; [stack_lo, stack_hi) is its stack (0, 0: unknown).
void det_strand_start(struct det_strand *s, int tid, uintptr_t stack_lo, uintptr_t stack_hi);
// The name shown in reports; copied, at most 63 bytes.
void det_strand_name(struct det_strand *s, const char *name);
// The strand's last event: a release to whoever joins it. s stays valid until it is joined or detached.
void det_strand_finish(struct det_strand *s);
// s begins to wait, without a time-out, for child to finish, and does nothing else until then; child NULL: it gave up.
// A sweep may take it that s will know what child knows (sweep.c).
void det_strand_await(struct det_strand *s, struct det_strand *child);
// child has finished and s has waited for it: all child did is ordered before what s does next. Frees child.
void det_strand_join(struct det_strand *s, uintptr_t pc, struct det_strand *child);
// Nobody will join child (which may still run). Frees it, at its finish if that is still to come.
void det_strand_detach(struct det_strand *s, struct det_strand *child);
// The child could not be started after all; or, a light one that nobody carries, it never goes on. Frees it.
void det_strand_abandon(struct det_strand *s, struct det_strand *child);
// A strand that comes in hundreds of thousands, a goroutine: small, quickly made, and never joined or detached: its finish frees it.
// goid: what reports call it, not 0. In its finish its stack's memory becomes fresh. tid in det_strand_start is 0.
struct det_strand *det_strand_create_light(struct det_strand *parent, uintptr_t pc, uint64_t goid);
// Who s is and where, called at pc; and that a light child which has not begun was asked for there, and only made by its creator:
// so reports say. Orders nothing.
uint64_t det_strand_origin(struct det_strand *s, uintptr_t pc);
void det_strand_created_by(struct det_strand *child, uint64_t origin);
// s, a light strand that no other thread carries, is carried from now on by the thread whose own strand is `thread` (s ==
// thread: it carries none). Events of a light strand come only while it is carried; its finish ends that. Orders nothing.
// The thread's own strand is idle from then on until its next det_acquire: a sweep takes it that it will know by then what the
// strands that live know, or else all that a program did would be kept for threads that only carry.
void det_strand_carry(struct det_strand *thread, struct det_strand *s);
// Where the thread keeps its thread-local variables. Strands that it carries touch them one after the other: what
// they did before that is ordered.
void det_strand_thread_locals(struct det_strand *thread, uintptr_t lo, uintptr_t hi);
bool det_strand_inside(const struct det_strand *s); // it is at work in the detector now: async-signal-safe
uint32_t det_strand_id(const struct det_strand *s); // 0 is the main strand, then 1, 2, ... in order of creation

// ---- memory accesses (the same-epoch test is in event_inline.h) ----------------------------------------------

enum det_kind { // what an access is; bit 0 says that it writes, bit 1 that it is atomic
    DET_READ = 0,
    DET_WRITE = 1,
    DET_ATOMIC_READ = 2,
    DET_ATOMIC_WRITE = 3,
};
// size 1 to 16, any alignment.
void det_access_slow(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind);
// Any size: memcpy, memset, read(2), struct copies. One access for the report.
void det_range(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind);

// ---- functions (det_func_enter/exit are in event_inline.h) ---------------------------------------------------

// Forget the frames whose stack address is below sp: a longjmp went past them.
void det_func_unwind(struct det_strand *s, uintptr_t sp);

// ---- ignoring: accesses between begin and end are not looked at; nests ---------------------------------------

void det_ignore_begin(struct det_strand *s);
void det_ignore_end(struct det_strand *s);

// ---- atomics -------------------------------------------------------------------------------------------------
// begin takes the object's lock; the caller does the operation; end does the clock work and drops the lock, so a
// load acquires exactly what it read. Nothing else may happen to the strand in between. Orders are the
// __ATOMIC_* constants (consume counts as acquire). A failed compare-exchange is a DET_OP_LOAD of the failure order.
// A relaxed load is no exception: what it read is kept for a later acquire fence.

enum det_op { DET_OP_LOAD, DET_OP_STORE, DET_OP_RMW };
struct det_atomic {
    void *object; // the detector's own
    uintptr_t pc, addr;
    uint32_t size;
};
void det_atomic_begin(struct det_strand *s, uintptr_t pc, uintptr_t addr, uint32_t size, struct det_atomic *op);
void det_atomic_end(struct det_strand *s, struct det_atomic *op, enum det_op what, int order);
void det_fence(struct det_strand *s, uintptr_t pc, int order);

// ---- acquire and release on any sync object, named by an address --------------------------------------------

enum det_sync_flags {
    DET_MUST =
        1, // no schedule could have reordered this edge (a post to the wait it released): feeds the must clock too
    DET_SET = 2, // release: what earlier releases left is replaced, not joined
};
void det_acquire(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags);
void det_release(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags);
// An acquire, and a release that replaces: a place that one strand after the other passes through.
void det_pass(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags);
// The object is gone or made anew; its clock is forgotten.
void det_sync_destroy(struct det_strand *s, uintptr_t pc, uintptr_t addr);

// ---- locks ---------------------------------------------------------------------------------------------------

enum det_lock_flags {
    // at create
    DET_LOCK_RW = 1,
    DET_LOCK_RECURSIVE = 2,
    DET_LOCK_SPIN = 4,
    DET_LOCK_STATIC = 8, // exists without create and survives the end of the program
    // at request, acquired, release
    DET_LOCK_READ = 16, // shared mode
    DET_LOCK_TRY = 32,  // try and timed forms: cannot wait for ever, so no edge into this lock
    DET_LOCK_COND = 64, // released or taken again by a condition wait
};
void det_lock_create(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags);
void det_lock_destroy(struct det_strand *s, uintptr_t pc, uintptr_t addr);
// Before it may block: adds the lock-order edges from what s holds, and reports a cycle that they close.
void det_lock_request(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags);
// The lock is held now. A lock seen here first is created here. Nested takings of a recursive lock count.
void det_lock_acquired(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags);
// Before the real release.
void det_lock_release(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags);
// The previous owner of a robust mutex died; s has it now (after det_lock_acquired).
void det_lock_repair(struct det_strand *s, uintptr_t pc, uintptr_t addr);

// ---- condition variables, barriers ---------------------------------------------------------------------------
// The caller reports the mutex's release and acquisition itself (with DET_LOCK_COND). wait_begin comes before
// that release, wait_end (any outcome) before the request and the acquisition: the waiter was woken, and then wanted the
// mutex. A signal that finds nobody waiting orders nothing.

void det_cond_wait_begin(struct det_strand *s, uintptr_t pc, uintptr_t cond);
void det_cond_wait_end(struct det_strand *s, uintptr_t pc, uintptr_t cond, bool woken);
void det_cond_signal(struct det_strand *s, uintptr_t pc, uintptr_t cond, bool all);
void det_cond_destroy(struct det_strand *s, uintptr_t pc, uintptr_t cond);

void det_barrier_init(struct det_strand *s, uintptr_t pc, uintptr_t addr, uint32_t count);
// Before the real wait; the token goes to det_barrier_leave, after it.
uint64_t det_barrier_enter(struct det_strand *s, uintptr_t pc, uintptr_t addr);
void det_barrier_leave(struct det_strand *s, uintptr_t pc, uintptr_t addr, uint64_t token);
void det_barrier_destroy(struct det_strand *s, uintptr_t pc, uintptr_t addr);

// ---- memory's life -------------------------------------------------------------------------------------------

// After the allocator returned the block: it counts as written by the allocation.
void det_alloc(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size);
// Before the allocator takes the block back: a write to all of it. False when addr is no live block we know.
bool det_free(struct det_strand *s, uintptr_t pc, uintptr_t addr);
// Fresh or vanished mappings, thread stacks: nothing that happened there before counts any more. Also forgets
// locks and sync objects inside.
void det_unmap(struct det_strand *s, uintptr_t addr, size_t size);

// ---- the end -------------------------------------------------------------------------------------------------

struct det_stats {
    uint64_t races, lock_cycles; // before merging
    uint64_t sweeps, sweep_ns, stamps, records, clocks, sites, sync_objects, locks, strands;
    uint64_t dropped_in_handler; // events that came while the strand was inside the detector
    uint64_t given_up;           // accesses not looked at because something was full
    uint64_t bytes;              // all memory the detector holds, shadow included
};
void det_stats_read(struct det_stats *out);

#endif
