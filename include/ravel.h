// ravel.h: goroutines, channels and what belongs to them, for C. Link with -lravel_go.
//
// Names and meaning are Go's; zero values are ready to use where Go's are. Functions return 0 or a negative errno unless
// they say otherwise. What makes a Go program panic ends this one: one line that says what and where, the stacks, exit code 2.
//
// Every function may be called by any goroutine, and, where it says "threads too", by any thread of the process while
// rv_run runs. Nothing here may be called from a signal handler, unless it says so. Times are nanoseconds.
//
// A goroutine that parks (in a channel operation, rv_sleep, ...) may go on in another thread: what a thread keeps for
// itself (thread-local variables, pthread_self, a locked pthread mutex, errno apart) is not the goroutine's afterwards.
// A goroutine that is preempted stays where it is, and so is one in a libc call that blocks. rv_lock_os_thread keeps one
// in its thread for good. errno goes with the goroutine, in files that include this header (see rv_errno).
#ifndef RAVEL_H
#define RAVEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RV_API __attribute__((visibility("default")))
#else
#define RV_API
#endif

// Where the calling thread's errno is. Compilers may ask libc for that once and keep the answer across a park, after which
// it may be another thread's: this header makes errno ask each time. A file that uses errno across a park includes it.
RV_API int *rv_errno(void);
#undef errno
#define errno (*rv_errno())

typedef void rv_fn(void *arg);
typedef uint64_t rv_gid; // a goroutine's number: 1 is the main goroutine; never used again

// ---- the scheduler -----------------------------------------------------------------------------------------------

// Runs fn(arg) as the main goroutine, on a stack of 8 MiB, and returns 0 when it has returned. Other goroutines are then
// dropped at their next park (RAVEL_OPTIONS=leftover=... says what else can happen). Called by a plain thread; one that
// is inside rv_run already gets -EBUSY. Once it has returned it may be called again. -ENOMEM, -EAGAIN: no memory, no threads.
RV_API int rv_run(rv_fn *fn, void *arg);

// Starts a goroutine that runs fn(arg). Returns its number. Threads too. What the caller did so far happens before what
// the goroutine does. A NULL fn, and the end of memory, end the program with a report: rv_try_go returns instead.
RV_API rv_gid rv_go(rv_fn *fn, void *arg);

typedef struct rv_go_options {
    const char *name;   // shown in reports and dumps; copied, at most 31 bytes. NULL: none
    size_t stack_size;  // bytes; rounded up to a size class. 0: 64 KiB
    const char *labels; // "key=value,..." for profiles and dumps; copied, at most 127 bytes. NULL: the creator's
} rv_go_options;
// As rv_go, with options (NULL: none). The number goes to *out unless out is NULL. -EINVAL: fn is NULL or stack_size is
// over 1 GiB; -ENOMEM: no memory; -EAGAIN: the process may have no more threads.
RV_API int rv_try_go(rv_fn *fn, void *arg, const rv_go_options *options, rv_gid *out);

// Lets others run; the caller goes to the end of its run queue. Orders nothing. On a plain thread: sched_yield.
RV_API void rv_gosched(void);
// Ends the calling goroutine: runs what rv_defer left, and RV_DEFER blocks on the way out, last first. In the main
// goroutine: the others go on, and rv_run returns only by... never; when they have all ended that is a deadlock, as in Go.
RV_API void rv_goexit(void) __attribute__((noreturn));
// fn(arg) runs when the calling goroutine ends, last first. For goroutines only: on a plain thread it is fatal.
RV_API void rv_defer(rv_fn *fn, void *arg);
// RV_DEFER(fn, arg): fn(arg) runs at the end of the block that it stands in, however that is left, rv_goexit included. Several
// run last first. arg is evaluated here.
struct rv_block {
    rv_fn *fn;
    void *arg;
    struct rv_block *outer;
};
RV_API void rv_block_begin(struct rv_block *b); // for RV_DEFER
RV_API void rv_block_end(struct rv_block *b);
#define RV_DEFER(f, a)        RV_DEFER_(f, a, __LINE__)
#define RV_DEFER_(f, a, line) RV_DEFER__(f, a, line)
#define RV_DEFER__(f, a, line)                                                                                         \
    struct rv_block rv_block_##line __attribute__((cleanup(rv_block_end))) = {f, a, 0};                                \
    rv_block_begin(&rv_block_##line)

// The number of the calling goroutine; 0 on a plain thread.
RV_API rv_gid rv_goid(void);
// How many goroutines exist. Threads too.
RV_API int64_t rv_num_goroutine(void);
// How many CPUs the process may use: its affinity mask, and its control group's quota, rounded up. Threads too.
RV_API int rv_num_cpu(void);
// Sets how many goroutines run at once, and returns how many did before; n < 1 only asks. Stops nobody: of fewer Ps the
// surplus ones retire at their next scheduling point. The start is RAVEL_OPTIONS=maxprocs=N, else rv_num_cpu(). Threads too.
RV_API int rv_gomaxprocs(int n);

// From here to the matching unlock the goroutine runs in this thread, and nothing else does. Nests. A goroutine that
// ends while it is locked ends its thread.
RV_API void rv_lock_os_thread(void);
RV_API void rv_unlock_os_thread(void);

// Around a call that may block in the kernel: others take over this goroutine's P after 20 us. Between the two nothing
// else of this header may be called. rv_read and its kin, and libc's blocking calls under `ravel cc`, need none of this.
// A jump out of the call (siglongjmp in a handler) leaves the goroutine between the two: its next call here is fatal.
RV_API void rv_syscall_enter(void);
RV_API void rv_syscall_exit(void);
// fn(arg) blocks for sure: its P is handed on at once. Returns 0.
RV_API int rv_blocking(rv_fn *fn, void *arg);

// The most bytes of its stack that the calling goroutine has used so far, to help choose stack_size: counted by
// touched pages, so a reused stack also tells of earlier goroutines.
RV_API size_t rv_stack_used(void);
// Replaces the caller's labels ("key=value,...", copied, at most 127 bytes; NULL: none); new goroutines inherit them.
RV_API void rv_set_labels(const char *labels);

// Goroutine-local storage. A key's destructor (may be NULL) runs at the goroutine's end on a value that is not NULL. Threads may
// make keys, and rv_get gives them NULL; rv_set on one is fatal: they have pthread_setspecific.
typedef struct rv_key {
    uint32_t index;
} rv_key;
RV_API int rv_key_create(rv_key *key, rv_fn *destructor); // -EAGAIN: there are 128 already
RV_API void *rv_get(rv_key key);
RV_API void rv_set(rv_key key, void *value);

// ---- channels ----------------------------------------------------------------------------------------------------

// A channel carries elements of elem_size bytes (0: only the event) through a buffer of `capacity` elements (0: a send
// waits for its receiver). First in, first out. The k-th send happens before the k-th receive completes; the k-th receive
// happens before the (k+capacity)-th send completes; the close happens before a receive that tells of it.
// elem may be NULL where elem_size is 0, or where a received value is not wanted. A NULL channel blocks for ever.
// Threads may call all of this.
typedef struct rv_chan rv_chan;

// With one reference; NULL when there is no memory.
RV_API rv_chan *rv_chan_make(size_t elem_size, size_t capacity);
RV_API rv_chan *rv_chan_ref(rv_chan *ch); // one reference more; returns ch
RV_API void rv_chan_unref(rv_chan *ch);   // one less; the last frees the channel. Waiters left: fatal. NULL: nothing
RV_API void rv_chan_free(rv_chan *ch);    // drops the last reference; others, or waiters: fatal. NULL: nothing
RV_API void rv_chan_send(rv_chan *ch, const void *elem); // closed: fatal
// False: closed and drained; *elem is then zeroed.
RV_API bool rv_chan_recv(rv_chan *ch, void *elem);
RV_API int rv_chan_try_send(rv_chan *ch, const void *elem); // -EAGAIN: it would wait
RV_API int rv_chan_try_recv(rv_chan *ch, void *elem);       // -EAGAIN: it would wait; -EPIPE: closed and drained
RV_API void rv_chan_close(rv_chan *ch);                     // closed already, or NULL: fatal
RV_API size_t rv_chan_len(rv_chan *ch);                     // elements in the buffer; 0 for NULL
RV_API size_t rv_chan_cap(rv_chan *ch);

// Typed: p points to an element. A channel of elements of another size than *p is fatal.
RV_API rv_chan *rv_chan_check(rv_chan *ch,
                              size_t elem_size); // ch, if its elements are of that size, or it is NULL; else fatal
#define RV_CHAN(T, n)  rv_chan_make(sizeof(T), (n))
#define rv_send(ch, p) rv_chan_send(rv_chan_check((ch), sizeof *(p)), (p))
#define rv_recv(ch, p) rv_chan_recv(rv_chan_check((ch), sizeof *(p)), (p))

typedef struct rv_ctx rv_ctx; // below: contexts

// One of several things that rv_select waits for; made by the macros below.
typedef struct rv_case {
    int kind;
    bool ok; // set for the case that is chosen: a receive, false: the channel is closed and drained, *elem is zeroed
    union {
        rv_chan *ch;
        int64_t ns;
    };
    void *elem;
    void *own[8]; // rv_select's, while it lasts
} rv_case;
enum { RV_CASE_SEND, RV_CASE_RECV, RV_CASE_TIMEOUT, RV_CASE_DONE };
#define RV_SEND(c, p)    ((rv_case){.kind = RV_CASE_SEND, .ch = (c), .elem = (void *)(p)})
#define RV_RECV(c, p)    ((rv_case){.kind = RV_CASE_RECV, .ch = (c), .elem = (p)})
#define RV_TIMEOUT(nsec) ((rv_case){.kind = RV_CASE_TIMEOUT, .ns = (nsec)}) // nanoseconds from the call on; <= 0: ready
#define RV_DONE(ctx)     ((rv_case){.kind = RV_CASE_DONE, .elem = (void *)(ctx)}) // the context is done; NULL: never
enum { RV_SELECT_DEFAULT = 1 };

// Waits until one of n cases can go on, does what that case says, and returns its index; of several that can, each is
// chosen as often as the others. With RV_SELECT_DEFAULT it does not wait: -EAGAIN, if at one instant none can.
// Only the chosen operation happens, and orders what it would order alone. Cases of a NULL channel are never ready; with
// no others it waits for ever. A send on a closed channel counts as ready, and is fatal when it is chosen, as in Go. What
// elem of a send points to may be read until the return. A channel may stand in several cases. The cases are the
// caller's, and free for other use after the return. Nothing is allocated. Threads may call it.
RV_API int rv_select(rv_case *cases, int n, int flags);

// ---- waiting for several goroutines --------------------------------------------------------------------------------

// A counter and who waits for it to become zero. Zero is ready. Add before the goroutine starts, not in it. What is done
// before rv_wg_done happens before the rv_wg_wait that it releases returns. A negative counter is fatal. Threads too.
typedef struct rv_waitgroup {
    uint64_t state;
    void *waiters;
    uint32_t lock;
} rv_waitgroup;
RV_API void rv_wg_add(rv_waitgroup *wg, int64_t n);
RV_API void rv_wg_done(rv_waitgroup *wg);
RV_API void rv_wg_wait(rv_waitgroup *wg);
RV_API void rv_wg_go(rv_waitgroup *wg, rv_fn *fn,
                     void *arg); // add 1, run fn(arg) in a goroutine, done; also when that ends by rv_goexit

// ---- locks and what else is waited at --------------------------------------------------------------------------------
// Threads may call all of this, and so may goroutines that are not the ones that locked. Zero is ready; none is to be copied
// once it is in use. Their fields are the library's. One may be freed, or leave its stack frame, as soon as the program
// knows that nobody will use it or waits at it any more: who locks a mutex next may free it after the unlock, even if the unlock before is
// still on its way out.

// A mutex. An unlock happens before the next lock, and a trylock that succeeds. One that has waited for more than 1 ms, and lost its
// turn to others, gets it next. Not recursive. Unlocking one that is not locked is fatal.
typedef struct rv_mutex {
    uint32_t state, number;
    void *waiters;
} rv_mutex;
#define RV_MUTEX_INIT                                                                                                  \
    {                                                                                                                  \
        0, 0, 0                                                                                                        \
    }
RV_API void rv_mutex_lock(rv_mutex *m);
RV_API int rv_mutex_trylock(rv_mutex *m); // 0: it is the caller's; -EAGAIN: it is locked
RV_API void rv_mutex_unlock(rv_mutex *m);

// A lock that one writer has, or any number of readers. A waiting writer holds back new readers (so a reader that
// read-locks again may wait for ever), and a writer's unlock lets in all readers that wait by then. A writer's unlock happens before all later
// locks of either kind, a reader's before later writers' locks; readers do not order each other. Unlocking what is not locked
// that way is fatal.
typedef struct rv_rwmutex {
    uint32_t state, number;
    void *writers, *readers;
} rv_rwmutex;
#define RV_RWMUTEX_INIT                                                                                                \
    {                                                                                                                  \
        0, 0, 0, 0                                                                                                     \
    }
RV_API void rv_rwmutex_rlock(rv_rwmutex *m);
RV_API int rv_rwmutex_tryrlock(rv_rwmutex *m); // 0, or -EAGAIN: there is a writer, or one waits
RV_API void rv_rwmutex_runlock(rv_rwmutex *m);
RV_API void rv_rwmutex_lock(rv_rwmutex *m);
RV_API int rv_rwmutex_trylock(rv_rwmutex *m); // 0, or -EAGAIN: somebody has it
RV_API void rv_rwmutex_unlock(rv_rwmutex *m);

// Several locks at once. lock_all puts the n of them into the order in which all who call it take them, that of the numbers that locks get when
// they are first taken so, and locks them: however callers name them, those that take all their locks in this way never wait for each other
// in a circle. -EDEADLK: one is there twice; -EINVAL: one is NULL; nothing is locked then. unlock_all lets go of all n. The array is the caller's.
typedef struct rv_lock {
    rv_mutex *mutex;     // either this
    rv_rwmutex *rwmutex; // or that
    bool read;           // with rwmutex: as a reader
} rv_lock;
#define RV_LOCK(m)        ((rv_lock){.mutex = (m)})
#define RV_LOCK_WRITE(rw) ((rv_lock){.rwmutex = (rw)})
#define RV_LOCK_READ(rw)  ((rv_lock){.rwmutex = (rw), .read = true})
RV_API int rv_lock_all(rv_lock *locks, int n);
RV_API void rv_unlock_all(rv_lock *locks, int n);

// Names a lock: from then on it is known who has it and who waits for it. Before it is used, if all of them shall be known; NULL: no more, and a
// named lock must have that before it is freed. The name is copied, at most 31 bytes. Operations on a named lock take some 50 ns longer.
RV_API void rv_mutex_name(rv_mutex *m, const char *name);
RV_API void rv_rwmutex_name(rv_rwmutex *m, const char *name);
enum { RV_LOCK_NAME_ROOM = 32 };
enum rv_lock_role { RV_LOCK_FREE, RV_LOCK_HOLDS, RV_LOCK_READS, RV_LOCK_WAITS, RV_LOCK_WAITS_TO_READ };
typedef struct rv_lock_row {
    const void *lock;
    char name[RV_LOCK_NAME_ROOM];
    enum rv_lock_role role;
    rv_gid goroutine; // who; 0: a plain thread, or, if it is free, nobody
    int thread;       // its number (gettid), if it is a plain thread
    int64_t since;    // rv_now's clock
} rv_lock_row;
// All named locks at one moment: for each, in the order in which they got their numbers, who has it (FREE: nobody), and then who waits for it, first
// come first. Fills in at most n rows, and returns how many there are. Orders nothing.
RV_API int rv_locks_snapshot(rv_lock_row *rows, int n);

// Runs fn(arg) the first time; other calls return when that has returned, and it happens before their return. Left by
// rv_goexit it counts as done. A call on the same once from within fn waits for ever.
typedef struct rv_once {
    uint32_t state;
    void *waiters;
} rv_once;
enum { RV__ONCE_OVER = 8 };
RV_API void rv_once_slow(rv_once *once, rv_fn *fn,
                         void *arg); // rv_once_do's, for all but those that have nothing to do or to tell
static inline void rv_once_do(rv_once *once, rv_fn *fn, void *arg)
{
    // acquire: pairs with the release of whoever ran fn
    if (__builtin_expect(__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) != RV__ONCE_OVER, 0))
        rv_once_slow(once, fn, arg);
}

// A condition variable. wait: unlocks m, waits for a signal, and locks m again; it returns for no other reason, but by then the
// condition may be false again, so call it in a loop. All waits of a cond use the same mutex. Signal wakes the one that has waited
// longest, if there is one, broadcast all; with m or without it. A signal happens before the return of the wait that it wakes.
typedef struct rv_cond {
    void *waiters;
    uint32_t lock;
} rv_cond;
RV_API void rv_cond_wait(rv_cond *c, rv_mutex *m);
RV_API void rv_cond_signal(rv_cond *c);
RV_API void rv_cond_broadcast(rv_cond *c);

// A number of permits; zero: none yet. acquire takes n of them, and waits while there are fewer, or others wait already:
// first come, first served, however many the first wants. release gives n back, or makes them. A release happens before later acquires
// return. n < 0 is fatal; more than 2^63 - 1 in all, too.
typedef struct rv_sem {
    int64_t permits;
    void *waiters;
    uint32_t lock;
} rv_sem;
#define RV_SEM_INIT(n)                                                                                                 \
    {                                                                                                                  \
        (n), 0, 0                                                                                                      \
    }
RV_API int rv_sem_acquire(rv_ctx *ctx, rv_sem *s, int64_t n); // 0; or ctx (NULL: none) is done: its error
RV_API int rv_sem_try(rv_sem *s, int64_t n);                  // 0, or -EAGAIN: it would wait
RV_API void rv_sem_release(rv_sem *s, int64_t n);
// As rv_sem_release(s, 1), and signal handlers may call it: the only function of this header that they may. One that interrupts the
// runtime itself leaves it to another thread, so it may take up to 10 ms then.
RV_API void rv_sem_post(rv_sem *s);

// ---- errors and results of several goroutines --------------------------------------------------------------------------
// Zero is ready. Threads too.

// Goroutines with one purpose: wait waits for all of them, and returns the first result that was not 0. With a limit only so many run at
// once: go waits until there is room, try_go returns -EAGAIN instead. What a function did happens before the return of the wait; a function that
// ends by rv_goexit counts as 0. After a wait the group may be used on: the error stays. limit: n < 1: none, as at first; not while any
// of its goroutines runs.
typedef struct rv_errgroup {
    rv_waitgroup running;
    rv_sem slots;
    int64_t limit;
    int error;
    rv_ctx *ctx;
} rv_errgroup;
// A context of the group's own, a child of parent: cancelled with the first error as its cause (-ECANCELED, if that is above 0), and by the wait, which also
// drops the group's reference to it. Before the first go; one goroutine waits then. Returns it, for the functions to look at.
RV_API rv_ctx *rv_errgroup_with_ctx(rv_errgroup *group, rv_ctx *parent);
RV_API void rv_errgroup_limit(rv_errgroup *group, int64_t n);
RV_API void rv_errgroup_go(rv_errgroup *group, int (*fn)(void *arg), void *arg);
RV_API int rv_errgroup_try_go(rv_errgroup *group, int (*fn)(void *arg), void *arg); // 0, or -EAGAIN
RV_API int rv_errgroup_wait(rv_errgroup *group);

// Of several who ask for the same thing at once, one fetches it. do: fn(arg, out) writes `size` bytes to out and returns 0 or an error, and so
// does the call; who comes with an equal key meanwhile waits, and gets a copy of the result and of those bytes. *callers, unless
// NULL: how many got this one (so that they can count who is the last to need what it points to). Calls with one key have one size. What fn
// did happens before the return of each of them. fn ended by rv_goexit: the others get -ECANCELED, and bytes of no meaning. The key is
// the caller's, and not copied. forget: who comes from now on starts anew.
typedef int rv_fetch(void *arg, void *out);
typedef struct rv_singleflight {
    void *calls[31];
    uint32_t lock;
} rv_singleflight;
RV_API int rv_singleflight_do(rv_singleflight *table, const char *key, rv_fetch *fn, void *arg, void *out, size_t size,
                              int *callers);
RV_API void rv_singleflight_forget(rv_singleflight *table, const char *key);

// ---- objects that are used again -------------------------------------------------------------------------------------

// A pool keeps objects that are not needed for the moment. get: one that was put, whichever, as it was; none there: make(arg), or NULL
// without a make. put gives one to the pool: nobody may use it any more until a get returns it. What has not been taken for 10 to 20 s is
// given to drop(object, arg), on a goroutine of the library's; without a drop the pool keeps it. make and drop may do anything that a
// goroutine may, but use a pool that is being drained. A put happens before the get, or the drop, of the same object, and orders nothing else.
// Zero is ready: without make and drop. Threads too.
// Under the race detector an object that is used after its put is found, by whomever: the put counts as a write by a goroutine of its own, to
// the first `size` bytes of the object; to one, if that is 0.
typedef struct rv_pool {
    void *(*make)(void *arg);
    void (*drop)(void *object, void *arg);
    void *arg;
    size_t size;
    // The library's.
    struct rv__pool_local *locals;
    struct rv_pool *next;
    uint64_t origin;
    rv_waitgroup freeing;
} rv_pool;
#define RV_POOL_INIT(make, drop, arg) RV_POOL_OF_SIZE(0, make, drop, arg)
#define RV_POOL_OF_SIZE(size, make, drop, arg)                                                                         \
    {                                                                                                                  \
        (make), (drop), (arg), (size), 0, 0, 0, { 0, 0, 0 }                                                            \
    }
RV_API void *rv_pool_get(rv_pool *pool);
RV_API void rv_pool_put(rv_pool *pool, void *object); // NULL: nothing
// Gives all that it holds to drop, and waits until all that was given before has been. By then nobody else uses the pool, and afterwards
// it may be freed, or used anew. A pool that was used is drained before it is freed.
RV_API void rv_pool_drain(rv_pool *pool);

// A number that many add to and few read: each P has a part of its own, so that nobody waits for a cache line. value: the sum of what was
// added before, and of some of what is being added now. It orders nothing. Zero is ready, and 0. Threads too.
typedef struct rv_counter {
    int64_t *shards; // the library's
} rv_counter;
RV_API void rv_counter_add(rv_counter *c, int64_t n);
RV_API int64_t rv_counter_value(rv_counter *c);
RV_API void rv_counter_free(rv_counter *c); // its parts are others'; it is 0 again. By then nobody else uses it

// ---- contexts ------------------------------------------------------------------------------------------------------

// What a piece of work and everything that it starts have in common: when it is to end, and values. A context is done when it
// is cancelled, when its deadline passes, or when its parent is done; then it stays so. Contexts are a tree. Every
// function that makes one gives the caller a reference (NULL: no memory); a parent lives as long as its children. NULL as a
// parent, or as any function's context, is the background, which is never done. Threads may call all of this.
//
// A cancellation happens before what sees it: an error from rv_ctx_err or from a call with a context, a receive from rv_ctx_done,
// RV_DONE chosen, a function of rv_ctx_after_func. A deadline orders nothing.
RV_API rv_ctx *rv_ctx_background(void); // no reference is needed, and none counts
RV_API rv_ctx *rv_ctx_with_cancel(rv_ctx *parent);
RV_API rv_ctx *rv_ctx_with_deadline(rv_ctx *parent,
                                    int64_t deadline); // of rv_now's clock; the parent's, if that is earlier
RV_API rv_ctx *rv_ctx_with_timeout(rv_ctx *parent, int64_t ns);
RV_API rv_ctx *rv_ctx_with_value(rv_ctx *parent, const void *key,
                                 void *value);        // key: an address of the caller's, not NULL
RV_API rv_ctx *rv_ctx_without_cancel(rv_ctx *parent); // has the parent's values, and is not done with it
RV_API rv_ctx *rv_ctx_ref(rv_ctx *ctx);               // one reference more; returns ctx
// One less. The last frees it: it is stopped, not done, and functions that wait for it never run. No call that has it may be under way.
RV_API void rv_ctx_release(rv_ctx *ctx);
// It is done from here on, and everything below it, by the return. cause: a negative errno that tells why; 0: -ECANCELED. One that is
// done already is left as it is. Of the background it is fatal.
RV_API void rv_ctx_cancel(rv_ctx *ctx, int cause);
RV_API int rv_ctx_err(rv_ctx *ctx);          // 0: not done; -ECANCELED, -ETIMEDOUT
RV_API int rv_ctx_cause(rv_ctx *ctx);        // 0: not done; what rv_ctx_cancel was given; -ETIMEDOUT
RV_API int64_t rv_ctx_deadline(rv_ctx *ctx); // INT64_MAX: none
RV_API void *rv_ctx_value(rv_ctx *ctx,
                          const void *key); // of the nearest context upwards that has the key; NULL: none has
// A channel of elements of size 0 that is closed when ctx is done: the context's, which alone closes it. NULL for the background.
RV_API rv_chan *rv_ctx_done(rv_ctx *ctx);
// fn(arg) runs in a goroutine of its own once ctx is done; at once, if it is. What came before this call happens before it. func is the caller's; it
// may be freed by fn, after an rv_ctx_func_stop that says true, and once ctx is freed.
typedef struct rv_ctx_func {
    uint64_t opaque[8];
} rv_ctx_func;
RV_API void rv_ctx_after_func(rv_ctx *ctx, rv_ctx_func *func, rv_fn *fn, void *arg);
RV_API bool rv_ctx_func_stop(rv_ctx *ctx,
                             rv_ctx_func *func); // true: fn will not run; false: it runs, has, or was stopped before

// What waits, until it is done or ctx is: then the context's error (-ECANCELED, -ETIMEDOUT), and nothing has been done. A context
// that is done when the call begins ends it at once, whatever else it could do. The context must live until the return.
RV_API int rv_chan_send_ctx(rv_ctx *ctx, rv_chan *ch, const void *elem); // closed: fatal
RV_API int rv_chan_recv_ctx(rv_ctx *ctx, rv_chan *ch, void *elem);       // -EPIPE: closed and drained
RV_API int rv_sleep_ctx(rv_ctx *ctx, int64_t ns);
RV_API int rv_wg_wait_ctx(rv_ctx *ctx, rv_waitgroup *wg);
RV_API int rv_mutex_lock_ctx(rv_ctx *ctx, rv_mutex *m);
RV_API int rv_rwmutex_rlock_ctx(rv_ctx *ctx, rv_rwmutex *m);
RV_API int rv_rwmutex_lock_ctx(rv_ctx *ctx, rv_rwmutex *m);
RV_API int rv_cond_wait_ctx(rv_ctx *ctx, rv_cond *c, rv_mutex *m); // has locked m again in any case

// ---- futures -------------------------------------------------------------------------------------------------------------

// The result of a function that runs in a goroutine of its own. rv_async starts fn(arg, out): out points to out_size bytes, zero at first, for
// its result; what it returns (0, or a negative errno) belongs to the result, too. Many may ask for it, each as often as he likes: get waits until
// fn has ended, copies the bytes to out (NULL: not wanted; else room for all of them), and returns what fn returned. fn ended by rv_goexit:
// -ECANCELED, and the bytes as they are. The end of fn happens before every return that tells of it, the receive from done included. What the bytes point to is
// shared by all who get them. rv_async gives the caller a reference; calls need one; released before its end, fn runs on.
// No memory: fatal, as in rv_go. Threads may call all of this.
typedef struct rv_future rv_future;
RV_API rv_future *rv_async(rv_fetch *fn, void *arg, size_t out_size);
RV_API int rv_future_get(rv_future *f, void *out);
RV_API int rv_future_get_ctx(rv_ctx *ctx, rv_future *f, void *out); // ctx is done first: its error. fn runs on
RV_API int rv_future_try_get(rv_future *f, void *out);              // -EAGAIN: fn has not ended
// A channel of elements of size 0 that is closed when fn has ended: the future's, which alone closes it, and gone with it.
RV_API rv_chan *rv_future_done(rv_future *f);
// all waits for all n, and returns 0, or the first of their results, in the order of the array, that is not 0. any waits until one has ended, and returns
// its index: the lowest, if some have already. NULLs in the array are passed over; nothing else there: all: 0, any: -EINVAL. With a context: its error, if it is
// done first; all: or the result that is not 0 of one before that.
RV_API int rv_future_all(rv_future *const *fs, int n);
RV_API int rv_future_all_ctx(rv_ctx *ctx, rv_future *const *fs, int n);
RV_API int rv_future_any(rv_future *const *fs, int n);
RV_API int rv_future_any_ctx(rv_ctx *ctx, rv_future *const *fs, int n);
RV_API rv_future *rv_future_ref(rv_future *f); // one reference more; returns f
RV_API void rv_future_release(rv_future *f);   // one less. NULL: nothing

// ---- streams -------------------------------------------------------------------------------------------------------------

// Elements of elem_size bytes on their way, through a buffer of `capacity`, from who sends to who receives, with stages in between that run in
// goroutines of the library's. A stream ends in one of two ways. close: it takes no more elements (send: -EPIPE), what was sent before is
// still received, then receives say -EPIPE. cancel: it is over, for both sides and at once, and so is everything that stages make of it; every send and receive
// returns err (a negative errno; 0: -ECANCELED). So does the end of its context. Anybody may close or cancel at any moment, and more than once: the first
// cancel counts, and counts more than a close. The end of a stage's output, by whomever, ends its input in the same way, and so on upwards.
//
// Each element that was sent is received once, or given to drop(elem) once (NULL: nothing to do): by a send that does not return 0, or when the last
// reference goes, whose owner runs it. A send happens before the receive of its element, a close or a cancel before what returns because of it.
// One who receives, or several, of whom each gets a part. elem: room for one. Fatal: no memory. Threads may call all of this.
typedef struct rv_stream rv_stream;
RV_API rv_stream *rv_stream_make(rv_ctx *ctx, size_t elem_size, size_t capacity, rv_fn *drop); // with one reference
RV_API int
rv_stream_send(rv_stream *s,
               const void *elem); // waits while the buffer is full. elem is the stream's, whatever it returns
RV_API int rv_stream_recv(rv_stream *s,
                          void *elem); // 0, and the element is the caller's; -EPIPE: closed and drained; an error
RV_API int rv_stream_send_ctx(rv_ctx *ctx, rv_stream *s, const void *elem); // ctx is done first: its cause
RV_API int rv_stream_recv_ctx(rv_ctx *ctx, rv_stream *s, void *elem);
RV_API void rv_stream_close(rv_stream *s);
RV_API void rv_stream_cancel(rv_stream *s, int err);
RV_API int rv_stream_err(rv_stream *s); // 0: it takes elements; -EPIPE: closed; else why it was cancelled
RV_API rv_ctx *
rv_stream_ctx(rv_stream *s); // done when it is cancelled: for what its functions wait with. The stream's own
RV_API rv_stream *rv_stream_ref(rv_stream *s); // one reference more; returns s
RV_API void rv_stream_release(rv_stream *s);   // one less: no end by itself. NULL: nothing

// Stages. Each takes over the caller's reference to `in` (who goes on sending to it keeps another: rv_stream_ref), and gives him one to each stream that it
// makes, of in's capacity. Their functions run in the stage's goroutines. Other than 0 from one: the input and all that comes from it are
// cancelled with that (-ECANCELED, if it is above 0, or the function ended by rv_goexit); but -EPIPE: enough, both sides are closed (where order is kept nothing behind that
// element comes out; else what others have in hand still may). Who wants no
// more of an output closes or cancels it before he releases it; else the stage waits for room for ever.
typedef int rv_stream_map_fn(void *arg, void *in, void *out); // `in` is its own: it destroys it, or passes it on
typedef bool rv_stream_keep_fn(void *arg, const void *elem);  // true: goes on; false: the stage destroys it
typedef int rv_stream_each_fn(void *arg, void *elem);         // elem is its own
RV_API rv_stream *rv_stream_map(rv_stream *in, rv_stream_map_fn *fn, void *arg, size_t out_size, rv_fn *drop);
RV_API rv_stream *rv_stream_filter(rv_stream *in, rv_stream_keep_fn *fn, void *arg);
// `workers` of them at once (< 1: 1). RV_STREAM_ORDERED: the results in the order of the elements; one that takes long then holds back those behind it.
enum { RV_STREAM_ORDERED = 1 };
RV_API rv_stream *rv_stream_parallel_map(rv_stream *in, rv_stream_map_fn *fn, void *arg, size_t out_size, rv_fn *drop,
                                         int workers, int flags);
// Each element to fn, one after the other. The future: 0, once the stream is closed and drained, or fn had enough; or the error.
RV_API rv_future *rv_stream_subscribe(rv_stream *in, rv_stream_each_fn *fn, void *arg);
// Each element to all n outs, made by copy(to, from); NULL: a copy of the bytes, for elements without a drop. The slowest holds back the others; one
// that ends is left out; the end of the last ends the input.
RV_API void rv_stream_tee(rv_stream *in, rv_stream **outs, int n, void (*copy)(void *to, const void *from));
// Waits until all stages that s is connected with have ended, and with them the calls of their functions: then what `arg` points to may go.
// After an end of s: else it waits for that, too. Not from a stage's function.
RV_API void rv_stream_wait(rv_stream *s);

// ---- time ----------------------------------------------------------------------------------------------------------

RV_API int64_t rv_now(void); // CLOCK_MONOTONIC; virtual under sched=seed. Threads too
// At least ns; 0 or less returns at once. Threads too.
RV_API void rv_sleep(int64_t ns);

// A channel on which rv_now's clock comes once, an int64_t, in ns. Its receive, also by rv_select, drops the reference that the caller has got:
// who gives up waiting drops it himself, by rv_chan_unref. What the receive orders: nothing. Threads too, as for all that follows.
RV_API rv_chan *rv_after(int64_t ns);
// The same every ns (<= 0: fatal). The channel holds one tick; those that come while it does are dropped, and so are those that are late by ns or
// more. rv_chan_unref ends it.
RV_API rv_chan *rv_ticker_start(int64_t ns);
RV_API void
rv_ticker_stop(rv_chan *ticker); // no more ticks, but for one that is there or has come just now; closes nothing
RV_API void rv_ticker_reset(rv_chan *ticker, int64_t ns); // from now on every ns, also of one that was stopped

// A timer, embedded where its owner likes; zero is a stopped timer without a function, and starting it is fatal. fn(arg)
// runs on a goroutine of its own, and returns (no rv_goexit). What came before the start happens before fn; what fn did
// happens before the return of an rv_timer_stop_wait that waited for it or found it over. Threads too. Several may use one timer at once.
// The timer may be freed by its own fn if no other call on it is under way; after a stop that says true; and after
// rv_timer_stop_wait. One that runs down when rv_run returns never fires; init it before it is used again.
typedef struct rv_timer {
    uint64_t opaque[12];
} rv_timer;
RV_API void rv_timer_init(rv_timer *t, rv_fn *fn, void *arg);
// Once, ns from now (at once if ns <= 0). One that runs down is started anew; if its time has come just now, fn runs for both.
// From fn, too.
RV_API void rv_timer_start(rv_timer *t, int64_t ns);
// Then every `every` ns (<= 0: once), counted from when it was due. Ticks that come late by a period or more are dropped,
// and so are ticks that come while fn still runs: it never runs twice at once because of them.
RV_API void rv_timer_start_every(rv_timer *t, int64_t ns, int64_t every);
// True: it ran down and was stopped; fn will not run for that start. False: it did not run down, or its time has come just
// now and fn runs, or will; one with a period then has its last tick.
RV_API bool rv_timer_stop(rv_timer *t);
// The same, then waits until fn runs no more; a start that fn makes meanwhile is stopped, too. Not from fn.
RV_API bool rv_timer_stop_wait(rv_timer *t);

// ---- input and output ------------------------------------------------------------------------------------------------

// As the calls of the same names, with -errno in place of errno: the goroutine parks and the thread goes on. EINTR does not
// come out. Regular files block their thread, and no other goroutine. O_NONBLOCK is never set on a description that came from elsewhere,
// and not needed. Writing to a socket raises no SIGPIPE: -EPIPE. Threads too. Close with rv_close what was used here:
// after a plain close(2), who waits waits on, the number keeps its deadlines, and the first wait for what gets it next may
// take 0.2 s longer; nothing worse.
RV_API ssize_t rv_read(int fd, void *buf, size_t n);
// All of it, unless an error comes first; then what was written, or the error if that is nothing.
RV_API ssize_t rv_write(int fd, const void *buf, size_t n);
RV_API ssize_t rv_readv(int fd, const struct iovec *iov, int n);
RV_API ssize_t rv_writev(int fd, const struct iovec *iov, int n);
RV_API ssize_t rv_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *from_len);
RV_API ssize_t rv_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t to_len);
RV_API int rv_accept(int fd, struct sockaddr *from, socklen_t *from_len); // close-on-exec and non-blocking
// Of a socket without O_NONBLOCK it blocks its thread, and rv_close and deadlines do not end it.
RV_API int rv_connect(int fd, const struct sockaddr *to, socklen_t to_len);
// A listening TCP socket. host: numeric address, or NULL for all. port 0: any; rv_local_port tells which.
RV_API int rv_listen_tcp(const char *host, int port, int backlog);
// A path that begins with @ is in the abstract name space.
RV_API int rv_listen_unix(const char *path, int backlog);
RV_API int rv_dial_tcp(const char *host, int port); // a connected socket; numeric address
RV_API int rv_local_port(int fd);
// Closes fd; goroutines that wait for it in these calls get -ECANCELED.
RV_API int rv_close(int fd);
enum rv_io_side { RV_READ = 1, RV_WRITE = 2 };
// From `deadline` on (rv_now's clock; 0: never) waits on these sides of fd (RV_READ|RV_WRITE) end with -ETIMEDOUT; calls
// that need not wait go on. Who waits already is told; a new deadline replaces the old one.
RV_API int rv_set_deadline(int fd, int sides, int64_t deadline);
// Waits until fd is ready for one of `sides`, at most timeout_ns (< 0: for ever). Returns the ready sides, 0 at the time-out.
RV_API int rv_poll(int fd, int sides, int64_t timeout_ns);

// The same until ctx is done: then its error (-ECANCELED, -ETIMEDOUT), or what has passed so far, if that is not nothing. One that is done already
// ends the call at once. A call that blocks its thread (regular files, rv_connect of a blocking socket) is not ended. A connection that was about
// to be made when its call was ended is made or not: close the socket.
RV_API ssize_t rv_read_ctx(rv_ctx *ctx, int fd, void *buf, size_t n);
RV_API ssize_t rv_write_ctx(rv_ctx *ctx, int fd, const void *buf, size_t n);
RV_API ssize_t rv_recvfrom_ctx(rv_ctx *ctx, int fd, void *buf, size_t n, int flags, struct sockaddr *from,
                               socklen_t *from_len);
RV_API ssize_t rv_sendto_ctx(rv_ctx *ctx, int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
                             socklen_t to_len);
RV_API int rv_accept_ctx(rv_ctx *ctx, int fd, struct sockaddr *from, socklen_t *from_len);
RV_API int rv_connect_ctx(rv_ctx *ctx, int fd, const struct sockaddr *to, socklen_t to_len);

// ---- checking ----------------------------------------------------------------------------------------------------------

// Goroutines that can never be woken, because nothing that can still run reaches what they wait for, are leaked. docs/leaks.md
// says how that is found out, and what is not. RAVEL_OPTIONS=leak_check=1 looks once when main returns.
typedef struct rv_leak_options {
    const char *const
        *ignore_top; // function names, NULL at the end, or NULL: goroutines that wait in a call that one of them makes
    const char *const *ignore_any; // the same, and anywhere on their stack, or as the one that started them
    int retries; // as long as there are findings: so many further looks, after 1 us, 2 us, 4 us ... 100 ms
    int flags;   // RV_LEAK_LEFT, RV_LEAK_QUIET
} rv_leak_options;
enum {
    RV_LEAK_LEFT = 1, // all goroutines but the caller are findings, leaked or not: for the end of a test. Want retries
    RV_LEAK_QUIET = 2 // only count
};
// Looks for leaked goroutines now, says of each who it is, what it waits for, where that was made and who could have woken it, to
// stderr, and returns how many there are. options: NULL: none. -EAGAIN: no memory for a copy of the process. The other threads stand
// still while the copy is made, some milliseconds. Threads too.
RV_API int rv_leak_check(const rv_leak_options *options);
// Goroutines that exist now are no findings of later checks.
RV_API void rv_leak_ignore_current(void);

// ---- watching --------------------------------------------------------------------------------------------------------
// Threads may call all of it. None of it orders anything.

// Text that grows. Zero is ready, and empty; text is NULL until something is added, and ends in a NUL, which n does not count. Not for several at
// once. json: `text` in quotes, escaped; what is not UTF-8 becomes U+FFFD.
typedef struct rv_buf {
    char *text;
    size_t n, room;
} rv_buf;
RV_API void rv_buf_add(rv_buf *b, const void *bytes, size_t n);
RV_API void rv_buf_puts(rv_buf *b, const char *text);
RV_API void rv_buf_printf(rv_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
RV_API void rv_buf_json(rv_buf *b, const char *text);
RV_API void rv_buf_reset(rv_buf *b); // empty, and keeps its room
RV_API void rv_buf_free(rv_buf *b);  // empty, as at first

// How many calls that may block in the kernel goroutines have made: rv_syscall_enter, rv_blocking, and under `ravel cc` libc's.
RV_API int64_t rv_num_blocking_call(void);

typedef struct rv_memstats { // bytes
    uint64_t alloc;          // that malloc (glibc's) has handed out
    uint64_t heap_sys;       // that malloc has from the kernel
    uint64_t heap_idle;      // of these, not handed out
    uint64_t sys;            // that the process has in RAM, stacks and the library's own included
    uint64_t num_gc;         // rounds in which what lay unused in pools was given back
} rv_memstats;
RV_API void rv_memstats_read(rv_memstats *out);

// Figures by the names that Go's runtime/metrics has. read: fills in the other fields of each; a name that is not known: RV_METRIC_NONE. all: the first n
// of those that are known, in the order of names; returns how many there are. docs/monitoring.md lists them.
enum rv_metric_kind { RV_METRIC_NONE, RV_METRIC_UINT64 };
typedef struct rv_metric {
    const char *name;
    enum rv_metric_kind kind;
    uint64_t value;
    const char *help;
} rv_metric;
RV_API void rv_metrics_read(rv_metric *metrics, int n);
RV_API int rv_metrics_all(rv_metric *metrics, int n);

// Published variables. fn(arg, out) adds one JSON value to out, whenever somebody asks, by whoever does; for good. -EEXIST: the name is taken. The next three are
// such functions: of an int64_t, an rv_counter, a text. write: all of them as one JSON object, with "cmdline" and "memstats".
typedef void rv_var_fn(void *arg, rv_buf *out);
RV_API int rv_var_publish(const char *name, rv_var_fn *fn, void *arg);
RV_API void rv_var_int(void *number, rv_buf *out);
RV_API void rv_var_counter(void *counter, rv_buf *out);
RV_API void rv_var_text(void *text, rv_buf *out);
RV_API void rv_vars_write(rv_buf *out);

// Structured logging: a line for each record, by one write, with its time, level, message, who (goroutine, its name and labels; or thread), the
// request of ctx (NULL: none), and attributes:
//     rv_log(RV_LOG_WARN, ctx, "slow answer", RV_STR("path", path), RV_INT("ms", ms));
// Records below the level of rv_log_setup are not made. At first: text, to stderr, from RV_LOG_INFO on.
enum { RV_LOG_DEBUG = -4, RV_LOG_INFO = 0, RV_LOG_WARN = 4, RV_LOG_ERROR = 8 }; // and what lies between
enum rv_log_format { RV_LOG_TEXT, RV_LOG_JSON };
enum rv_attr_kind { RV_ATTR_STR, RV_ATTR_INT, RV_ATTR_DOUBLE, RV_ATTR_BOOL };
typedef struct rv_attr {
    const char *key;
    enum rv_attr_kind kind;
    union {
        const char *s;
        int64_t i; // of a bool, too
        double d;
    };
} rv_attr;
#define RV_STR(k, v)    ((rv_attr){.key = (k), .kind = RV_ATTR_STR, .s = (v)})
#define RV_INT(k, v)    ((rv_attr){.key = (k), .kind = RV_ATTR_INT, .i = (v)})
#define RV_DOUBLE(k, v) ((rv_attr){.key = (k), .kind = RV_ATTR_DOUBLE, .d = (v)})
#define RV_BOOL(k, v)   ((rv_attr){.key = (k), .kind = RV_ATTR_BOOL, .i = (v)})
#define rv_log(level, ctx, message, ...)                                                                               \
    do                                                                                                                 \
        if (rv_log_on(level)) {                                                                                        \
            const rv_attr rv_attrs[] = {{0}, ##__VA_ARGS__};                                                           \
            rv_log_write((level), (ctx), (message), rv_attrs, sizeof rv_attrs / sizeof *rv_attrs);                     \
        }                                                                                                              \
    while (0)
RV_API void rv_log_setup(int fd, enum rv_log_format format, int level);
RV_API bool rv_log_on(int level);
RV_API void rv_log_write(int level, rv_ctx *ctx, const char *message, const rv_attr *attrs, size_t n);
// A context that has a value (a text) for this key has the request of that name: rv_ctx_with_value(ctx, &rv_log_request, "r-17").
RV_API extern const char rv_log_request;

// ---- helpers in the header -------------------------------------------------------------------------------------------

// RV_MAIN(fn): a main() that runs `int fn(int argc, char **argv)` as the main goroutine and ends with its result.
struct rv_main_args {
    int argc, result;
    char **argv;
};
#define RV_MAIN(fn)                                                                                                    \
    static void rv_main_of_##fn(void *p)                                                                               \
    {                                                                                                                  \
        struct rv_main_args *a = (struct rv_main_args *)p;                                                             \
        a->result = fn(a->argc, a->argv);                                                                              \
    }                                                                                                                  \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        struct rv_main_args a = {argc, 0, argv};                                                                       \
        const int err = rv_run(rv_main_of_##fn, &a);                                                                   \
        return err ? 2 : a.result;                                                                                     \
    }

#ifdef __cplusplus
}
#endif
#endif
