// barrier.c: barriers. All that any thread did before it came to a round is ordered before what every thread does
// after the round. The last one to leave may destroy the barrier, so nothing is looked up after the wait but the
// round's token.
#include "instrument/blocking.h"

INTERFACE int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr, unsigned count)
{
    struct det_strand *s = ins_self();
    const int error = REAL(pthread_barrier_init)(b, attr, count);
    if (error == 0) det_barrier_init(s, CALLER_PC, (uintptr_t)b, count);
    return error;
}
INTERFACE int pthread_barrier_destroy(pthread_barrier_t *b)
{
    struct det_strand *s = ins_self();
    const int error = REAL(pthread_barrier_destroy)(b); // waits until all have left
    if (error == 0) det_barrier_destroy(s, CALLER_PC, (uintptr_t)b);
    return error;
}
INTERFACE int pthread_barrier_wait(pthread_barrier_t *b)
{
    struct det_strand *s = ins_self();
    const uint64_t token = det_barrier_enter(s, CALLER_PC, (uintptr_t)b);
    const int result = INS_BLOCKING(false, REAL(pthread_barrier_wait)(b));
    det_barrier_leave(s, CALLER_PC, (uintptr_t)b, token);
    return result;
}
