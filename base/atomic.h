// base/atomic.h: atomic operations whose memory order is in the name.
// Thin names over the compiler's __atomic builtins; every use says in a comment what its order pairs with.
#ifndef BASE_ATOMIC_H
#define BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)
#define NOINLINE      __attribute__((noinline))
#define COLD          __attribute__((noinline, cold))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define base_load_relaxed(p)        __atomic_load_n((p), __ATOMIC_RELAXED)
#define base_load_acquire(p)        __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define base_load_seq_cst(p)        __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define base_store_relaxed(p, v)    __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define base_store_release(p, v)    __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define base_store_seq_cst(p, v)    __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define base_add_relaxed(p, v)      __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define base_add_acq_rel(p, v)      __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define base_sub_acq_rel(p, v)      __atomic_fetch_sub((p), (v), __ATOMIC_ACQ_REL)
#define base_or_relaxed(p, v)       __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define base_and_relaxed(p, v)      __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)
#define base_exchange_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define base_exchange_release(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define base_exchange_acq_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
// Each cas writes the value seen into *expected when it fails.
#define base_cas_relaxed(p, expected, v)                                                                               \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define base_cas_acquire(p, expected, v)                                                                               \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define base_cas_release(p, expected, v)                                                                               \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define base_cas_acq_rel(p, expected, v)                                                                               \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define base_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define base_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#define base_fence_seq_cst() __atomic_thread_fence(__ATOMIC_SEQ_CST)
// Orders this thread's own accesses against a handler on the same thread, or against membarrier() elsewhere.
#define base_compiler_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

ALWAYS_INLINE void base_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

#endif
