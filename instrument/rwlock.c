// rwlock.c: readers-writer locks. In which mode the caller holds one is read from the lock: glibc keeps the writer's
// tid in it, and only the writer can see its own there. Calls that glibc refuses with EDEADLK (the writer wants it
// again) leave no event.
#include "instrument/blocking.h"

static bool writer_is_me(const pthread_rwlock_t *l)
{
    return __atomic_load_n(&l->__data.__cur_writer, __ATOMIC_RELAXED) == ins_me.tid;
}

INTERFACE int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
    struct det_strand *s = ins_self();
    const int error = REAL(pthread_rwlock_init)(l, attr);
    if (error == 0) det_lock_create(s, CALLER_PC, (uintptr_t)l, DET_LOCK_RW);
    return error;
}
INTERFACE int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
    struct det_strand *s = ins_self();
    det_lock_destroy(s, CALLER_PC, (uintptr_t)l);
    return REAL(pthread_rwlock_destroy)(l);
}
#define NOT_TAKEN(error)   ((error) != 0)
#define WAITING(call, how) LOCK(INS_BLOCKING(false, call), how)
#define LOCK(call, how)                                                                                                \
    ins_point();                                                                                                       \
    struct det_strand *s = ins_self();                                                                                 \
    const uintptr_t pc = CALLER_PC;                                                                                    \
    if (likely(!writer_is_me(l))) det_lock_request(s, pc, (uintptr_t)l, DET_LOCK_RW | (how));                          \
    const int error = INS_PINNED(call, NOT_TAKEN);                                                                     \
    if (error == 0) det_lock_acquired(s, pc, (uintptr_t)l, DET_LOCK_RW | (how));                                       \
    return error
// The writer is refused by the real call at once, and by no attempt.
static int attempt(const pthread_rwlock_t *l, int error) { return error == EBUSY && writer_is_me(l) ? EDEADLK : error; }
#define NOW(name) attempt(l, REAL(pthread_rwlock_##name)(l))
INTERFACE int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    LOCK(INS_WAITING(NOW(tryrdlock), EBUSY, REAL(pthread_rwlock_rdlock)(l)), DET_LOCK_READ);
}
INTERFACE int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    LOCK(REAL(pthread_rwlock_tryrdlock)(l), DET_LOCK_READ | DET_LOCK_TRY);
}
INTERFACE int pthread_rwlock_timedrdlock(pthread_rwlock_t *l, const struct timespec *until)
{
    WAITING(REAL(pthread_rwlock_timedrdlock)(l, until), DET_LOCK_READ | DET_LOCK_TRY);
}
INTERFACE int pthread_rwlock_clockrdlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
    WAITING(REAL(pthread_rwlock_clockrdlock)(l, clock, until), DET_LOCK_READ | DET_LOCK_TRY);
}
INTERFACE int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    LOCK(INS_WAITING(NOW(trywrlock), EBUSY, REAL(pthread_rwlock_wrlock)(l)), 0);
}
INTERFACE int pthread_rwlock_trywrlock(pthread_rwlock_t *l) { LOCK(REAL(pthread_rwlock_trywrlock)(l), DET_LOCK_TRY); }
INTERFACE int pthread_rwlock_timedwrlock(pthread_rwlock_t *l, const struct timespec *until)
{
    WAITING(REAL(pthread_rwlock_timedwrlock)(l, until), DET_LOCK_TRY);
}
INTERFACE int pthread_rwlock_clockwrlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
    WAITING(REAL(pthread_rwlock_clockwrlock)(l, clock, until), DET_LOCK_TRY);
}
INTERFACE int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    struct det_strand *s = ins_self();
    det_lock_release(s, CALLER_PC, (uintptr_t)l, DET_LOCK_RW | (writer_is_me(l) ? 0 : DET_LOCK_READ));
    const int error = REAL(pthread_rwlock_unlock)(l);
    if (error == 0) ins_unpin();
    return error;
}
