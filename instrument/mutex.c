// mutex.c: mutexes and spin locks.
//
// request before the real lock, acquired after it succeeded, release before the real unlock. Calls that glibc refuses
// without waiting or unlocking must leave no event: an error-checking mutex that the caller has already, an unlock of
// one that it does not have. Whether it has it is read from the mutex itself, as glibc does: only the owner can see
// its own tid there.
#include "instrument/mutex.h"

#include "base/sys.h"

enum {
    MUTEX_TYPE = 3,
    MUTEX_ROBUST = 16,
    MUTEX_INHERIT = 32,
    MUTEX_ELISION = 256 | 512
}; // bits of __kind, part of glibc's ABI since 2.4

static int kind_of(const pthread_mutex_t *m) { return __atomic_load_n(&m->__data.__kind, __ATOMIC_RELAXED); }
static int type_of(const pthread_mutex_t *m) { return kind_of(m) & MUTEX_TYPE; }
// A statically initialised lock is made known by its first request, so every one says what kind it is.
static int flags_of(const pthread_mutex_t *m) { return type_of(m) == PTHREAD_MUTEX_RECURSIVE ? DET_LOCK_RECURSIVE : 0; }
static bool mine(const pthread_mutex_t *m)
{
    return __atomic_load_n(&m->__data.__owner, __ATOMIC_RELAXED) == ins_me.tid;
}

bool ins_mutex_unlock_allowed(const pthread_mutex_t *m)
{
    const bool checks = type_of(m) == PTHREAD_MUTEX_RECURSIVE || type_of(m) == PTHREAD_MUTEX_ERRORCHECK ||
                        (kind_of(m) & (MUTEX_ROBUST | MUTEX_INHERIT));
    return !checks || mine(m);
}
void ins_mutex_release(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m, int how)
{
    det_lock_release(s, pc, (uintptr_t)m, flags_of(m) | how);
}
void ins_mutex_acquired(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m, int how, int error)
{
    if (error != 0 && error != EOWNERDEAD) return;
    if (unlikely(kind_of(m) & MUTEX_ROBUST)) ins_me.robust = true;
    if (error == EOWNERDEAD) det_acquire(s, pc, (uintptr_t)&ins_dead_owners, 0);
    det_lock_acquired(s, pc, (uintptr_t)m, flags_of(m) | how);
    if (error == EOWNERDEAD) det_lock_repair(s, pc, (uintptr_t)m);
}
void ins_mutex_request(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m, int how)
{
    // Refused with EDEADLK, it will not wait.
    if (unlikely(type_of(m) == PTHREAD_MUTEX_ERRORCHECK && mine(m))) return;
    det_lock_request(s, pc, (uintptr_t)m, flags_of(m) | how);
}
void ins_mutex_created(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m)
{
    det_lock_create(s, pc, (uintptr_t)m, flags_of(m));
}
// Before the real one: after it the memory may be another lock already. In use, it will be refused with EBUSY.
void ins_mutex_destroying(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m)
{
    if (__atomic_load_n(&m->__data.__nusers, __ATOMIC_RELAXED) == 0) det_lock_destroy(s, pc, (uintptr_t)m);
}

INTERFACE int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
    struct det_strand *s = ins_self();
    const int error = REAL(pthread_mutex_init)(m, attr);
    if (error == 0) ins_mutex_created(s, CALLER_PC, m);
    return error;
}
INTERFACE int pthread_mutex_destroy(pthread_mutex_t *m)
{
    ins_mutex_destroying(ins_self(), CALLER_PC, m);
    return REAL(pthread_mutex_destroy)(m);
}
#define LOCK(call, how)                                                                                                \
    ins_point();                                                                                                       \
    struct det_strand *s = ins_self();                                                                                 \
    const uintptr_t pc = CALLER_PC;                                                                                    \
    ins_mutex_request(s, pc, m, how);                                                                                  \
    const int error = call;                                                                                            \
    ins_mutex_acquired(s, pc, m, how, error);                                                                          \
    return error
// Checking makes critical sections several times longer, so that threads meet at locks far more often than natively,
// and a sleep costs both sides a system call, which is more than most sections last. So a plain mutex that is held is watched
// for a moment before the thread sleeps on it (hash table under one mutex: a third of the CPU time). A try that succeeds is
// a lock like any other. Robust and priority-inheriting mutexes are left to glibc.
enum { WATCH = 200 };
static int lock_soon(pthread_mutex_t *m)
{
    const int *const word = &m->__data.__lock; // part of glibc's ABI: 0 while nobody holds it
    for (int i = 0; i < WATCH; i++, base_pause())
        if (base_load_relaxed(word) == 0 && REAL(pthread_mutex_trylock)(m) == 0) return 0; // relaxed: a guess
    return REAL(pthread_mutex_lock)(m);
}
static int lock_plain(pthread_mutex_t *m)
{
    const bool plain = (kind_of(m) & ~MUTEX_ELISION) == PTHREAD_MUTEX_NORMAL;
    return unlikely(plain && base_load_relaxed(&m->__data.__lock) != 0) ? lock_soon(m) : REAL(pthread_mutex_lock)(m);
}
#define NOT_TAKEN(error) ((error) != 0 && (error) != EOWNERDEAD)
// Whoever holds it may be a goroutine that waits for the caller's P.
COLD static int lock_as_goroutine(pthread_mutex_t *m)
{
    const int error = REAL(pthread_mutex_trylock)(m);
    return error == EBUSY ? INS_WAITING(REAL(pthread_mutex_trylock)(m), EBUSY, lock_plain(m)) : error;
}
INTERFACE int pthread_mutex_lock(pthread_mutex_t *m)
{
    LOCK(INS_PINNED(unlikely(ins_runtime != NULL) ? lock_as_goroutine(m) : lock_plain(m), NOT_TAKEN), 0);
}
INTERFACE int pthread_mutex_trylock(pthread_mutex_t *m)
{
    LOCK(INS_PINNED(REAL(pthread_mutex_trylock)(m), NOT_TAKEN), DET_LOCK_TRY);
}
INTERFACE int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
    LOCK(INS_PINNED(INS_BLOCKING(false, REAL(pthread_mutex_timedlock)(m, until)), NOT_TAKEN), DET_LOCK_TRY);
}
INTERFACE int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const struct timespec *until)
{
    LOCK(INS_PINNED(INS_BLOCKING(false, REAL(pthread_mutex_clocklock)(m, clock, until)), NOT_TAKEN), DET_LOCK_TRY);
}
INTERFACE int pthread_mutex_unlock(pthread_mutex_t *m)
{
    struct det_strand *s = ins_self();
    if (likely(ins_mutex_unlock_allowed(m))) ins_mutex_release(s, CALLER_PC, m, 0);
    const int error = REAL(pthread_mutex_unlock)(m);
    if (error == 0) ins_unpin();
    return error;
}

// ---- spin locks ------------------------------------------------------------------------------------------------

INTERFACE int pthread_spin_init(pthread_spinlock_t *l, int shared)
{
    struct det_strand *s = ins_self();
    const int error = REAL(pthread_spin_init)(l, shared);
    if (error == 0) det_lock_create(s, CALLER_PC, (uintptr_t)l, DET_LOCK_SPIN);
    return error;
}
INTERFACE int pthread_spin_destroy(pthread_spinlock_t *l)
{
    struct det_strand *s = ins_self();
    det_lock_destroy(s, CALLER_PC, (uintptr_t)l);
    return REAL(pthread_spin_destroy)(l);
}
#define SPIN(call, how)                                                                                                \
    ins_point();                                                                                                       \
    struct det_strand *s = ins_self();                                                                                 \
    const uintptr_t pc = CALLER_PC;                                                                                    \
    det_lock_request(s, pc, (uintptr_t)l, DET_LOCK_SPIN | how);                                                        \
    const int error = call;                                                                                            \
    if (error == 0) det_lock_acquired(s, pc, (uintptr_t)l, DET_LOCK_SPIN | how);                                       \
    return error
// Not as a call that blocks: who has it lets go of it soon. But under sched=seed it may have been made to yield.
static int spin(pthread_spinlock_t *l)
{
    int error = EBUSY;
    if (unlikely(ins_give_way_slow != NULL))
        while ((error = REAL(pthread_spin_trylock)(l)) == EBUSY && ins_give_way()) continue;
    return error == EBUSY ? REAL(pthread_spin_lock)(l) : error;
}
INTERFACE int pthread_spin_lock(pthread_spinlock_t *l) { SPIN(INS_PINNED(spin(l), NOT_TAKEN), 0); }
INTERFACE int pthread_spin_trylock(pthread_spinlock_t *l)
{
    SPIN(INS_PINNED(REAL(pthread_spin_trylock)(l), NOT_TAKEN), DET_LOCK_TRY);
}
INTERFACE int pthread_spin_unlock(pthread_spinlock_t *l)
{
    struct det_strand *s = ins_self();
    det_lock_release(s, CALLER_PC, (uintptr_t)l, DET_LOCK_SPIN);
    const int error = REAL(pthread_spin_unlock)(l);
    ins_unpin();
    return error;
}
