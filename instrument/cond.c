// cond.c: condition variables.
//
// For the detector a wait is a release of the mutex, and an acquisition when it is over, by whatever it ended: a
// signal, a time-out, cancellation (glibc has taken the mutex again before any cleanup handler runs; ours is the
// first). glibc's own unlock and lock inside the wait pass through no interposer of ours.
#include "instrument/cond.h"

void ins_wait_begin(const struct ins_wait *w)
{
    det_cond_wait_begin(w->s, w->pc, (uintptr_t)w->cond);
    ins_mutex_release(w->s, w->pc, w->mutex, DET_LOCK_COND);
}
void ins_wait_end(const struct ins_wait *w, int error)
{
    // Every other error leaves the mutex with the caller, as a return of 0 does.
    const int lost = error == ENOTRECOVERABLE || error == EOWNERDEAD ? error : 0;
    // The wait was woken, and then took the mutex again while the thread kept what else it holds.
    det_cond_wait_end(w->s, w->pc, (uintptr_t)w->cond, error == 0);
    det_lock_request(w->s, w->pc, (uintptr_t)w->mutex, DET_LOCK_COND);
    ins_mutex_acquired(w->s, w->pc, w->mutex, DET_LOCK_COND, lost);
}
void ins_wait_cancelled(void *w) { ins_wait_end(w, ECANCELED); }

#define SAME(x) (x)
INTERFACE int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    INS_WAIT(c, m, REAL(pthread_cond_wait)(c, m), SAME);
}
INTERFACE int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    INS_WAIT(c, m, REAL(pthread_cond_timedwait)(c, m, until), SAME);
}
INTERFACE int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                                     const struct timespec *until)
{
    INS_WAIT(c, m, REAL(pthread_cond_clockwait)(c, m, clock, until), SAME);
}
INTERFACE int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
    (void)ins_self();
    return REAL(pthread_cond_init)(c, attr);
}
INTERFACE int pthread_cond_signal(pthread_cond_t *c)
{
    det_cond_signal(ins_self(), CALLER_PC, (uintptr_t)c, false);
    return REAL(pthread_cond_signal)(c);
}
INTERFACE int pthread_cond_broadcast(pthread_cond_t *c)
{
    det_cond_signal(ins_self(), CALLER_PC, (uintptr_t)c, true);
    return REAL(pthread_cond_broadcast)(c);
}
INTERFACE int pthread_cond_destroy(pthread_cond_t *c)
{
    det_cond_destroy(ins_self(), CALLER_PC, (uintptr_t)c);
    return REAL(pthread_cond_destroy)(c);
}
