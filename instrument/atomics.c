// atomics.c: what compilers make of C11 and C++ atomics under -fsanitize=thread: 8 to 128 bits, all operations.
//
// The detector holds the object's lock from begin to end, so that a load acquires exactly what it read and the order
// of operations on one object is the order in which it saw them. Inside a signal handler that interrupted the
// detector, and on a thread it does not follow, begin and end do nothing, and the operation alone is right all the
// same (atomic_raw.h). Before each operation a runtime may let other goroutines run. Objects of other sizes: atomics_any.c.
#include "instrument/atomic_raw.h"
#include "instrument/ins.h"

// The real compare-exchange is always the strong one. The failed one is a load of the failure order.
#define CAS(type, a, seen, v, mo, fail, pc)                                                                            \
    ({                                                                                                                 \
        ins_point();                                                                                                   \
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
        ins_point();                                                                                                   \
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
        ins_point();                                                                                                   \
        struct det_strand *s = ins_self();                                                                             \
        struct det_atomic op;                                                                                          \
        det_atomic_begin(s, CALLER_PC, (uintptr_t)a, bits / 8, &op);                                                   \
        const a##bits v = raw_load_a##bits(a);                                                                         \
        det_atomic_end(s, &op, DET_OP_LOAD, order_of(mo));                                                             \
        return v;                                                                                                      \
    }                                                                                                                  \
    INTERFACE void __tsan_atomic##bits##_store(volatile a##bits *a, a##bits v, int mo)                                 \
    {                                                                                                                  \
        ins_point();                                                                                                   \
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
    det_fence(ins_self(), CALLER_PC, order_of(mo));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
// Between a thread and a handler on it: the call itself keeps the compiler from moving accesses across.
INTERFACE void __tsan_atomic_signal_fence(int mo) { (void)mo; }
