// atomics.c: what compilers make of C11 and C++ atomics under -fsanitize=thread: 8 to 128 bits, all operations.
//
// The detector holds the object's lock from begin to end, so that a load acquires exactly what it read and the order
// of operations on one object is the order in which it saw them. Inside a signal handler that interrupted the
// detector, and on a thread it does not follow, begin and end do nothing, and the operation alone is right all the
// same: it is always at least as strong as the program asked for (on x86-64 only a seq_cst store and fence differ).
//
// Orders come as the compiler's constants; gcc adds bits for hardware lock elision and for __sync builtins, and lets
// a variable through unchecked. A 128-bit operation is a loop of cmpxchg16b: no libatomic, and so no lock that a
// plain load elsewhere would not know of.
#include "instrument/ins.h"

typedef uint8_t a8;
typedef uint16_t a16;
typedef uint32_t a32;
typedef uint64_t a64;
typedef unsigned __int128 a128;

static inline int order_of(int mo)
{
    const int order = mo & 0x7fff;
    return order <= __ATOMIC_SEQ_CST ? order : __ATOMIC_SEQ_CST;
}

// ---- the operations themselves -----------------------------------------------------------------------------------

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

// ---- the operations as the detector sees them -----------------------------------------------------------------------

// The real compare-exchange is always the strong one. The failed one is a load of the failure order.
#define CAS(type, a, seen, v, mo, fail, pc)                                                                            \
    ({                                                                                                                 \
        struct det_strand *s_ = ins_self();                                                                            \
        struct det_atomic op_;                                                                                         \
        det_atomic_begin(s_, pc, (uintptr_t)(a), sizeof(type), &op_);                                                  \
        const bool done_ = raw_cas_##type(a, seen, v);                                                                 \
        det_atomic_end(s_, &op_, done_ ? DET_OP_RMW : DET_OP_LOAD, order_of(done_ ? (mo) : (fail)));                   \
        done_;                                                                                                         \
    })
#define RMW(bits, name)                                                                                                \
    INTERFACE a##bits __tsan_atomic##bits##_##name(volatile a##bits *a, a##bits v, int mo)                             \
    {                                                                                                                  \
        struct det_strand *s = ins_self();                                                                             \
        struct det_atomic op;                                                                                          \
        det_atomic_begin(s, CALLER_PC, (uintptr_t)a, bits / 8, &op);                                                   \
        const a##bits old = raw_##name##_a##bits(a, v);                                                                \
        det_atomic_end(s, &op, DET_OP_RMW, order_of(mo));                                                              \
        return old;                                                                                                    \
    }
// gcc takes strong and weak, which store what they saw; clang takes val, which returns it.
#define WIDTH(bits)                                                                                                    \
    INTERFACE a##bits __tsan_atomic##bits##_load(const volatile a##bits *a, int mo)                                    \
    {                                                                                                                  \
        struct det_strand *s = ins_self();                                                                             \
        struct det_atomic op;                                                                                          \
        det_atomic_begin(s, CALLER_PC, (uintptr_t)a, bits / 8, &op);                                                   \
        const a##bits v = raw_load_a##bits(a);                                                                         \
        det_atomic_end(s, &op, DET_OP_LOAD, order_of(mo));                                                             \
        return v;                                                                                                      \
    }                                                                                                                  \
    INTERFACE void __tsan_atomic##bits##_store(volatile a##bits *a, a##bits v, int mo)                                 \
    {                                                                                                                  \
        struct det_strand *s = ins_self();                                                                             \
        struct det_atomic op;                                                                                          \
        det_atomic_begin(s, CALLER_PC, (uintptr_t)a, bits / 8, &op);                                                   \
        raw_store_a##bits(a, v, order_of(mo));                                                                         \
        det_atomic_end(s, &op, DET_OP_STORE, order_of(mo));                                                            \
    }                                                                                                                  \
    RMW(bits, exchange)                                                                                                \
    RMW(bits, fetch_add)                                                                                               \
    RMW(bits, fetch_sub)                                                                                               \
    RMW(bits, fetch_and)                                                                                               \
    RMW(bits, fetch_or)                                                                                                \
    RMW(bits, fetch_xor)                                                                                               \
    RMW(bits, fetch_nand)                                                                                              \
    INTERFACE int __tsan_atomic##bits##_compare_exchange_strong(volatile a##bits *a, a##bits *seen, a##bits v, int mo, \
                                                                int fail)                                              \
    {                                                                                                                  \
        a##bits was = *seen;                                                                                           \
        const bool done = CAS(a##bits, a, &was, v, mo, fail, CALLER_PC);                                               \
        if (!done) *seen = was;                                                                                        \
        return done;                                                                                                   \
    }                                                                                                                  \
    INTERFACE int __tsan_atomic##bits##_compare_exchange_weak(volatile a##bits *a, a##bits *seen, a##bits v, int mo,   \
                                                              int fail)                                                \
        __attribute__((alias("__tsan_atomic" #bits "_compare_exchange_strong")));                                      \
    INTERFACE a##bits __tsan_atomic##bits##_compare_exchange_val(volatile a##bits *a, a##bits was, a##bits v, int mo,  \
                                                                 int fail)                                             \
    {                                                                                                                  \
        CAS(a##bits, a, &was, v, mo, fail, CALLER_PC);                                                                 \
        return was;                                                                                                    \
    }

WIDTH(8)
WIDTH(16)
WIDTH(32)
WIDTH(64)
WIDTH(128)

// ---- fences --------------------------------------------------------------------------------------------------

INTERFACE void __tsan_atomic_thread_fence(int mo)
{
    det_fence(ins_self(), order_of(mo));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
// Between a thread and a handler on it: the call itself keeps the compiler from moving accesses across.
INTERFACE void __tsan_atomic_signal_fence(int mo) { (void)mo; }
