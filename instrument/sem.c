// sem.c: POSIX semaphores. A post is ordered before the wait that it lets through. Which post that was is not known,
// so a wait is ordered after all posts before it; a post comes before the real one, a wait after.
#include "instrument/blocking.h"

#include <fcntl.h>

INTERFACE int sem_init(sem_t *sem, int shared, unsigned value)
{
    struct det_strand *s = ins_self();
    const int error = REAL(sem_init)(sem, shared, value);
    if (error == 0) det_sync_destroy(s, CALLER_PC, (uintptr_t)sem); // made anew
    return error;
}
INTERFACE int sem_destroy(sem_t *sem)
{
    det_sync_destroy(ins_self(), CALLER_PC, (uintptr_t)sem);
    return REAL(sem_destroy)(sem);
}
INTERFACE int sem_post(sem_t *sem)
{
    det_release(ins_self(), CALLER_PC, (uintptr_t)sem, DET_MUST);
    return REAL(sem_post)(sem);
}
#define WAIT(call)                                                                                                     \
    ins_point();                                                                                                       \
    struct det_strand *s = ins_self();                                                                                 \
    const int error = call;                                                                                            \
    if (error == 0) det_acquire(s, CALLER_PC, (uintptr_t)sem, DET_MUST);                                               \
    return error
static int attempt(sem_t *sem) // EBUSY: there is none to take
{
    const int saved = errno, error = REAL(sem_trywait)(sem);
    if (error == 0 || errno != EAGAIN) return error;
    errno = saved;
    return EBUSY;
}
INTERFACE int sem_wait(sem_t *sem) { WAIT(INS_WAITING(attempt(sem), EBUSY, REAL(sem_wait)(sem))); }
INTERFACE int sem_trywait(sem_t *sem) { WAIT(REAL(sem_trywait)(sem)); }
INTERFACE int sem_timedwait(sem_t *sem, const struct timespec *until)
{
    WAIT(INS_BLOCKING(false, REAL(sem_timedwait)(sem, until)));
}
INTERFACE int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until)
{
    WAIT(INS_BLOCKING(false, REAL(sem_clockwait)(sem, clock, until)));
}
// A named semaphore is the same object each time it is opened in this process, until it is closed as often.
INTERFACE sem_t *sem_open(const char *name, int flags, ...)
{
    (void)ins_self();
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    const unsigned value = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    return REAL(sem_open)(name, flags, mode, value);
}
INTERFACE int sem_close(sem_t *sem)
{
    (void)ins_self();
    return REAL(sem_close)(sem);
}
