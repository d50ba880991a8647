// Every atomic operation of every width and order, in C11's words, as __atomic and as __sync builtins; fences.
// Only compiled: what matters is which functions the compiler makes it call.
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef unsigned __int128 u128;

#define ORDERED(T, mo, n)                                                                                              \
    T exchange_##n##_##mo(T *p, T v) { return __atomic_exchange_n(p, v, mo); }                                         \
    T arithmetic_##n##_##mo(T *p, T v)                                                                                 \
    {                                                                                                                  \
        return __atomic_fetch_add(p, v, mo) + __atomic_fetch_sub(p, v, mo) + __atomic_fetch_and(p, v, mo) +            \
               __atomic_fetch_or(p, v, mo) + __atomic_fetch_xor(p, v, mo) + __atomic_fetch_nand(p, v, mo) +            \
               __atomic_add_fetch(p, v, mo) + __atomic_sub_fetch(p, v, mo) + __atomic_and_fetch(p, v, mo) +            \
               __atomic_or_fetch(p, v, mo) + __atomic_xor_fetch(p, v, mo) + __atomic_nand_fetch(p, v, mo);             \
    }                                                                                                                  \
    bool cas_##n##_##mo(T *p, T *seen, T v)                                                                            \
    {                                                                                                                  \
        return __atomic_compare_exchange_n(p, seen, v, false, mo, __ATOMIC_RELAXED) |                                  \
               __atomic_compare_exchange_n(p, seen, v, true, mo, __ATOMIC_RELAXED);                                    \
    }
#define WIDTH(T, n)                                                                                                    \
    T load_##n(const T *p)                                                                                             \
    {                                                                                                                  \
        return __atomic_load_n(p, __ATOMIC_RELAXED) + __atomic_load_n(p, __ATOMIC_CONSUME) +                           \
               __atomic_load_n(p, __ATOMIC_ACQUIRE) + __atomic_load_n(p, __ATOMIC_SEQ_CST);                            \
    }                                                                                                                  \
    void store_##n(T *p, T v)                                                                                          \
    {                                                                                                                  \
        __atomic_store_n(p, v, __ATOMIC_RELAXED);                                                                      \
        __atomic_store_n(p, v, __ATOMIC_RELEASE);                                                                      \
        __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                                      \
    }                                                                                                                  \
    ORDERED(T, __ATOMIC_RELAXED, n)                                                                                    \
    ORDERED(T, __ATOMIC_CONSUME, n)                                                                                    \
    ORDERED(T, __ATOMIC_ACQUIRE, n)                                                                                    \
    ORDERED(T, __ATOMIC_RELEASE, n)                                                                                    \
    ORDERED(T, __ATOMIC_ACQ_REL, n)                                                                                    \
    ORDERED(T, __ATOMIC_SEQ_CST, n)                                                                                    \
    bool cas_failures_##n(T *p, T *seen, T v)                                                                          \
    {                                                                                                                  \
        return __atomic_compare_exchange_n(p, seen, v, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE) |                    \
               __atomic_compare_exchange_n(p, seen, v, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                      \
    }                                                                                                                  \
    T sync_##n(T *p, T v)                                                                                              \
    {                                                                                                                  \
        const bool same = __sync_bool_compare_and_swap(p, v, v + 1);                                                   \
        return (T)same + __sync_val_compare_and_swap(p, v, v + 1) + __sync_fetch_and_add(p, v) +                       \
               __sync_fetch_and_sub(p, v) + __sync_fetch_and_or(p, v) + __sync_fetch_and_and(p, v) +                   \
               __sync_fetch_and_xor(p, v) + __sync_fetch_and_nand(p, v) + __sync_add_and_fetch(p, v) +                 \
               __sync_lock_test_and_set(p, v);                                                                         \
    }                                                                                                                  \
    void unlock_##n(T *p) { __sync_lock_release(p); }                                                                  \
    T c11_##n(_Atomic T *p, T v)                                                                                       \
    {                                                                                                                  \
        T seen = atomic_load_explicit(p, memory_order_acquire);                                                        \
        while (!atomic_compare_exchange_weak(p, &seen, v)) {}                                                          \
        atomic_store(p, v);                                                                                            \
        *p += v;                                                                                                       \
        return atomic_exchange(p, v) + atomic_fetch_add(p, v) + *p;                                                    \
    }

WIDTH(uint8_t, 8)
WIDTH(uint16_t, 16)
WIDTH(uint32_t, 32)
WIDTH(uint64_t, 64)
WIDTH(u128, 128)

int order_in_a_variable(int *p, int mo) { return __atomic_load_n(p, mo) + __atomic_fetch_add(p, 1, mo); }
int *pointer(_Atomic(int *) *p) { return atomic_fetch_add(p, 3); }
double floating(_Atomic double *p)
{
    double seen = atomic_load(p);
    while (!atomic_compare_exchange_weak(p, &seen, seen + 1.5)) {}
    return seen;
}
bool flag(atomic_flag *f)
{
    const bool was = atomic_flag_test_and_set(f) || __atomic_test_and_set(f, __ATOMIC_ACQUIRE);
    atomic_flag_clear_explicit(f, memory_order_release);
    return was;
}
void fences(int mo)
{
    atomic_thread_fence(memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    atomic_thread_fence(memory_order_release);
    atomic_thread_fence(memory_order_acq_rel);
    atomic_thread_fence(memory_order_seq_cst);
    atomic_thread_fence(mo);
    atomic_signal_fence(memory_order_acq_rel);
    __sync_synchronize();
}
