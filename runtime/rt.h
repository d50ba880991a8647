// rt.h: the nouns of the runtime, and the few operations that every file of it uses.
//
//   G  a goroutine: a stack, a saved context, a state.   M  a thread.   P  the right to run goroutines: a run queue,
//   timers, caches. An M runs goroutines while it holds a P; there are GOMAXPROCS of them.
//
// States of a G, and who may touch it:
//
//            rv_go                    picked by an M                  ends
//   FREE ----------> RUNNABLE ------------------------> RUNNING ------------> FREE
//                     ^  ^  ^                          |   |   ^
//                     |  |  +------ rv_gosched --------+   |   |  exit, with a P
//              ready  |  +-- exit, without a P -- SYSCALL <+---+
//                     |                                |
//                  WAITING <---------- park -----------+        PREEMPTED: RUNNABLE, but only in the M that it stopped in
//
//   FREE       on a free list; nobody's.
//   RUNNABLE   in exactly one run queue; belongs to who takes it out.
//   RUNNING    its M's; touched by nobody else, except for `preempt` and the dump.
//   WAITING    belongs to the object that it waits at, under that object's lock, until somebody takes it from there and
//              calls rv__ready: whoever does that has it alone.
//   SYSCALL    runs in the kernel; its M has given its P up, or soon may.
//
// on_cpu. Parking makes itself known (the object's lock is dropped) before the context is saved, and a ready G may be in
// another M's hands while its own still saves it. So on_cpu is 1 from before a G runs until its M has left its stack;
// who wants to run it waits for 0. Nobody waits for it on a goroutine's stack, only on g0: two Ms that wait for each
// other's goroutine would never leave.
//
// Sections. The runtime works inside sections: m->seq is odd there. rv__enter ... rv__leave. A section is never
// preempted in place: the handler leaves a note, and rv__leave reads it. A switch happens inside a section and the
// resumed goroutine goes on inside its own, so seq stays odd across it. Sections do not nest: public functions enter, rv__
// functions expect to be inside. No libc call that may take a lock, and no call-back of the user's, is made inside.
//
// Plain threads have a hidden G (kind THREAD) that parks on a futex, and no P; the same code serves them.
#ifndef RUNTIME_RT_H
#define RUNTIME_RT_H

#include "base/check.h"
#include "include/ravel.h"
#include "runtime/fiber.h"
#include "runtime/lock.h"
#include "runtime/runq.h"
#include "runtime/stack.h"
#include "runtime/switch.h"
#include "runtime/timer.h"

struct det_strand;

enum rv__state { RV__FREE, RV__RUNNABLE, RV__RUNNING, RV__WAITING, RV__SYSCALL, RV__PREEMPTED };
enum rv__kind { RV__GOROUTINE, RV__THREAD };

// Why a goroutine waits: what dumps and reports say, in Go's words.
#define RV__WHYS(W)                                                                                                    \
    W(NONE, "")                                                                                                        \
    W(CHAN_SEND, "chan send")                                                                                          \
    W(CHAN_RECV, "chan receive")                                                                                       \
    W(CHAN_SEND_NIL, "chan send (nil chan)")                                                                           \
    W(CHAN_RECV_NIL, "chan receive (nil chan)")                                                                        \
    W(SELECT, "select")                                                                                                \
    W(SELECT_NONE, "select (no cases)")                                                                                \
    W(SLEEP, "sleep")                                                                                                  \
    W(IO, "IO wait")                                                                                                   \
    W(WAITGROUP, "sync.WaitGroup.Wait")                                                                                \
    W(MUTEX, "sync.Mutex.Lock")                                                                                        \
    W(RLOCK, "sync.RWMutex.RLock")                                                                                     \
    W(RWLOCK, "sync.RWMutex.Lock")                                                                                     \
    W(COND, "sync.Cond.Wait")                                                                                          \
    W(SEM, "semacquire")                                                                                               \
    W(FLIGHT, "singleflight.Do")                                                                                       \
    W(LEFTOVER, "main's end, for the others")                                                                          \
    W(TIMER, "timer callback")
enum rv__why {
#define W(name, text) RV__WHY_##name,
    RV__WHYS(W)
#undef W
        RV__WHY_COUNT
};
extern const char *const rv__why_text[];

// What few goroutines have; made on demand, freed with the G. The goroutine's own, read by dumps under sched.lock.
struct rv__extra {
    char name[32];
    char labels[128];
    struct rv__deferred *deferred; // last first
    struct rv_block *blocks;       // RV_DEFER's that have not ended, innermost first
    void **locals;                 // by rv_key.index, or NULL
    size_t stack_size;             // asked for; 0: the default
};

struct rv__g {
    // What a switch touches.
    struct rv__context context; // the G's M, or who has it (see above)
    uint32_t on_cpu;            // atomic, see above
    uint8_t state;              // atomic, enum rv__state
    uint8_t why;                // enum rv__why, while WAITING
    uint8_t kind;               // constant
    uint8_t dropped;            // its rv_run is over: its next park is its last
    struct rv__g *next;         // in the queue or list that it is in
    struct rv__m *m;            // that runs it, or NULL
    struct rv__m *locked;       // runs in this M only: locked to it, or preempted in it
    int saved_errno;
    uint32_t fpu; // x87 control word and the control part of MXCSR, when they are not the default; 0: default
    // What parking touches as well, and its life.
    void *object; // that it waits at, while WAITING; of a select: its struct rv__select is in `select`
    struct rv__select *select;
    int64_t since; // rv__now at the park, once sysmon has seen it waiting; 0: not yet
    // What its life touches.
    rv_fn *fn;
    void *arg;
    struct rv__stack stack; // .lo == 0: none yet; the M that first runs it provides one
    rv_gid id, parent;      // 0: none
    uintptr_t go_pc;        // who called rv_go
    // The rest.
    struct rv__extra *extra; // or NULL
    struct det_strand *strand;
    uint32_t futex;            // THREAD: parks here; atomic: 1 is a permit
    uint32_t lock_depth;       // rv_lock_os_thread
    uint32_t pins;             // what it holds that belongs to its thread (pin.c)
    uint8_t leak;              // enum rv__leak, written in copies of the process only
    uint8_t leak_ignored;      // atomic: rv_leak_ignore_current was told of it
    bool masked;               // its thread's signal mask is not the one that Ms begin with; counted in pins
    struct rv__g *bundle_next; // of the first of a bundle of free ones (g.c)
    uint32_t bundle_n;
    struct rv__fiber fiber;
} __attribute__((aligned(64)));

struct rv__glist { // linked by next, first in first out
    struct rv__g *head, *tail;
    uint32_t n; // atomic: of a list under a lock, others read it as a hint
};
static inline void rv__glist_push(struct rv__glist *l, struct rv__g *g)
{
    g->next = NULL;
    if (l->tail)
        l->tail->next = g;
    else
        l->head = g;
    l->tail = g;
    base_store_relaxed(&l->n, l->n + 1);
}
static inline struct rv__g *rv__glist_pop(struct rv__glist *l)
{
    struct rv__g *g = l->head;
    if (!g) return NULL;
    l->head = g->next;
    if (!l->head) l->tail = NULL;
    base_store_relaxed(&l->n, l->n - 1);
    return g;
}

// ---- sections, parking, waking: proc.c -----------------------------------------------------------------------------

// Begins a section and returns the running G: a goroutine, or a plain thread's hidden G. Its M may be another one after
// each park; the G stays.
struct rv__g *rv__enter(void);
void rv__leave(struct rv__g *g);

// Parking, in three steps, inside a section:
//     rv__lock(&object->lock);  ... put g where the waker finds it ...
//     rv__park_begin(g, why, object);  rv__unlock(&object->lock);
//     rv__park(g);              // returns once somebody called rv__ready(g)
// Between begin and park nothing else may park, wake or leave.
static inline void rv__park_begin(struct rv__g *g, enum rv__why why, void *object)
{
    g->why = (uint8_t)why;
    g->object = object;
    base_store_relaxed(&g->state, RV__WAITING); // relaxed: published by the object's unlock
}
void rv__park(struct rv__g *g);
// Makes a WAITING G runnable, next on the caller's P. The caller has taken it out of where it waited, and has dropped the
// object's lock: g may run, and free the object, at once.
void rv__ready(struct rv__g *g);
void rv__ready_list(struct rv__glist *l); // all of them, at the end of the queue; empties l

int64_t rv__now(void);      // ns, CLOCK_MONOTONIC; virtual under sched=seed. Any time
int64_t rv__real_now(void); // not virtual
struct rv__p *rv__p(void);  // the P of the running goroutine's M; NULL on a plain thread; inside a section

// What few goroutines have (struct rv__extra): local.c. Outside of a section.
void rv__extra_inherit(struct rv__g *from, struct rv__g *to);              // labels
void rv__extra_set(struct rv__g *g, const char *name, const char *labels); // NULL: as it is
void rv__extra_finish(struct rv__g *g); // runs what was deferred, destroys locals, frees

// The program broke a rule that ends it: "fatal error: ..." in Go's manner, the goroutine's stack, exit code 2.
_Noreturn COLD void rv__fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
