// testonly.c: what only tests of race detectors call: above all a barrier that orders threads without the detector
// seeing it.
//
// A test whose threads must run in a certain order, and be found to race all the same, puts this between them. The
// program gives 8 bytes; any number of uses, up to 65535 threads each. The last to arrive starts the next round.
#include "base/sys.h"
#include "instrument/ins.h"

union barrier {
    uint64_t word;
    struct {
        uint32_t round; // the futex
        uint16_t count, arrived;
    };
};

INTERFACE void __tsan_testonly_barrier_init(uint64_t *b, unsigned count)
{
    const union barrier fresh = {.count = (uint16_t)count};
    base_store_release(b, fresh.word); // release: for threads that are handed b without synchronisation
}
INTERFACE void __tsan_testonly_barrier_wait(uint64_t *b)
{
    union barrier seen = {.word = base_load_relaxed(b)}, next; // relaxed: the exchange checks it
    do {
        next = seen;
        next.arrived++;
        if (next.arrived == next.count) {
            next.arrived = 0;
            next.round++;
        }
    } while (!base_cas_acq_rel(b, &seen.word, next.word)); // what each did is before what all do next
    uint32_t *const round = &((union barrier *)b)->round;
    if (next.round != seen.round) {
        sys_futex_wake(round, INT32_MAX);
        return;
    }
    while (base_load_acquire(round) == seen.round) sys_futex_wait(round, seen.round); // acquire: pairs with the cas
}

// How many functions the calling thread is in, by its func_entry and func_exit.
INTERFACE unsigned long __tsan_testonly_shadow_stack_current_size(void)
{
    const struct det_strand_hot *h = (const struct det_strand_hot *)det_self();
    return (unsigned long)(h->frame - h->frame_lo) + h->depth_lost;
}
