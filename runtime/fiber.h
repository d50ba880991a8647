// fiber.h: what AddressSanitizer and ThreadSanitizer are told when a thread goes on on another stack, in the builds that test
// the runtime under them (RAVEL_ASAN, RAVEL_TSAN). In every other build all of it is empty.
//
// A goroutine has a fiber, from when it first runs until its G is used again, and so has each M, for g0. Who leaves a stack says
// where it goes (rv__fiber_leave; rv__fiber_end: it never comes back) just before the switch, and who arrives says so first of all.
// What a thread did on one stack comes before what it does on the next, as it does on the processor. Whatever goes from
// thread to thread must be ordered by the runtime's atomics, and is so checked.
#ifndef RUNTIME_FIBER_H
#define RUNTIME_FIBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

#if defined(RAVEL_ASAN)
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

struct rv__fiber {
    const void *lo; // of the stack
    size_t size;
    void *fake; // AddressSanitizer's, while it has been left
};
static inline void rv__fiber_of_thread(struct rv__fiber *f) // the calling one's
{
    pthread_attr_t attr;
    void *lo = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &lo, &size);
        pthread_attr_destroy(&attr);
    }
    *f = (struct rv__fiber){lo, size, NULL};
}
// What an earlier goroutine left on the stack was never unwound: its red zones are still there.
static inline void rv__fiber_begin(struct rv__fiber *f, uintptr_t lo, uintptr_t hi)
{
    *f = (struct rv__fiber){(const void *)lo, hi - lo, NULL};
    __asan_unpoison_memory_region((const void *)lo, hi - lo);
}
ALWAYS_INLINE void rv__fiber_leave(struct rv__fiber *from, const struct rv__fiber *to)
{
    __sanitizer_start_switch_fiber(&from->fake, to->lo, to->size);
}
ALWAYS_INLINE void rv__fiber_end(const struct rv__fiber *to) { __sanitizer_start_switch_fiber(NULL, to->lo, to->size); }
ALWAYS_INLINE void rv__fiber_arrive(const struct rv__fiber *f) { __sanitizer_finish_switch_fiber(f->fake, NULL, NULL); }

#elif defined(RAVEL_TSAN)
#include <sanitizer/tsan_interface.h>

struct rv__fiber {
    void *tsan;
};
static inline void rv__fiber_of_thread(struct rv__fiber *f) { f->tsan = __tsan_get_current_fiber(); }
static inline void rv__fiber_begin(struct rv__fiber *f, uintptr_t lo, uintptr_t hi)
{
    (void)lo;
    (void)hi;
    if (f->tsan) __tsan_destroy_fiber(f->tsan); // of the goroutine that the G was before
    f->tsan = __tsan_create_fiber(0);
}
ALWAYS_INLINE void rv__fiber_end(const struct rv__fiber *to) { __tsan_switch_to_fiber(to->tsan, 0); }
ALWAYS_INLINE void rv__fiber_leave(struct rv__fiber *from, const struct rv__fiber *to)
{
    (void)from;
    rv__fiber_end(to);
}
ALWAYS_INLINE void rv__fiber_arrive(const struct rv__fiber *f) { (void)f; }

#else

struct rv__fiber {
    char none[0];
};
static inline void rv__fiber_of_thread(struct rv__fiber *f) { (void)f; }
static inline void rv__fiber_begin(struct rv__fiber *f, uintptr_t lo, uintptr_t hi)
{
    (void)f;
    (void)lo;
    (void)hi;
}
ALWAYS_INLINE void rv__fiber_leave(struct rv__fiber *from, const struct rv__fiber *to)
{
    (void)from;
    (void)to;
}
ALWAYS_INLINE void rv__fiber_end(const struct rv__fiber *to) { (void)to; }
ALWAYS_INLINE void rv__fiber_arrive(const struct rv__fiber *f) { (void)f; }
#endif

#endif
