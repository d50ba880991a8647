// instrument/atomic_raw.h: atomic operations on the program's objects, as the program would have done them itself.
//
// Always at least as strong as any order asks for: on x86-64 only a seq_cst store (and fence) differs from the rest.
// A 128-bit operation is a loop of cmpxchg16b: no libatomic, and so no lock that a plain load elsewhere would not
// know of. Such an object must be writable, loads included.
#ifndef INSTRUMENT_ATOMIC_RAW_H
#define INSTRUMENT_ATOMIC_RAW_H

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t a8;
typedef uint16_t a16;
typedef uint32_t a32;
typedef uint64_t a64;
typedef unsigned __int128 a128;

// Orders come as the compiler's constants; gcc adds bits for hardware lock elision and for __sync builtins, and lets
// a variable through unchecked.
static inline int order_of(int mo)
{
    const int order = mo & 0x7fff;
    return order <= __ATOMIC_SEQ_CST ? order : __ATOMIC_SEQ_CST;
}

// On failure *seen becomes what was there.
static inline bool cas128(volatile a128 *a, a128 *seen, a128 v)
{
    uint64_t lo = (uint64_t)*seen, hi = (uint64_t)(*seen >> 64);
    bool done;
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(done), "+m"(*a), "+a"(lo), "+d"(hi)
                     : "b"((uint64_t)v), "c"((uint64_t)(v >> 64))
                     : "memory");
    *seen = (a128)hi << 64 | lo;
    return done;
}
static inline a128 raw_load_a128(const volatile a128 *a)
{
    a128 seen = 0;
    cas128((volatile a128 *)a, &seen, 0); // stores only the zero that is there
    return seen;
}
static inline void raw_store_a128(volatile a128 *a, a128 v, int order)
{
    (void)order;
    a128 seen = raw_load_a128(a);
    while (!cas128(a, &seen, v)) {}
}
static inline bool raw_cas_a128(volatile a128 *a, a128 *seen, a128 v) { return cas128(a, seen, v); }
#define RAW_RMW_128(name, expr)                                                                                        \
    static inline a128 raw_##name##_a128(volatile a128 *a, a128 v)                                                     \
    {                                                                                                                  \
        a128 old = raw_load_a128(a);                                                                                   \
        while (!cas128(a, &old, (expr))) {}                                                                            \
        return old;                                                                                                    \
    }
RAW_RMW_128(exchange, v)
RAW_RMW_128(fetch_add, old + v)
RAW_RMW_128(fetch_sub, old - v)
RAW_RMW_128(fetch_and, old &v)
RAW_RMW_128(fetch_or, old | v)
RAW_RMW_128(fetch_xor, old ^ v)
RAW_RMW_128(fetch_nand, ~(old &v))

// A relaxed or acquire load and a release store are plain moves; everything with lock is seq_cst already.
#define RAW_RMW(type, name, builtin)                                                                                   \
    static inline type raw_##name##_##type(volatile type *a, type v) { return builtin(a, v, __ATOMIC_SEQ_CST); }
#define RAW(type)                                                                                                      \
    static inline type raw_load_##type(const volatile type *a) { return __atomic_load_n(a, __ATOMIC_SEQ_CST); }        \
    static inline void raw_store_##type(volatile type *a, type v, int order)                                           \
    {                                                                                                                  \
        if (order == __ATOMIC_SEQ_CST)                                                                                 \
            __atomic_store_n(a, v, __ATOMIC_SEQ_CST);                                                                  \
        else                                                                                                           \
            __atomic_store_n(a, v, __ATOMIC_RELEASE);                                                                  \
    }                                                                                                                  \
    static inline bool raw_cas_##type(volatile type *a, type *seen, type v)                                            \
    {                                                                                                                  \
        return __atomic_compare_exchange_n(a, seen, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                     \
    }                                                                                                                  \
    RAW_RMW(type, exchange, __atomic_exchange_n)                                                                       \
    RAW_RMW(type, fetch_add, __atomic_fetch_add)                                                                       \
    RAW_RMW(type, fetch_sub, __atomic_fetch_sub)                                                                       \
    RAW_RMW(type, fetch_and, __atomic_fetch_and)                                                                       \
    RAW_RMW(type, fetch_or, __atomic_fetch_or)                                                                         \
    RAW_RMW(type, fetch_xor, __atomic_fetch_xor)                                                                       \
    RAW_RMW(type, fetch_nand, __atomic_fetch_nand)
RAW(a8)
RAW(a16)
RAW(a32)
RAW(a64)

#endif
