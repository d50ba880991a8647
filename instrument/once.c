// once.c: pthread_once and C11's call_once. All the function did is ordered before every return of the call. The
// function runs inside the real call, so that a cancellation or an exception in it leaves glibc's state as glibc
// wants it, and no event: the next caller runs it again.
#include "instrument/interpose.h"

struct run { // what the function needs to know, found by the one thread that runs it
    struct det_strand *s;
    uintptr_t pc;
    void *control;
    void (*fn)(void);
    struct run *outer; // another once, whose function called this one
};
static __thread struct run *running __attribute__((tls_model("initial-exec")));

static void run(void)
{
    struct run r = *running;
    r.fn();
    det_release(r.s, r.pc, (uintptr_t)r.control, DET_MUST);
}
#define ONCE(call)                                                                                                     \
    struct run r = {ins_self(), CALLER_PC, once, fn, running};                                                         \
    running = &r;                                                                                                      \
    call;                                                                                                              \
    running = r.outer;                                                                                                 \
    det_acquire(r.s, r.pc, (uintptr_t)once, DET_MUST)
INTERFACE int pthread_once(pthread_once_t *once, void (*fn)(void))
{
    int error;
    ONCE(error = REAL(pthread_once)(once, run));
    return error;
}
INTERFACE void call_once(once_flag *once, void (*fn)(void)) { ONCE(REAL(call_once)(once, run)); }
