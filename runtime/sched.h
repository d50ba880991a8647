// sched.h: M, P and what they share. For the files of the scheduler itself; the rest of runtime/ needs rt.h only.
//
// Who may have what, and how an M comes to a P:
//   (1) An M that runs a goroutine has a P, except that a goroutine whose P was taken while it was in the kernel goes on
//       without one until it next enters a section; there it waits for one.
//   (2) An M without work and without a P is on the list of idle Ms, or the poller, or spins for work with a P.
//   (3) A P is held by one M, or on the list of idle Ps, or SYSCALL: its M is in the kernel, and whoever changes the
//       status from SYSCALL has it; or RETIRED, which only those from number GOMAXPROCS on are, or soon will be.
//   (4) The list of idle Ps holds none of those (procs.c).
//
// Lost wake-ups. Who makes work (puts a G into a queue, makes a timer the earliest) does it by plain stores and then looks
// whether a P is idle. Who goes idle first says so (puts its P on the list), then calls membarrier, then looks at all queues and
// timers once more, and takes its P back if there is something. Membarrier is the StoreLoad fence that the other side lacks: either
// the maker sees the idle P, or the look comes after the store. Rejected: a fence in every put (as long as the put).
// Work in `next` alone wakes nobody for a while (see wake_for_next): nearly always its P runs it at once. It is not
// lost: sysmon looks at every P that has waiting work at least every 10 ms, and every 20 us at first.
// The poller is one that went idle, too: it says so (poller, poll_until) before the same membarrier, and looks at all queues and
// timers behind it. Who adds a timer that is due before poll_until breaks its wait; so it must never wait for longer than it said,
// even if the timer that it said it by has meanwhile been fired by somebody else. Who has no idle M to wake breaks its
// wait as well (rv__m_start); an M that is on its way to the list of idle ones looks at the idle Ps in the same step in which it
// enters the list, and who wakes takes both in one. Waiters for descriptors need nothing: arming is seen by a wait that has begun.
#ifndef RUNTIME_SCHED_H
#define RUNTIME_SCHED_H

#include <pthread.h>
#include <signal.h>

#include "runtime/rt.h"
#include "runtime/small.h"

enum { RV__MAX_P = 256, RV__G_BLOCK = 64, RV__ID_BATCH = 64 };

struct rv__stall { // stall.c: what should grow, since when it has not, and whether that was said
    uint64_t count;
    int64_t since; // 0: nothing was seen yet
    bool said;
};
struct rv__m {
    struct rv__g *g;        // that runs in it; NULL: on g0. Its own; sysmon and dumps look
    struct rv__p *p;        // atomic: its own, but sysmon takes it from one that sleeps in the kernel
    uint32_t seq;           // atomic: odd inside a section; the M writes
    uint32_t preempt;       // atomic: asked to stop; read at the end of a section; under sched=seed always set
    uint32_t attention;     // atomic: enum rv__attention; read at the beginning of a section
    uint32_t *left;         // on_cpu of the goroutine that it has just left; see rv__arrive
    int *errno_at;          // its thread's errno
    struct rv__context g0;  // where its scheduler goes on
    struct rv__fiber fiber; // g0's
    uint32_t nowhere;       // what left points to when there is nobody to tell
    struct rv__g *picked;   // taken out of the queue by a goroutine that left it to g0
    bool spinning;          // looks for work; counted in rv__sched.spinning
    bool fires;             // atomic: timers, on g0: what they call may be known to its stack alone
    bool end;               // the thread shall end
    bool main;              // the thread that called rv_run
    uint32_t random;        // state of a xorshift
    // Parking of the thread.
    uint32_t wake;           // futex: 1 is a permit
    struct rv__p *next_p;    // handed over with the permit, or NULL
    struct rv__m *idle_next; // guarded by sched.lock
    struct rv__g *locked;    // the goroutine that is locked to the thread (pin.c), or NULL
    // For sysmon and signals.
    int tid; // atomic: 0: no thread
    pthread_t thread;
    const void *interrupted; // atomic: ucontext_t, while it waits inside the handler of preemption
    struct rv__stall stall;  // sysmon's
    struct rv__g hidden;     // of a plain thread: its G
    struct rv__m *all_next;  // constant once in the list
} __attribute__((aligned(64)));

enum rv__attention {
    RV__CALM,
    RV__TAKING,    // sysmon is about to take the P: wait until it has, or has not
    RV__TAKEN,     // it has none: wait for one, in place
    RV__IN_KERNEL, // between rv_syscall_enter and _exit
    RV__DROPPED,   // rv_run is over: the goroutine goes no further
    RV__FORKED,    // in the child of a fork
};

// SYSCALL carries its M: (uintptr_t)m | RV__P_SYSCALL, so that an M which comes back knows its own.
enum rv__p_status { RV__P_IDLE, RV__P_RUNNING, RV__P_SYSCALL, RV__P_RETIRED, RV__P_STATUS = 3 };

struct rv__bundle { // of free Gs, linked by next
    struct rv__g *head;
    uint32_t n;
};
enum { RV__CHUNK = 126 < RUNQ_SIZE / 2 ? 126 : RUNQ_SIZE / 2 };
struct rv__chunk { // a part of a ring that was full. Pointers, so that moving it touches none of the Gs: 1 KiB
    struct rv__chunk *next;
    uint32_t at, n; // gs[at, n) are left
    struct rv__g *gs[RV__CHUNK];
};
struct rv__chunks { // first in, first out
    struct rv__chunk *first, *last;
};
struct rv__watched { // what sysmon saw of a P, and since when
    uint32_t tick;
    uint64_t calls;
    int64_t tick_at, call_at, work_at; // work_at: since when it has had work waiting; 0: none
};
struct rv__p {
    struct rv__runq runq;
    // The holder's.
    uint32_t tick;                 // atomic: goroutines run; sysmon compares
    struct rv__bundle free, spare; // Gs
    rv_gid id_next, id_end;
    struct rv__stack_cache stacks;
    struct rv__small_cache small;
    uint64_t woke_at;       // cycles, when it last woke an M for work in `next`
    int64_t created, ended; // atomic: goroutines; summed over all Ps
    struct rv__timers timers;
    // Shared.
    uintptr_t status __attribute__((aligned(64))); // atomic, enum rv__p_status
    struct rv__m *m;                               // atomic: the holder
    uint32_t index;                                // constant
    uint64_t calls;                                // atomic: system calls begun; the holder writes
    struct rv__p *idle_next;                       // guarded by sched.lock
    struct rv__watched watched;                    // sysmon's
};

struct rv__sched {
    // Read by every wake-up, written when an M goes idle or comes back.
    uint32_t idle_ps;  // atomic: length of the list; changed under lock
    uint32_t spinning; // atomic: Ms that look for work
    uint32_t
        hint; // atomic: 1 + index of a P with something to steal; spinning Ms look at it, and at nothing else for a while
    uint32_t global_n; // atomic: length of the global queue, in all its parts; changed under lock
    uint32_t begun_n;  // atomic: of those, how many are not in `fresh`
    uint32_t stopping; // atomic: rv_run is about to return: nobody picks a goroutine any more
    uint32_t
        serve; // atomic: urgent ones have waited for too long: who goes into the kernel gives its P to them at once
    int procs; // atomic: GOMAXPROCS
    struct rv__lock lock __attribute__((aligned(64))); // guards what follows
    struct rv__glist global;                           // run queue: what came from outside, or was preempted
    struct rv__glist urgent; // before that: what came back from the kernel, was woken without a P, or came from outside
    uint32_t turn;
    int64_t urgent_since; // atomic: since when one of them has waited, or sysmon has made room for them
    struct rv__chunks spilled,
        fresh; // after that: what rings had no room for; and what the stacks of those that have not begun had not
    struct rv__p *idle_p;
    struct rv__m *idle_m;
    uint32_t idle_ms, ms; // ms: that exist, the reserve included
    uint32_t starting;    // atomic: of them, whose threads have not begun
    struct rv__g *free;   // bundles of Gs, linked by bundle_next of the first of each
    rv_gid next_id;
    int64_t created, ended;   // atomic: outside of any P
    uint32_t poller;          // atomic: 1: an M waits in rv__netpoll, or is about to
    int64_t poll_until;       // atomic: until when it waits at most
    int64_t last_poll;        // atomic: when somebody last looked for ready descriptors
    uint32_t running;         // atomic: inside rv_run
    struct rv__g *main_waits; // atomic: main, at its end, for all others (leftover=wait)
    uint32_t forked;          // atomic: this is a child
    uint32_t own_waiting;     // atomic: Ms that wait for their own goroutine, or are rv_run's
    uint32_t foreign_parked;  // atomic: plain threads that are parked in Ravel
    pthread_t monitor, maker;
    int monitor_tid, maker_tid;  // atomic: 0: not yet
    sigset_t mask;               // of signals, where rv_run was called: every M's
    uint32_t want_m;             // atomic, futex of the maker: 1: make one
    uint32_t monitor_asleep;     // atomic, futex: 1: sysmon sleeps until a P runs
    struct rv__m *all_m;         // atomic: list; Ms are never freed
    struct rv__p *ps[RV__MAX_P]; // constant once not NULL
    uint32_t n_ps;               // atomic: how many exist
};
extern struct rv__sched rv__sched;
extern struct rv__g_block *rv__g_blocks; // atomic: all Gs there are, for dumps and debuggers
struct rv__g_block {
    struct rv__g_block *next;
    uint64_t n;
    struct rv__g gs[RV__G_BLOCK];
};

extern __thread struct rv__m *rv__m_tls __attribute__((tls_model("initial-exec")));
// The thread's M, or NULL. Read anew each time: the compiler takes the address of a thread-local variable for constant in a
// function, and it is not across a switch.
ALWAYS_INLINE struct rv__m *rv__m(void)
{
    struct rv__m *m;
#if defined(__x86_64__)
    __asm__ volatile("movq rv__m_tls@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(m));
#else
    m = rv__m_tls;
#endif
    return m;
}
static inline struct rv__p *rv__p_of(struct rv__m *m)
{
    return base_load_relaxed(&m->p); // relaxed: the M's own, inside a section
}

// Begins and ends a section of an M that is known and calm; the general way is rv__enter.
ALWAYS_INLINE void rv__section_begin(struct rv__m *m)
{
    base_store_relaxed(&m->seq, m->seq + 1); // relaxed: pairs with membarrier in sysmon and thieves
    base_compiler_barrier();
}
ALWAYS_INLINE void rv__section_end(struct rv__m *m)
{
    base_store_release(&m->seq, m->seq + 1); // release: what the section did, before whoever sees it ended
    base_compiler_barrier();
}

// rt.h's rv__enter and rv__leave, inline. The M at the end of a section may be another one than at its beginning.
COLD struct rv__m *rv__m_foreign(void); // a plain thread's first call: makes it an M without a P
COLD void rv__attend(struct rv__m *m);
COLD struct rv__m *rv__preempt_park(struct rv__m *m); // returns the M that it goes on in
ALWAYS_INLINE struct rv__m *rv__begin(void)
{
    struct rv__m *m = rv__m();
    if (unlikely(!m)) m = rv__m_foreign();
    rv__section_begin(m);
    if (unlikely(base_load_relaxed(&m->attention))) rv__attend(m); // relaxed: retake_sleeper has the argument
    return m;
}
ALWAYS_INLINE void rv__end(void)
{
    struct rv__m *m = rv__m();
    if (unlikely(base_load_relaxed(&m->preempt)))
        m = rv__preempt_park(m); // relaxed: a handler of this thread, or a hint
    rv__section_end(m);
}

// proc.c and find.c
void rv__schedule(struct rv__m *m); // an M's life, inside a section; returns when its thread shall end
void rv__wake_one(void);            // an M for an idle P, if there is one and nobody looks for work already
void rv__run_next(struct rv__m *m, struct rv__g *g); // leaves g, which is queued or parks, for whoever runs next
void rv__to_g0(struct rv__m *m, struct rv__g *g);    // leaves g for its M's g0
_Noreturn void rv__drop(struct rv__m *m);            // the running goroutine goes no further, and its thread ends
void rv__ready_fired(struct rv__g *g);               // rv__ready, for the fire of a timer
void rv__wake_timers(int64_t when);                  // a timer became the earliest of its heap
bool rv__wants_poller(void);                         // timers or descriptors are waited for, and no M waits for them
bool rv__wants_m(void);                              // either of these: an idle P and an idle M are to come together
bool rv__anything_to_do(void);                       // a queue is not empty, a timer is due, or rv_run ends
bool rv__anything_by(int64_t when);                  // the same, but of timers only those due by then

// global.c
void rv__global_put(struct rv__g *g); // at the end of the global queue
void rv__global_put_list(struct rv__glist *l);
void rv__global_put_chunk(struct rv__chunk *c, bool fresh);
void rv__urgent_put(struct rv__g *g); // global_put, and sysmon makes room for it soon
struct rv__m *
rv__owner_of_next(struct rv__p *p); // of the goroutine that p would run next, if it has one; that is taken out

// procs.c
void rv__procs_set(int n); // how many Ps there are; rv_gomaxprocs
void rv__p_retire(
    struct rv__p *p); // the caller has it alone: gives away all that it has, if it is one too many, and the P
void rv__p_idle_put(struct rv__p *p); // the caller has it alone: to the list of idle ones, or it retires

// g.c
struct rv__g *rv__g_make(struct rv__g *creator, struct rv__p *p, rv_fn *fn, void *arg, size_t stack_size, uintptr_t pc);
void rv__g_free(struct rv__p *p, struct rv__g *g);
rv_gid rv__g_id(struct rv__p *p);                    // a new one
void rv__g_give(struct rv__p *p);                    // p's free ones to all: it retires
void rv__g_launch(struct rv__p *p, struct rv__g *g); // it has been made: it shall run, next on p
_Noreturn void rv__goexit0(void);                    // ends the running goroutine; outside of a section
_Noreturn void rv__end_run(void);                    // run.c: main has returned
COLD void rv__main_check(void);                      // run.c: a goroutine has ended, and main waits for all of them

// m.c
struct rv__m *rv__m_foreign(void);      // this plain thread's
struct rv__m *rv__m_make(void);         // in the list of all; no thread runs it yet
void rv__m_begin(struct rv__m *m);      // this thread is m from now on
void rv__m_watch_exit(struct rv__m *m); // its end by pthread_exit is seen; NULL: no more
void rv__m_finish(struct rv__m *m);
void rv__m_park(struct rv__m *m);                       // the thread waits for a permit
void rv__m_unpark(struct rv__m *m, struct rv__p *next); // gives one, with a P or NULL
struct rv__m *rv__m_idle_get(void);                     // or NULL; then another one is on its way
struct rv__m *rv__m_next(
    struct rv__p *p);       // who shall have p: the M of the goroutine that is next, if it runs there only; an idle one
extern uint32_t rv__m_most; // Ms that may exist; tests make it small
bool rv__m_start(void);     // an idle M takes an idle P, and looks for work; false: not now
bool rv__m_idle_put(struct rv__m *m); // false: there is an idle P, and something to do
void rv__m_want(void);                // has one more idle M made, by a thread that may block for it
void *rv__m_maker(void *);
void rv__p_acquire(struct rv__m *m, struct rv__p *p); // p is RUNNING in m
struct rv__p *rv__p_release(struct rv__m *m);         // m has none any more; its status is the caller's to set
struct rv__p *rv__p_idle_get(void);                   // or NULL
void rv__p_idle_put_locked(struct rv__p *p);          // its index is below procs
void rv__p_hand_off(struct rv__p *p); // to an idle M if there is anything to do, else to the list of idle Ps

// pin.c: for instrument/ (base/hooks.h)
void rv__pin(void);
void rv__unpin(void);
void rv__mask_changed(void);

// syscall.c, preempt.c, sysmon.c
bool rv__blocking_begin(bool surely);                     // for instrument/, as is:
void rv__blocking_end(void);                              // as rv_syscall_exit, in the same thread
void rv__wait_in_place(struct rv__m *m, struct rv__g *g); // without a P, on g's stack: until g's turn comes, in this M
COLD void rv__attend(struct rv__m *m);                    // rv__enter found attention
bool rv__retake(struct rv__p *p);                         // from an M in the kernel; hands it on
void rv__preempt_init(void);
void rv__preempt_signal(struct rv__m *m); // now
void rv__preempt_world(int tid);          // stops that thread in rv__world_wait (world.h)
bool rv__runs(int tid);                   // the thread does not sleep in the kernel
bool rv__preempt(struct rv__p *p);        // asks the goroutine that runs on p to stop; false: not now
void *rv__sysmon(void *);
void rv__monitor_wake(void);
bool rv__maybe_dead(void);

#endif
