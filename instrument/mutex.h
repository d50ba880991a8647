// instrument/mutex.h: what a condition wait and C11's mtx_t (which is a pthread_mutex_t) need of mutex.c.
#ifndef INSTRUMENT_MUTEX_H
#define INSTRUMENT_MUTEX_H

#include "instrument/blocking.h"

// False when glibc will refuse the caller's unlock with EPERM.
bool ins_mutex_unlock_allowed(const pthread_mutex_t *m);
// The events; how: DET_LOCK_TRY, DET_LOCK_COND. Acquired takes the real call's result and looks whether it has the lock.
void ins_mutex_created(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m);
void ins_mutex_destroying(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m);
void ins_mutex_request(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m, int how);
void ins_mutex_acquired(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m, int how, int error);
void ins_mutex_release(struct det_strand *s, uintptr_t pc, pthread_mutex_t *m, int how);

#endif
