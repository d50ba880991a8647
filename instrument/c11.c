// c11.c: C11's mutexes and condition variables; its threads are in threads.c, call_once in once.c. In glibc a mtx_t is
// a pthread_mutex_t and a cnd_t a pthread_cond_t, but the functions reach each other inside libc, so that each needs
// an interposer of its own. tss_* need none: a thread's own values are nobody else's.
#include "instrument/cond.h"

static pthread_mutex_t *as_mutex(mtx_t *m) { return (pthread_mutex_t *)m; }
static int error_of(int result)
{
    return result == thrd_success ? 0 : result == thrd_timedout ? ETIMEDOUT : result == thrd_busy ? EBUSY : EINVAL;
}

INTERFACE int mtx_init(mtx_t *m, int type)
{
    struct det_strand *s = ins_self();
    const int result = REAL(mtx_init)(m, type);
    if (result == thrd_success) ins_mutex_created(s, CALLER_PC, as_mutex(m));
    return result;
}
INTERFACE void mtx_destroy(mtx_t *m)
{
    ins_mutex_destroying(ins_self(), CALLER_PC, as_mutex(m));
    REAL(mtx_destroy)(m);
}
#define NOT_TAKEN(result) ((result) != thrd_success)
#define LOCK(call, how)                                                                                                \
    ins_point();                                                                                                       \
    struct det_strand *s = ins_self();                                                                                 \
    ins_mutex_request(s, CALLER_PC, as_mutex(m), how);                                                                 \
    const int result = INS_PINNED(call, NOT_TAKEN);                                                                    \
    ins_mutex_acquired(s, CALLER_PC, as_mutex(m), how, error_of(result));                                              \
    return result
INTERFACE int mtx_lock(mtx_t *m) { LOCK(INS_WAITING(REAL(mtx_trylock)(m), thrd_busy, REAL(mtx_lock)(m)), 0); }
INTERFACE int mtx_trylock(mtx_t *m) { LOCK(REAL(mtx_trylock)(m), DET_LOCK_TRY); }
INTERFACE int mtx_timedlock(mtx_t *m, const struct timespec *until)
{
    LOCK(INS_BLOCKING(false, REAL(mtx_timedlock)(m, until)), DET_LOCK_TRY);
}
INTERFACE int mtx_unlock(mtx_t *m)
{
    struct det_strand *s = ins_self();
    if (likely(ins_mutex_unlock_allowed(as_mutex(m)))) ins_mutex_release(s, CALLER_PC, as_mutex(m), 0);
    const int result = REAL(mtx_unlock)(m);
    if (result == thrd_success) ins_unpin();
    return result;
}

INTERFACE int cnd_init(cnd_t *c)
{
    (void)ins_self();
    return REAL(cnd_init)(c);
}
INTERFACE int cnd_wait(cnd_t *c, mtx_t *m) { INS_WAIT(c, m, REAL(cnd_wait)(c, m), error_of); }
INTERFACE int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until)
{
    INS_WAIT(c, m, REAL(cnd_timedwait)(c, m, until), error_of);
}
INTERFACE int cnd_signal(cnd_t *c)
{
    det_cond_signal(ins_self(), CALLER_PC, (uintptr_t)c, false);
    return REAL(cnd_signal)(c);
}
INTERFACE int cnd_broadcast(cnd_t *c)
{
    det_cond_signal(ins_self(), CALLER_PC, (uintptr_t)c, true);
    return REAL(cnd_broadcast)(c);
}
INTERFACE void cnd_destroy(cnd_t *c)
{
    det_cond_destroy(ins_self(), CALLER_PC, (uintptr_t)c);
    REAL(cnd_destroy)(c);
}
