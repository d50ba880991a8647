// instrument/cond.h: a condition wait, shared by pthread_cond_* (cond.c) and C11's cnd_* (c11.c).
#ifndef INSTRUMENT_COND_H
#define INSTRUMENT_COND_H

#include "instrument/mutex.h"

struct ins_wait { // one wait in progress
    struct det_strand *s;
    uintptr_t pc;
    void *cond;
    pthread_mutex_t *mutex;
};
// The events before the wait and after it; error as pthread_cond_wait returns it.
void ins_wait_begin(const struct ins_wait *w);
void ins_wait_end(const struct ins_wait *w, int error);
// Cleanup handler: the waiting thread was cancelled; the mutex is its again.
void ins_wait_cancelled(void *w);

// Does `call` between the events, also when it is cancelled inside.
#define INS_WAIT(cond_, mutex_, call, error_of)                                                                        \
    struct ins_wait w = {ins_self(), CALLER_PC, cond_, (pthread_mutex_t *)(mutex_)};                                   \
    if (unlikely(!ins_mutex_unlock_allowed(w.mutex))) return call; /* EPERM at once */                                 \
    int result;                                                                                                        \
    ins_wait_begin(&w);                                                                                                \
    pthread_cleanup_push(ins_wait_cancelled, &w);                                                                      \
    result = INS_BLOCKING(false, call);                                                                                \
    pthread_cleanup_pop(0);                                                                                            \
    ins_wait_end(&w, error_of(result));                                                                                \
    return result

#endif
