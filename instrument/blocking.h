// instrument/blocking.h: what an interposer tells a runtime with goroutines (base/hooks.h), if one is in the program.
//
// A call that may sleep hands the goroutine's right to run to others meanwhile; the goroutine may come back in another thread. So
// what belongs to a thread comes first: a goroutine that is about to take a lock whose owner is a thread is pinned before the
// call, and let go of if the call failed.
#ifndef INSTRUMENT_BLOCKING_H
#define INSTRUMENT_BLOCKING_H

#include "base/hooks.h"
#include "instrument/interpose.h"

// surely: it will sleep, that is its purpose. True: ins_unblock comes after the call.
static inline bool ins_block(bool surely)
{
    return unlikely(ins_runtime != NULL) && ins_runtime->blocking_begin(surely);
}
static inline void ins_unblock(bool began)
{
    if (unlikely(began)) ins_runtime->blocking_end();
}
extern bool (*ins_give_way_slow)(void);
static inline bool ins_give_way(void) { return unlikely(ins_give_way_slow != NULL) && ins_give_way_slow(); }
static inline void ins_pin(void)
{
    if (unlikely(ins_runtime != NULL)) ins_runtime->pin();
}
static inline void ins_unpin(void)
{
    if (unlikely(ins_runtime != NULL)) ins_runtime->unpin();
}
static inline void ins_mask_changed(void)
{
    if (unlikely(ins_runtime != NULL)) ins_runtime->mask_changed();
}

// The value of a call that may sleep, and errno as it left it.
#define INS_BLOCKING(surely, call)                                                                                     \
    __extension__({                                                                                                    \
        const bool began_ = ins_block(surely);                                                                         \
        const __auto_type result_ = (call);                                                                            \
        ins_unblock(began_);                                                                                           \
        result_;                                                                                                       \
    })
// The value of a call that may sleep until somebody else lets go of something; `attempt` is the same without sleeping, `busy` its value
// where it would sleep. Where the runtime asks for that, it is attempted again and again, and others run in between.
#define INS_WAITING(attempt, busy, call)                                                                               \
    __extension__({                                                                                                    \
        __auto_type tried_ = unlikely(ins_give_way_slow != NULL) ? (attempt) : (busy);                                 \
        while (tried_ == (busy) && ins_give_way()) tried_ = (attempt);                                                 \
        tried_ == (busy) ? INS_BLOCKING(false, call) : tried_;                                                         \
    })
// An attempt to take a lock that belongs to a thread, which waits in `call`; error: whether it was not taken.
#define INS_PINNED(call, failed)                                                                                       \
    __extension__({                                                                                                    \
        ins_pin();                                                                                                     \
        const __auto_type got_ = (call);                                                                               \
        if (failed(got_)) ins_unpin();                                                                                 \
        got_;                                                                                                          \
    })

#endif
